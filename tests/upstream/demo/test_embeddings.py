"""Embeddings."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Sequence

import pytest

from gateway.native import Tokenizer
from gateway.upstream.demo.embeddings import vector
from tests.upstream.demo.asking import asked, in_no_time, refused

__all__ = ["in_no_time"]

PATH = "/embeddings"


def likeness(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("dimensions", [1, 2, 256, 1536, 4096])
def test_vectors_have_length_one(dimensions: int) -> None:
    for text in ("a", "some words of a text", "?", "x" * 100_000, "🎉"):
        found = vector(text, dimensions)
        assert len(found) == dimensions
        assert math.hypot(*found) == pytest.approx(1, abs=1e-5)
        assert found == vector(text, dimensions)


def test_texts_that_share_words_are_near() -> None:
    bees, more_bees, ships = vector("bees dance", 1536), vector("why bees dance", 1536), vector("ships sail", 1536)

    assert likeness(bees, more_bees) > 0.6
    assert abs(likeness(bees, ships)) < 0.3


def test_an_answer_has_a_vector_for_each_input() -> None:
    answer = asked(PATH, input=["bees", "ships"])

    assert answer["object"] == "list"
    assert [entry["index"] for entry in answer["data"]] == [0, 1]
    assert [len(entry["embedding"]) for entry in answer["data"]] == [1536, 1536]
    assert answer["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert answer["data"][0]["embedding"] == pytest.approx(vector("bees", 1536), abs=1e-7)


def test_base64_holds_the_same_floats() -> None:
    (packed,) = asked(PATH, input="bees", encoding_format="base64", dimensions=8)["data"]

    assert struct.unpack("<8f", base64.b64decode(packed["embedding"])) == tuple(vector("bees", 8))


def test_an_input_may_be_tokens() -> None:
    tokens = Tokenizer.named("o200k_base").encode("why bees dance")

    assert asked(PATH, input=[tokens])["data"] == asked(PATH, input="why bees dance")["data"]


@pytest.mark.parametrize(
    ("extra", "param"),
    [({"dimensions": 0}, "dimensions"), ({"dimensions": 1 << 40}, "dimensions"), ({"encoding_format": "hex"}, "encoding_format"),
     ({"input": ""}, "input"), ({"input": ["x"] * 3000}, "input")],
)  # fmt: skip
def test_what_is_wrong_is_refused(extra: dict[str, object], param: str) -> None:
    assert refused(PATH, **{"input": "x", **extra})["param"] == param
