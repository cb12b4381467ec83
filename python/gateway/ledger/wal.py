"""The write-ahead journal: preallocated, memory-mapped segments, so that a record is a copy and survives the process.

A segment is a file of `SEGMENT` bytes: an 8-byte magic, then records of `length u32, crc32 u32, payload`, little-endian; a
length of zero ends it. Blocks are allocated before they are mapped, for a store into a hole of a full disk would be SIGBUS.

Invariant: a record's length is written after its payload, so that a process killed in between leaves no record at all.
"""

from __future__ import annotations

import logging
import mmap
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import Struct

log = logging.getLogger(__name__)

MAGIC = b"gwjrnl01"
SEGMENT = 8 << 20
_LENGTH = Struct("<I")
_FRAME = Struct("<II")


class Segment:
    """One file of the journal. `pending` counts the records in it that the store does not yet make superfluous."""

    __slots__ = ("_map", "_offset", "path", "pending")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pending = 0
        self._offset = len(MAGIC)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, SEGMENT)
            self._map = mmap.mmap(descriptor, SEGMENT)
        except BaseException:
            path.unlink()
            raise
        finally:
            os.close(descriptor)
        self._map[: len(MAGIC)] = MAGIC

    def append(self, payload: bytes) -> bool:
        """Copies one record in; False when there is no room for it."""
        start = self._offset
        end = start + _FRAME.size + len(payload)
        if end + _LENGTH.size > SEGMENT:
            return False
        self._map[start + 4 : end] = _LENGTH.pack(zlib.crc32(payload)) + payload
        self._map[start : start + 4] = _LENGTH.pack(len(payload))
        self._offset = end
        return True

    def remove(self) -> None:
        self._map.close()
        self.path.unlink(missing_ok=True)


class Journal:
    """Segments in a folder, the newest one open. What earlier processes left is read once, by `recover`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._left_behind = sorted(path for path in folder.glob("*.journal") if path.stem.isdecimal())
        self._damaged: set[Path] = set()
        self._number = int(self._left_behind[-1].stem) if self._left_behind else 0
        self._segments: list[Segment] = []
        self._current = self._grow()

    def append(self, payload: bytes) -> Segment:
        """Records `payload` and returns the segment that holds it, its `pending` raised by one."""
        if not self._current.append(payload):
            self._current = self._grow()
            if not self._current.append(payload):
                raise ValueError(f"A journal record of {len(payload)} bytes is larger than a segment.")
        self._current.pending += 1
        return self._current

    def trim(self) -> None:
        """Removes the finished segments of which nothing is pending."""
        for segment in [s for s in self._segments if s.pending == 0 and s is not self._current]:
            self._segments.remove(segment)
            segment.remove()

    def recover(self) -> Iterator[bytes]:
        """The records that earlier processes left, in order. Call `forget` once they are safe elsewhere."""
        for path in self._left_behind:
            yield from self._records(path)

    def forget(self) -> None:
        """Removes what `recover` has read; a damaged segment is set aside instead, for somebody to look at."""
        for path in self._left_behind:
            if path in self._damaged:
                path.rename(path.with_suffix(".damaged"))
            else:
                path.unlink(missing_ok=True)
        self._left_behind = []

    def close(self) -> None:
        """Removes what is not needed any more; a segment with pending records stays for the next start."""
        for segment in self._segments:
            if segment.pending == 0:
                segment.remove()

    def _grow(self) -> Segment:
        self._number += 1
        segment = Segment(self._folder / f"{self._number:012d}.journal")
        self._segments.append(segment)
        return segment

    def _records(self, path: Path) -> Iterator[bytes]:
        """The records of one segment. A length out of range ends it; a payload that is not what was written is left out."""
        data = path.read_bytes()
        offset = len(MAGIC)
        if not data.startswith(MAGIC) and any(data[:offset]):
            self._damaged.add(path)
            log.error("journal segment %s is not one of ours and is left out", path.name)
            return
        while offset + _FRAME.size <= len(data):
            length, checksum = _FRAME.unpack_from(data, offset)
            if length == 0:
                return
            payload = data[offset + _FRAME.size : offset + _FRAME.size + length]
            if zlib.crc32(payload) == checksum:
                yield payload
            else:
                self._damaged.add(path)
                log.error("journal segment %s has a damaged record at byte %d", path.name, offset)
            offset += _FRAME.size + length
