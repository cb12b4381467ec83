"""Logs as one JSON object a line, on standard error. Nothing of a request's content is ever logged."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

LONGEST_MESSAGE = 2048
LONGEST_TRACE = 16384


class JsonLines(logging.Formatter):
    """`at`, `level`, `from` and `message`, then what the call gave as `extra={"fields": {…}}`, and `trace` of an exception.

    Whatever a record holds, the line is bounded, printable and valid JSON.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "at": moment,
            "level": record.levelname.lower(),
            "from": record.name,
            "message": printable(_message(record), LONGEST_MESSAGE),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, Mapping):
            line |= {printable(name, 80): _plain(value) for name, value in fields.items() if name not in line}
        if record.exc_info:
            trace = self.formatException(record.exc_info)[-LONGEST_TRACE:]
            line["trace"] = "\n".join(printable(part, LONGEST_TRACE) for part in trace.split("\n"))
        return orjson.dumps(line).decode()


def configure(level: str = "info") -> None:
    """Sends the root logger's records of this level or above to standard error."""
    stream = logging.StreamHandler()
    stream.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[stream], force=True)


def printable(value: object, longest: int) -> str:
    """As text of at most so many characters, control characters and lone surrogates escaped."""
    text = str(value)
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # a wrong format string must not cost the line
        return str(record.msg)


def _plain(value: object) -> Any:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and abs(value) < 1 << 53:
        return value
    return printable(value, LONGEST_MESSAGE)
