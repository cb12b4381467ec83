"""Embeddings on the wire."""

from __future__ import annotations

import orjson
import pytest

from gateway.api.formats.embeddings import Embeddings
from gateway.errors import InvalidRequest
from gateway.native import Tokenizer
from tests.api.formats.bodies import read

BODY = orjson.dumps(
    {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.5]}],
        "usage": {"prompt_tokens": 2, "total_tokens": 2},
    }
)


def test_an_answer_is_complete_when_it_has_come_whole() -> None:
    for end, complete in ((len(BODY), True), (len(BODY) - 5, False)):
        scanner = Embeddings().scanner(read(Embeddings(), input="Hello there"), stream=False)
        scanner.feed(BODY[:end])
        scanner.end()
        assert scanner.complete == complete


@pytest.mark.parametrize(("asked", "tokens"), [("Hello there", 2), (["Hello", "there"], 3), ([[1, 2], [3]], 3)])
def test_it_is_paid_for_by_what_is_asked(asked: object, tokens: int) -> None:
    assert Embeddings().count_input(read(Embeddings(), input=asked), Tokenizer.named("o200k_base")) == tokens


def test_without_an_input_there_is_nothing_to_embed() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read(Embeddings())
    assert refusal.value.param == "input"
