"""What clients send as names, headers and targets: bounded where it is read, and never more than a name."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.line import head
from tests.hostile.mutation import folded
from tests.hostile.site import MIB, PATH, Site, chat, unique

EVERY = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("prefix", ["", "openai/", "gpt-4o-mini", "openai/gpt-4o-mini/"])
@pytest.mark.parametrize("letter", ["m", "é", "/"])
def test_a_model_name_beyond_measure_is_refused_at_once(site: Site, prefix: str, letter: str) -> None:
    with site.probe() as probe:
        for size in (257, 8_000, 200_000, 7 * MIB):
            answer = site.ask("names", model=prefix + letter * (size // len(letter.encode()) + 1))
            assert answer.status in (400, 404)
            assert len(answer.body) < 2_000
    assert probe.stalls == []
    assert site.provider.calls == []


@pytest.mark.parametrize("prefix", ["", "openai/"])
def test_large_names_are_not_kept(site: Site, prefix: str) -> None:
    before = site.tree.resident()
    for number in range(60):
        assert site.ask("names", model=f"{prefix}{number}{'m' * MIB}").status in (400, 404)
    assert site.tree.resident() - before < 48 * MIB


NAMES: dict[str, Callable[[str], dict[str, Any]]] = {
    "namespace": lambda text: {"cache": {"namespace": text}},
    "directive": lambda text: {"cache": {text: True}},
    "model": lambda text: {"model": text},
    "prefixed model": lambda text: {"model": f"openai/{text}"},
    "role": lambda text: {"messages": [{"role": text, "content": "Hi"}]},
    "member": lambda text: {text: 1},
}


@pytest.mark.parametrize("place", NAMES)
def test_a_name_of_any_letters_is_a_name_or_refused(site: Site, place: str) -> None:
    @EVERY
    @given(
        st.text(min_size=1, max_size=40)
        | st.sampled_from(["a\r\nx-evil: 1", "\0", "x" * 5_000, "é" * 200, "*", "..", "//"])
    )
    def ask(text: str) -> None:
        answer = site.ask(unique(), **NAMES[place](text))
        assert answer.status in (200, 400, 404)
        assert "x-evil" not in answer.headers

    ask()


@pytest.mark.parametrize("name", ["x-request-id", "cache-control", "user-agent", "origin", "x-forwarded-for"])
def test_a_header_of_any_bytes_is_not_passed_on_unchecked(site: Site, name: str) -> None:
    @EVERY
    @given(st.binary(max_size=60) | st.sampled_from([b"x" * 7_000, b"a\tb", b"\xff" * 20, b'"; x="', b" ", b"req_0"]))
    def ask(value: bytes) -> None:
        text = value.translate(None, b"\r\n\0").decode("latin-1")
        answer = site.ask(unique(), lines=[f"{name}: {text}"])
        assert answer.status in (200, 400)
        if answer.status == 200:
            assert answer.id.isascii()
            assert answer.id.isprintable()
            assert 0 < len(answer.id) <= 512
            assert b"\xff" not in b"".join(value.encode() for value in site.provider.calls[-1].headers.values())

    ask()


TARGETS = {
    "long": "/" + "a" * 60_000,
    "long query": f"{PATH}?{'a' * 60_000}",
    "deep": "/a" * 20_000,
    "null": "/v1/\0",
    "bytes": "/\xff\xfe",
    "escaped": "/v1/chat%2fcompletions",
    "dots": "/v1/../admin/keys",
    "escaped dots": "/%2e%2e/admin/keys",
    "doubled": "//v1//chat//completions",
    "semicolon": "/v1/chat/completions;a=b",
    "absolute": "http://169.254.169.254/latest/meta-data",
    "other scheme": "file:///etc/passwd",
    "authority": "169.254.169.254:80",
    "asterisk": "*",
    "fragment": "/#/v1/chat/completions",
}


@pytest.mark.parametrize("method", ["GET", "POST", "CONNECT"])
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_target_of_any_form_leads_nowhere(site: Site, target: str, method: str) -> None:
    body = chat(unique())
    lines = [*site.lines, "connection: close", f"content-length: {len(body)}"]
    with site.line() as line:
        line.send(head(target, method, lines) + b"\r\n" + body)
        answers = line.answers()

    assert len(answers) <= 1
    for answer in answers:
        assert 400 <= answer.status < 500 or target.startswith(PATH)
        assert len(answer.body) < 2_000


MEMBERS = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "cache",
    "tools",
]


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_that_is_known_but_for_its_case_is_refused(site: Site, name: str) -> None:
    values: dict[str, Any] = {"model": "openai/gpt-4o", "messages": [], "stream": True, "cache": {}, "tools": []}
    chance = Random(name)

    for other in {name.title(), name.upper(), *(folded(chance, name) for _ in range(8))} - {name}:
        changed: dict[str, Any] = {other: values.get(name, 1)}
        answer = site.ask(unique(), **changed)
        assert (answer.status, other) == (400, other)

    assert site.provider.calls == []


def test_a_thousand_large_headers_cost_nothing(site: Site) -> None:
    began = time.monotonic()
    with site.probe() as probe:
        for number in range(100):
            lines = [f"x-{number}-{line}: {'v' * 1_000}" for line in range(60)]
            assert site.ask(unique(), lines=lines).status in (200, 400, 431)
    assert probe.stalls == []
    assert time.monotonic() - began < 60
