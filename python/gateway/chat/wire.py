"""JSON as providers write it, and server-sent events of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import orjson

from gateway.errors import Untranslatable
from gateway.native import Events

# orjson silently turns an integer over 64 bits into a float; a shorter one has fewer digits than this.
_LONG_NUMBER = re.compile(rb"[0-9]{19}")


def read(raw: bytes) -> Any:
    """The value of a JSON text. Integers of any size and lone surrogates are kept; raises `Untranslatable`."""
    if not _LONG_NUMBER.search(raw):
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError:
            pass
    try:
        return json.loads(raw.decode(), parse_float=_finite, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise Untranslatable from error


def write(value: Any) -> bytes:
    """A value as JSON, in UTF-8 or, where it holds lone surrogates, in ASCII; raises `Untranslatable`."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        pass
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError) as error:
        raise Untranslatable from error


def event(payload: Any) -> bytes:
    """One server-sent event with a JSON payload."""
    return b"data: " + write(payload) + b"\n\n"


def payloads(events: bytes) -> Iterator[Any]:
    """The JSON payloads of whole events, without `[DONE]`; raises `Untranslatable`."""
    splitter = Events(max_event=len(events))
    for _, data in splitter.feed(events):
        yield read(data)
    if (last := splitter.end()) is not None:
        yield read(last[1])


def _finite(text: str) -> float:
    value = float(text)
    return value if abs(value) != float("inf") else _refused(text)


def _refused(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of ours")
