"""What calls of each format send and get."""

from __future__ import annotations

import orjson

from gateway.chat.format import Format
from gateway.native import Canon, Reading

CANON = Canon(b"secret")


def read(format: Format, **fields: object) -> Reading:
    return format.read(CANON, orjson.dumps({"model": "gpt", **fields}))
