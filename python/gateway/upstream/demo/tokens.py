"""Text as tokens: cut to a length, in pieces as a model sends them, and with the probabilities that it would state."""

from __future__ import annotations

import codecs
import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.native import Tokenizer

ENCODING = "o200k_base"
COUNTED_BYTES = 64 << 10
"""Of a longer prompt, the rest is estimated in proportion."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was generated for one choice. `finish` is `stop` or `length`."""

    tokens: array[int]
    finish: str

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.pieces())

    def pieces(self) -> Iterator[tuple[str, Sequence[int]]]:
        """The text in pieces of whole characters, one token each where that is possible."""
        tokenizer = Tokenizer.named(ENCODING)
        decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        held = array("I")
        for token in self.tokens:
            held.append(token)
            if text := decoder.decode(tokenizer.decode([token])):
                yield text, held
                held = array("I")


def speak(text: str, *, stops: Sequence[str], limit: int | None) -> Spoken:
    """The text up to the first of its stop sequences and no longer than the limit in tokens."""
    ends = [found for stop in stops if (found := text.find(stop)) >= 0]
    tokens = array("I", Tokenizer.named(ENCODING).encode(text[: min(ends)] if ends else text))
    if limit is not None and len(tokens) > limit:
        return Spoken(tokens[:limit], "length")
    return Spoken(tokens, "stop")


def logprobs(tokens: Sequence[int], top: int) -> list[dict[str, Any]]:
    """What chat completions say of each token: its probability, and those of the `top` likeliest."""
    return [{**ranked[0], "top_logprobs": ranked[:top]} for ranked in (likely(token, top) for token in tokens)]


def likely(token: int, top: int) -> list[dict[str, Any]]:
    """The token itself, then others in falling order; at least one and at most `top`."""
    tokenizer = Tokenizer.named(ENCODING)
    chance = 0.6 + (token * 2654435761 % 4000) / 10_001
    ranked = []
    for rank in range(max(1, top)):
        raw = tokenizer.decode([token if rank == 0 else (token * 31 + rank * 7919) % 50_000])
        share = chance if rank == 0 else (1 - chance) / 2**rank
        ranked.append({"token": raw.decode("utf-8", "replace"), "logprob": math.log(share), "bytes": list(raw)})
    return ranked
