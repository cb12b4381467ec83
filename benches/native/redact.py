"""`native.Redactor` beside presidio-analyzer's pattern recognisers for the same kinds."""

import importlib.machinery
import sys
from collections.abc import Callable
from typing import Any
from unittest.mock import MagicMock

from benches.native import Row, interleave, show
from gateway.native import Redactor

CLEAN = "The quick brown fox jumps over the lazy dog, in 3 of 4 cases since 2019; see section 2.1 for why. "
DENSE = "Mail ann@example.com or call +44 20 7946 0958, card 4111 1111 1111 1111, from 192.168.10.4. "
RECOGNIZERS = (
    "EmailRecognizer", "PhoneRecognizer", "CreditCardRecognizer", "IbanRecognizer", "UsSsnRecognizer", "IpRecognizer",
)  # fmt: skip


def presidio() -> Callable[[str], object]:
    """The recognisers without a language model: presidio imports spaCy, which patterns do not need."""
    for name in ("spacy", *(f"spacy.{part}" for part in ("tokens", "util", "cli", "language", "vocab"))):
        module = MagicMock(__path__=[], __spec__=importlib.machinery.ModuleSpec(name, None))
        sys.modules.setdefault(name, module)
    from presidio_analyzer import predefined_recognizers

    recognizers: list[Any] = [getattr(predefined_recognizers, name)() for name in RECOGNIZERS]

    def analyze(text: str) -> object:
        return [recognizer.analyze(text, recognizer.supported_entities, None) for recognizer in recognizers]

    return analyze


def row(case: str, text: str, analyze: Callable[[str], object]) -> Row:
    redactor = Redactor()
    ratios, ours, theirs = interleave(lambda: redactor.redact(text), lambda: analyze(text))
    return Row("redact", case, "presidio-analyzer's patterns", 20, ratios, ours * 1e6, theirs * 1e6, "µs")


def rows() -> list[Row]:
    analyze = presidio()
    return [
        row("1 KB, clean", (CLEAN * 11)[:1024], analyze),
        row("1 KB, dense", (DENSE * 12)[:1024], analyze),
        row("16 KB, two addresses", CLEAN * 80 + DENSE + CLEAN * 80, analyze),
    ]


if __name__ == "__main__":
    show(rows())
