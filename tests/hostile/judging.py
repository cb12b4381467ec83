"""What an answer must be, whatever was asked and whatever the provider did."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from tests.hostile.strict import Answer

COMPLETE = {
    "stop",
    "length",
    "tool_calls",
    "function_call",
    "max_tokens",
    "end_turn",
    "stop_sequence",
    "eos",
    "eos_token",
}
"""Finish reasons with which an answer may be kept."""


class Broken(AssertionError):
    """Something that must hold does not."""


def hold(condition: object, why: str) -> None:
    if not condition:
        raise Broken(why)


def decent(answer: Answer) -> None:
    """What holds of every answer, whatever was asked and whatever the provider did."""
    hold(answer.status != 500, "a 500")
    hold(200 <= answer.status < 600, f"status {answer.status}")
    if answer.status >= 400 and answer.whole and answer.headers.get("content-type") == "application/json":
        error = answer.error
        hold(error is not None and set(error) == {"message", "type", "param", "code"}, "an error of another shape")
        hold(len(answer.body) < 16_000, "an error beyond measure")
    if answer.status == 200 and answer.streamed and answer.whole:
        hold(answer.events[-1:] == [b"[DONE]"], "a stream that ends in order, but not in [DONE]")
    hold(b"sk-upstream-secret" not in answer.body, "the provider's key")


def complete(answer: Answer) -> bool:
    """Whether each choice has come to a finish with which an answer may be kept. Where a finish is said twice, either counts."""
    finishes: defaultdict[float, list[Any]] = defaultdict(list)
    try:
        for text in answer.events if answer.streamed else [answer.body]:
            piece = (
                {} if text == b"[DONE]" else json.loads(text, object_pairs_hook=_said, parse_int=float)
            )  # a long int is an error
            for choice in piece.get("choices", [[]])[-1] or ():
                index = choice.get("index", [0])[-1]
                finishes[index if isinstance(index, float) else 0.0] += choice.get("finish_reason", [])
    except (ValueError, AttributeError, TypeError, RecursionError):
        return False
    return bool(finishes) and all(any(_proper(finish) for finish in said) for said in finishes.values())


def _said(pairs: list[tuple[str, Any]]) -> dict[str, list[Any]]:
    """Every value that each name has."""
    members: dict[str, list[Any]] = {}
    for name, value in pairs:
        members.setdefault(name, []).append(value)
    return members


def _proper(finish: Any) -> bool:
    return isinstance(finish, str) and finish in COMPLETE


def kept_rightly(first: Answer, again: Answer) -> None:
    """Nothing that was not whole is ever served again; `again` is the next answer to the same question."""
    hold(again.sound, f"asked again of a healthy provider: {again.status} {again.error}")
    if again.cache == "hit":
        hold(first.sound, "what the client was told is broken was kept")
        hold(complete(first), "an incomplete answer was kept")
