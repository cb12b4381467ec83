"""The format of one journal segment: framed records that can be found again after damage.

A segment begins with `MAGIC`. Then come records of `marker 4s, shape u32, checksum u32, payload`, little-endian, and then
zeros. The shape says what the record is: bit 31 is set for a closed call, bits 24 to 30 are the version of the row, the rest
is the payload's length. The checksum is the CRC-32 of the payload, begun from the shape, so it covers both. A payload is the
JSON array of a row's values.

Invariants: no payload contains the marker, since UTF-8 has no such bytes. A head is written after its payload, so a process
that is killed in between leaves zeros where the head would be.

Segments of llm-gateway 0.1.0 (`gwjrnl01`) can be read too: records of `length u32, checksum u32, payload`, whose payload is
`o` or `c` and the JSON array of a row of version 1.
"""

from __future__ import annotations

import mmap
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct
from typing import Protocol
from zlib import crc32

from gateway.ledger.row import VERSION

MAGIC = b"gwjrnl02"
BEGINNING = len(MAGIC)
"""The offset of a segment's first record."""
OLD_MAGIC = b"gwjrnl01"
MARKER = b"\xff\xc1\xfd\xf8"
SIZE = 8 << 20
LARGEST = 64 << 10
"""Bytes of a record's payload at most."""
WINDOW = 256 << 10
"""Bytes that a reader takes in at a time: about a thousand records."""

HEAD = Struct("<4sII")
OPENED = VERSION << 24
"""The record of a call that is about to be paid for: the row that stands if it is never closed."""
CLOSED = 1 << 31 | OPENED
"""The row of a call that has ended."""
_LENGTH = (1 << 24) - 1
_VERSION = 0x7F
_HEAD_SIZE, _pack_head, _unpack_head = HEAD.size, HEAD.pack, HEAD.unpack_from
_OLD_HEAD = Struct("<II")
_OLD_PAYLOAD = re.compile(rb'[oc]\["')
_STEP = 64 << 10
_POPULATE_WRITE = 23
"""MADV_POPULATE_WRITE (Linux 5.14), which Python's mmap does not name."""


def path_of(folder: Path, number: int) -> Path:
    return folder / f"{number:012d}.journal"


class Writer:
    """The writing end of a new segment: a record is a copy into mapped memory, which survives the process.

    The blocks are allocated before they are mapped, because a store into a hole of a full disk is a SIGBUS.
    """

    __slots__ = ("_map", "_offset", "_size", "path")

    def __init__(self, path: Path, size: int = SIZE) -> None:
        """Raises OSError, and leaves no file behind, when there is no room for `size` bytes."""
        self.path = path
        self._size = size
        self._offset = len(MAGIC)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
            self._map = mmap.mmap(descriptor, size)
        except BaseException:
            path.unlink()
            raise
        finally:
            os.close(descriptor)

    def populate(self) -> Iterable[None]:
        """Brings the pages into memory bit by bit, as the iterator is advanced; a fault costs a writer 4 µs a page."""
        for start in range(0, self._size, _STEP):
            try:
                self._map.madvise(_POPULATE_WRITE, start, min(_STEP, self._size - start))
            except OSError:  # an older kernel: the pages come when they are written
                return
            yield

    def begin(self) -> None:
        """Marks the segment as the one that is written now; a reader takes the one before it for finished."""
        self._map[: len(MAGIC)] = MAGIC

    @property
    def room(self) -> int:
        """Bytes of the largest payload that still fits."""
        return self._size - self._offset - HEAD.size

    def append(self, kind: int, payload: bytes) -> bool:
        """Adds a record of kind `OPENED` or `CLOSED`; False when there is no room for it."""
        shape = kind | len(payload)
        offset = self._offset
        start = offset + _HEAD_SIZE
        end = start + len(payload)
        if end > self._size:
            return False
        self._map[start:end] = payload
        self._map[offset:start] = _pack_head(MARKER, shape, crc32(payload, shape))
        self._offset = end
        return True

    def close(self) -> None:
        """Unmaps the file; what was written stays."""
        self._map.close()


@dataclass(slots=True)
class Found:
    """The payloads of records of one row version, in order, and the offset where they end. False when there are none."""

    version: int = 0
    opened: list[bytes] = field(default_factory=list)
    closed: list[bytes] = field(default_factory=list)
    end: int = 0

    def turn(self, version: int) -> bool:
        """Takes records of a version; False when it has some of another."""
        if self.version == 0:
            self.version = version
        return self.version == version

    def __bool__(self) -> bool:
        return bool(self.closed or self.opened)


