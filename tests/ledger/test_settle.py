"""Our own count of a call whose provider gave no usage."""

from __future__ import annotations

import json

import pytest

from gateway.api.formats.chat import Chat
from gateway.chat.format import COUNTED_BYTES, KEPT_TEXT
from gateway.chat.usage import Usage
from gateway.ledger.settle import count
from gateway.native import Canon, Tokenizer

MODEL = "gpt-4o"
WORDS = "The gateway answers repeats from a cache. "


def counted(prompt: str, answer: str) -> Usage:
    body = {"model": MODEL, "messages": [{"role": "user", "content": prompt}]}
    scanner = Chat().scanner(Canon(b"secret").read(json.dumps(body).encode()), stream=True)
    for start in range(0, len(answer), 1 << 20):
        event = {"choices": [{"index": 0, "delta": {"content": answer[start : start + (1 << 20)]}}]}
        scanner.feed(b"data: %s\n\n" % json.dumps(event).encode())
    return count(MODEL, Chat(), Canon(b"secret").read(json.dumps(body).encode()), scanner)


def test_both_sides_are_counted_exactly_up_to_the_bound() -> None:
    text = (WORDS * COUNTED_BYTES)[:COUNTED_BYTES]
    count = Tokenizer.for_model(MODEL).count
    usage = counted(text, text[:KEPT_TEXT])
    assert usage.counted
    assert (usage.input, usage.output) == (count(text) + 7, count(text[:KEPT_TEXT]))


@pytest.mark.parametrize("text", [WORDS * 50_000, "a" * (2 << 20), "日本" * 100_000])
def test_beyond_the_bound_both_sides_are_estimated_from_what_was_counted(text: str) -> None:
    tokens = Tokenizer.for_model(MODEL).count(text)
    usage = counted(text, text)
    assert usage.counted
    assert usage.input == pytest.approx(tokens, rel=0.001)
    assert usage.output == pytest.approx(tokens, rel=0.001)


def test_of_an_answer_no_more_is_held_than_is_counted() -> None:
    scanner = Chat().scanner(
        Canon(b"secret").read(b'{"model":"m","messages":[{"role":"user","content":"a"}]}'), stream=True
    )
    for _ in range(100):
        scanner.feed(b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % (b"a" * 10_000))

    assert (len(scanner.generated), scanner.generated_size) == (KEPT_TEXT, 1_000_000)
