"""`native.Redactor`, looking for all its kinds, beside presidio-analyzer's pattern recognisers for five of them."""

import sys
import types
from collections.abc import Callable
from typing import Any

from benches.native import Row, interleave, show
from gateway.native import Redactor

CLEAN = "The quick brown fox jumps over the lazy dog, in 3 of 4 cases since 2019; see section 2.1 for why. "
DENSE = "Mail ann@example.com or call +44 20 7946 0958, card 4111 1111 1111 1111, from 192.168.10.4. "
# Not its PhoneRecognizer: that is no pattern but libphonenumber, and takes twenty times as long as these together.
RECOGNIZERS = ("Email", "CreditCard", "Iban", "UsSsn", "Ip")
ENGINES = (
    "thinc", "thinc.api", "spacy", "spacy.cli", "spacy.language", "spacy.matcher", "spacy.pipeline", "spacy.tokens",
    "spacy.util", "spacy.vocab",
)  # fmt: skip


class Empty(type):
    """A class whose every attribute decorates without effect."""

    def __getattr__(cls, name: str) -> Callable[..., object]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: lambda decorated: decorated


class Hollow(types.ModuleType):
    """A module in which every name is an empty class."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return Empty(name, (), {})


def presidio() -> Callable[[str], object]:
    """The recognisers alone: presidio imports spaCy, which patterns do not need.

    Its check of mail domains would download the public suffix list, and try again at every call where there is no
    network: with the list that comes with tldextract it is measured at its best.
    """
    for name in ENGINES:
        sys.modules.setdefault(name, Hollow(name))
    import tldextract
    from presidio_analyzer import predefined_recognizers

    vars(tldextract)["extract"] = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    recognizers: list[Any] = [getattr(predefined_recognizers, f"{name}Recognizer")() for name in RECOGNIZERS]

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