class _Format(Protocol):
    head: int
    """Bytes before the payload."""

    def run(self, data: bytes) -> Found:
        """The sound records at the beginning of `data`, up to a change of version; offsets count from there."""

    def seek(self, data: bytes, offset: int) -> int:
        """The next offset from `offset` on that looks like the beginning of a record; -1 when there is none."""


class _Today:
    head = HEAD.size

    @staticmethod
    def run(data: bytes) -> Found:
        found, start, size = Found(), _HEAD_SIZE, len(data)
        while start <= size:
            marker, shape, checksum = _unpack_head(data, start - _HEAD_SIZE)
            end = start + (shape & _LENGTH)
            payload = data[start:end]
            if marker != MARKER or end > size or crc32(payload, shape) != checksum:
                break
            if shape >> 24 & _VERSION != found.version and not found.turn(shape >> 24 & _VERSION):
                break
            (found.closed if shape >> 31 else found.opened).append(payload)
            found.end = end
            start = end + _HEAD_SIZE
        return found

    @staticmethod
    def seek(data: bytes, offset: int) -> int:
        return data.find(MARKER, offset)


class _Old:
    head = _OLD_HEAD.size

    @staticmethod
    def run(data: bytes) -> Found:
        found, start, size = Found(), _OLD_HEAD.size, len(data)
        while start <= size:
            length, checksum = _OLD_HEAD.unpack_from(data, start - _OLD_HEAD.size)
            payload = data[start : start + length]
            if payload[:1] not in (b"o", b"c") or len(payload) != length or crc32(payload) != checksum:
                break
            found.turn(1)
            (found.closed if payload[:1] == b"c" else found.opened).append(payload[1:])
            found.end = start + length
            start = found.end + _OLD_HEAD.size
        return found

    @staticmethod
    def seek(data: bytes, offset: int) -> int:
        found = _OLD_PAYLOAD.search(data, offset + _OLD_HEAD.size)
        return found.start() - _OLD_HEAD.size if found else -1


_FORMATS: dict[bytes, _Format] = {MAGIC: _Today, OLD_MAGIC: _Old}


class Reader:
    """The reading end of a segment that another process may be writing. Offsets are bytes from the file's beginning."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._format: _Format | None = None

    @property
    def begun(self) -> bool:
        """Whether the segment is in use; one that was only made ahead of need is blank."""
        return any(self._magic())

    @property
    def ours(self) -> bool:
        """Whether the segment says that it is one of ours. Sound records are found in any case."""
        return self._magic() in _FORMATS

    def read(self, offset: int, until: int = sys.maxsize) -> Found:
        """The records from `offset` on, a window of them at most, up to the first bytes that are no sound record."""
        found = self._form().run(os.pread(self._descriptor, min(WINDOW, until - offset), offset))
        found.end += offset
        return found

    def beyond(self, offset: int) -> int | None:
        """Where the next sound record begins after what cannot be read at `offset`; None when no more follow."""
        form = self._form()
        data = os.pread(self._descriptor, max(0, self.size - offset), offset)  # one just made may be empty
        at = _first(form, data)
        return None if at is None else offset + at

    def blank(self, offset: int) -> bool:
        """Whether nothing was written at `offset` yet."""
        return not any(os.pread(self._descriptor, self._form().head, offset))

    @property
    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def close(self) -> None:
        os.close(self._descriptor)

    def _magic(self) -> bytes:
        return os.pread(self._descriptor, len(MAGIC), 0)

    def _form(self) -> _Format:
        """The format that the magic names. Where the magic itself is damaged, the one of which there are sound records."""
        if self._format is None:
            magic = self._magic()
            if not any(magic):
                return _Today
            if magic in _FORMATS:
                self._format = _FORMATS[magic]
            else:
                data = os.pread(self._descriptor, self.size, 0)
                self._format = _Old if _first(_Today, data) is None and _first(_Old, data) is not None else _Today
        return self._format


def _first(form: _Format, data: bytes) -> int | None:
    """Where the first sound record of that format begins."""
    at = form.seek(data, 0)
    while at >= 0 and not form.run(data[at : at + WINDOW]):
        at = form.seek(data, at + 1)
    return at if at >= 0 else None
