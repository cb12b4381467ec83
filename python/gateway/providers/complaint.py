"""What a provider says when it refuses or fails, made fit to be passed on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

READ_LIMIT = 64 << 10
"""Bytes of an error that are read: what is longer says nothing."""
NAME_LIMIT = 64
PARAM_LIMIT = 128
MESSAGE_LIMIT = 2_000
PREFIX_SHOWN = 4
"""Characters of a key that may stand at the end of a text: `sk-` says nothing."""

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]+")
_NUMBER = r"\d{1,12}(?:\.\d{1,6})?"
_PASSED_ON = {
    "retry-after": re.compile(rf"{_NUMBER}|[A-Z][a-z]{{2}}, \d\d [A-Z][a-z]{{2}} \d{{4}} \d\d:\d\d:\d\d GMT", re.ASCII),
    "retry-after-ms": re.compile(_NUMBER, re.ASCII),
    "x-should-retry": re.compile(r"true|false", re.ASCII),
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """The fields of an OpenAI-shaped error: of the right type, of bounded length and without the provider's key."""

    message: str | None = None
    type: str | None = None
    param: str | None = None
    code: str | None = None

    @classmethod
    def read(cls, body: bytes, secret: str) -> Complaint:
        """From an error's body, whatever form it has: `{"error": {…}}`, `{"error": "…"}`, `{"message": …}`, a list of those.

        Empty where it has none of them. `secret` is masked wherever it is quoted.
        """
        found = _fields(body)
        return cls(
            message=_text(found.get("message"), secret, MESSAGE_LIMIT),
            type=_word(found.get("type"), secret, NAME_LIMIT),
            param=_word(found.get("param"), secret, PARAM_LIMIT),
            code=_word(found.get("code"), secret, NAME_LIMIT),
        )


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """Those of a failed answer's headers that are the client's business, where they are what they should be."""
    return {name: headers[name] for name, form in _PASSED_ON.items() if form.fullmatch(headers.get(name, ""))}


def _fields(body: bytes) -> dict[str, Any]:
    if len(body) > READ_LIMIT:
        return {}
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]
    if not isinstance(parsed, dict):
        return {}
    error = parsed.get("error", parsed)
    return error if isinstance(error, dict) else {"message": error}


def _word(value: object, secret: str, limit: int) -> str | None:
    text = _text(value, secret, limit)
    return " ".join(text.split()) if text else None


def _text(value: object, secret: str, limit: int) -> str | None:
    """A string or a number as a clean string; None for anything else, and for what has nothing in it."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = _CONTROL.sub(" ", _masked(str(value), secret)).strip()
    return (text if len(text) <= limit else text[: limit - 1] + "…") or None


def _masked(text: str, secret: str) -> str:
    """A text without the secret, even where it was cut in the middle of it."""
    if not secret:
        return text
    text = text.replace(secret, "[key]")
    for size in range(len(secret) - 1, PREFIX_SHOWN, -1):
        if text.endswith(secret[:size]):
            return text[:-size] + "[key]"
    return text
