"""What providers say: any JSON in any place is an answer, an error of theirs, or not kept; it never sizes or breaks anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.end_to_end.upstream import USAGE, Script
from tests.end_to_end.upstream import completion as echo
from tests.hostile.judging import kept_rightly
from tests.hostile.mutation import NESTED, SCALARS, Raw
from tests.hostile.scripts import bit, completion, piece, said, stream, tool, whole
from tests.hostile.site import MIB, Site, chat, unique

INDEXES = [
    10_000_000,
    2**31,
    2**63,
    2**64,
    -1,
    1.5,
    "0",
    None,
    True,
    [],
    {},
    Raw(b"1e400"),
    Raw(b"9" * 400),
    "x" * 1000,
]
ANY = [*SCALARS, *NESTED]


def pair(make: Callable[[Any], tuple[Any, list[Any]]], value: Any) -> tuple[Script, Script]:
    """The same value in a whole answer and in a stream."""
    answer, pieces = make(value)
    return whole(answer), stream(*pieces, b"[DONE]")


PLACES: dict[str, Callable[[Any], tuple[Any, list[Any]]]] = {
    "a choice's index": lambda v: (
        completion([said(v)]),
        [piece([bit(v, content="Yes.")]), piece([bit(v, "stop")])],
    ),
    "a tool call's index": lambda v: (
        completion([said(finish="tool_calls", tool_calls=[tool(v)])]),
        [piece([bit(tool_calls=[tool(v)])]), piece([bit(finish="tool_calls")])],
    ),
    "a finish reason": lambda v: (
        completion([said(finish=v)]),
        [piece([bit(content="Yes.")]), piece([bit(finish=v)])],
    ),
    "usage": lambda v: (
        completion([said()], v),
        [piece([bit(content="Yes.")]), piece([bit(finish="stop")]), piece([], v)],
    ),
    "a count of tokens": lambda v: (
        completion([said()], {**USAGE, "completion_tokens": v}),
        [piece([bit(content="Yes.", finish="stop")]), piece([], {**USAGE, "prompt_tokens": v})],
    ),
    "details of usage": lambda v: (
        completion([said()], {**USAGE, "prompt_tokens_details": {"cached_tokens": v}, "cost": v}),
        [piece([bit(content="Yes.", finish="stop")]), piece([], {**USAGE, "completion_tokens_details": v})],
    ),
    "an error": lambda v: (completion([said()], error=v), [piece([bit(content="Yes.", finish="stop")], error=v)]),
    "an error alone": lambda v: ({"error": v}, [piece([bit(content="Ye")]), {"error": v}]),
    "choices": lambda v: (completion(v), [piece([bit(content="Yes.", finish="stop")]), piece(v)]),
    "a choice": lambda v: (completion([said(), v]), [piece([bit(content="Yes.", finish="stop"), v])]),
    "a message": lambda v: (
        completion([{**said(), "message": v}]),
        [piece([{**bit(), "delta": v}]), piece([bit(finish="stop")])],
    ),
    "content": lambda v: (completion([said(content=v)]), [piece([bit(content=v)]), piece([bit(finish="stop")])]),
    "tool calls": lambda v: (
        completion([said(tool_calls=v)]),
        [piece([bit(tool_calls=v)]), piece([bit(finish="tool_calls")])],
    ),
    "arguments": lambda v: (
        completion([said(tool_calls=[{**tool(0), "function": {"name": v, "arguments": v}}])]),
        [piece([bit(tool_calls=[{**tool(0), "function": {"name": v, "arguments": v}}])]), piece([bit(finish="stop")])],
    ),
    "logprobs": lambda v: (
        completion([{**said(), "logprobs": v}]),
        [piece([{**bit(content="Yes."), "logprobs": v}]), piece([bit(finish="stop")])],
    ),
    "audio": lambda v: (completion([said(audio=v)]), [piece([bit(audio=v)]), piece([bit(finish="stop")])]),
    "an id": lambda v: (
        completion([said()], id=v, model=v),
        [piece([bit(content="Yes.", finish="stop")], id=v, created=v)],
    ),
    "everything": lambda v: (v, [v]),
}
CASES = [(place, value) for place in PLACES for value in (INDEXES if "index" in place else ANY)]


@pytest.mark.parametrize("shape", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("place", PLACES)
def test_any_json_in_any_place(site: Site, place: str, shape: bool) -> None:
    values = INDEXES if "index" in place else ANY
    before = site.tree.resident()
    with site.probe() as probe:
        for value in values:
            site.provider.answer = pair(PLACES[place], value)[shape]
            first, *again = site.thrice(shape)
            assert first.status in (200, 502, 503, 504), first
            kept_rightly(first, again[0])
            assert again[1].sound
    assert probe.stalls == []
    assert site.tree.resident() - before < 64 * MIB
    rows = site.rows(3 * len(values))
    assert len(rows) == 3 * len(values)
    assert all((row["cost_pico"] or 0) >= 0 and 0 <= row["output_tokens"] < 2**63 for row in rows)


EMPTY: dict[str, tuple[Any, ...]] = {
    "nothing": (),
    "done alone": (b"[DONE]",),
    "usage": (piece([], USAGE), b"[DONE]"),
    "usage without an end": (piece([], USAGE),),
    "no choices": (piece([]), piece([]), b"[DONE]"),
    "null choices": (piece(None), b"[DONE]"),
    "a role": (piece([bit(role="assistant")]), b"[DONE]"),
    "a finish": (piece([bit(finish="stop")]), b"[DONE]"),
    "empty content": (piece([bit(content="")]), piece([bit(content="", finish="stop")]), piece([], USAGE), b"[DONE]"),
    "an empty event": (b"", b"[DONE]"),
    "an empty object": ({}, b"[DONE]"),
    "usage first": (piece([], USAGE), piece([bit(content="Yes.", finish="stop")]), b"[DONE]"),
    "more after done": (piece([bit(content="Yes.", finish="stop")]), b"[DONE]", piece([bit(content="No.")])),
}


@pytest.mark.parametrize("usage", [False, True], ids=["without usage", "with usage"])
@pytest.mark.parametrize("said", EMPTY.values(), ids=EMPTY)
def test_an_answer_without_content_leaves_the_connection_in_step(
    site: Site, said: tuple[Any, ...], usage: bool
) -> None:
    question, healthy = unique(), echo("We are in step.")
    site.provider.answer = lambda request: (
        stream(*said)(request) if question.encode() in request.body else healthy(request)
    )
    options = {"stream_options": {"include_usage": True}} if usage else {}
    calls = [chat(question, stream=shape, **(options if shape else {})) for shape in (True, True, False, False, True)]
    between = chat("Are we in step?")
    requests = [site.request(body) for call in calls for body in (call, between)]

    answers = site.together(*requests, site.request(between, lines=["connection: close"]))

    for answer in answers[1::2]:
        assert b"in step" in answer.body
    for answer in answers:
        assert answer.status in (200, 502)
