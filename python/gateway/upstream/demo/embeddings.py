"""Embeddings: unit vectors in which texts that share words are near each other."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import sys
from array import array
from collections.abc import Iterator

import orjson

from gateway.native import Tokenizer
from gateway.upstream.demo import pace
from gateway.upstream.demo.completions import texts
from gateway.upstream.demo.fields import Fields, Refused
from gateway.upstream.demo.tokens import COUNTED_BYTES, ENCODING

DIMENSIONS = 1536
MOST_DIMENSIONS = 4096
_READ = 20_000
"""Characters whose words are looked at."""
_SPOTS = 8
_OWN_SHARE = 0.2
"""How much of a vector comes of the whole text, the rest of its words."""


def answer(body: bytes, request: Fields, mark: str, created: int) -> Iterator[pace.Read]:
    """The reads of the answer, one vector each; raises `Refused` before the first."""
    inputs = texts(request, "input")
    dimensions = request.integer("dimensions", 1, MOST_DIMENSIONS) or DIMENSIONS
    encoding = request.text("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise Refused("'encoding_format' must be 'float' or 'base64'.", "encoding_format")
    if not all(inputs):
        raise Refused("'input' must not hold an empty string.", "input")
    counter = Tokenizer.named(ENCODING).within(COUNTED_BYTES)
    count = sum(counter.count(text) for text in inputs)
    rest = {"model": request.text("model"), "usage": {"prompt_tokens": count, "total_tokens": count}}
    return _reads(inputs, dimensions, encoding, orjson.dumps(rest))


def _reads(inputs: list[str], dimensions: int, encoding: str, rest: bytes) -> Iterator[pace.Read]:
    opening = b'{"object":"list","data":['
    for index, text in enumerate(inputs):
        found = vector(text, dimensions)
        shown = [round(value, 8) for value in found] if encoding == "float" else _packed(found)
        entry = {"object": "embedding", "index": index, "embedding": shown}
        yield (0.0 if index else pace.FIRST_TOKEN_SECONDS), opening + orjson.dumps(entry)
        opening = b","
    yield 0.0, b"]," + rest[1:]


def vector(text: str, dimensions: int) -> array[float]:
    """A vector of length 1, the same for the same text."""
    words = re.findall(r"\w+", text[:_READ].lower())
    spots = array("d", bytes(8 * dimensions))
    for word in words:
        drawn = array("I", hashlib.shake_128(word.encode()).digest(4 * _SPOTS))
        for number in drawn:
            spots[(number >> 1) % dimensions] += 1.0 if number & 1 else -1.0
    own = array("h", hashlib.shake_128(b"\0" + text.encode()).digest(2 * dimensions))
    own_scale = _OWN_SHARE / (math.hypot(*own) or 1.0)
    spots_scale = 1.0 / (math.hypot(*spots) or 1.0)
    mixed = [value * own_scale + spot * spots_scale for value, spot in zip(own, spots, strict=True)]
    length = math.hypot(*mixed)
    if length == 0.0:  # one dimension can cancel itself out
        mixed, length = [1.0] + [0.0] * (dimensions - 1), 1.0
    return array("f", [value / length for value in mixed])


def _packed(values: array[float]) -> str:
    """Little-endian 32-bit floats in base64, as OpenAI packs them."""
    if sys.byteorder == "big":
        values = array("f", values)
        values.byteswap()
    return base64.b64encode(values.tobytes()).decode()
