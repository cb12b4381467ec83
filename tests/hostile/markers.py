"""Marks in questions, by which an answer can be told from those to other requests, even where the request was mutated."""

from __future__ import annotations

import re
from zlib import crc32

_SHAPE = re.compile(rb"<((?:client|provider)\.\d+)\.(\d+)\.(\d{5})>")


def mark(name: str, number: int = 0) -> str:
    """The mark of one request of a case. Its last digits are a checksum: what mutation makes of it is no mark."""
    return f"<{name}.{number}.{_checksum(name, number):05d}>"


def marks(text: bytes) -> list[tuple[str, int]]:
    """The names and numbers of the marks in a text, in their order."""
    found = [(name.decode(), int(number), int(check)) for name, number, check in _SHAPE.findall(text)]
    return [(name, number) for name, number, check in found if check == _checksum(name, number)]


def _checksum(name: str, number: int) -> int:
    return crc32(f"{name}.{number}".encode()) % 100_000
