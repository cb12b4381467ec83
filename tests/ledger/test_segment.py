"""The format of a segment: what is written is read, and damage costs the record it is in and no other."""

from __future__ import annotations

import tempfile
from pathlib import Path
from struct import pack
from zlib import crc32

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ledger.row import VERSION
from gateway.ledger.segment import (
    BEGINNING,
    CLOSED,
    HEAD,
    LARGEST,
    MAGIC,
    MARKER,
    OLD_MAGIC,
    OPENED,
    WINDOW,
    Reader,
    Writer,
    path_of,
)

SMALL = 8 << 10

texts = st.text(max_size=40) | st.sampled_from(['c["', 'o["', "]", MARKER.decode("latin-1")])
payloads = st.lists(texts | st.integers() | st.none(), min_size=1, max_size=6).map(
    lambda row: orjson.dumps(["id", *map(str, row)])
)
records = st.lists(st.tuples(st.booleans(), payloads), min_size=1, max_size=8)
Record = tuple[bool, bytes]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def written(folder: Path, some: list[Record], size: int = SMALL) -> Path:
    """A finished segment; each record is whether it is closed, and its payload."""
    path = path_of(folder, 1)
    path.unlink(missing_ok=True)
    writer = Writer(path, size)
    writer.begin()
    for closed, payload in some:
        assert writer.append(CLOSED if closed else OPENED, payload)
    writer.close()
    return path


def old(folder: Path, some: list[Record]) -> Path:
    """A segment as llm-gateway 0.1.0 wrote it."""
    data = OLD_MAGIC
    for closed, payload in some:
        body = (b"c" if closed else b"o") + payload
        data += pack("<II", len(body), crc32(body)) + body
    path = path_of(folder, 1)
    path.write_bytes(data.ljust(SMALL, b"\0"))
    return path


FORMATS = {"today's": written, "the old one": old}


def read(path: Path) -> list[Record]:
    """All sound records of a finished segment, closed ones before opened ones where they came in one run."""
    reader = Reader(path)
    found: list[Record] = []
    at: int | None = BEGINNING
    while at is not None:
        run = reader.read(at)
        found += [*((True, payload) for payload in run.closed), *((False, payload) for payload in run.opened)]
        at = run.end if run else reader.beyond(at)
    reader.close()
    return found


@pytest.mark.parametrize("write", FORMATS.values(), ids=FORMATS)
@settings(deadline=None)
@given(some=records)
def test_what_is_written_is_read(write: object, some: list[Record]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), some)  # type: ignore[operator]

        assert sorted(read(path)) == sorted(some)


@pytest.mark.parametrize("write", FORMATS.values(), ids=FORMATS)
@settings(deadline=None, max_examples=200)
@given(some=records, data=st.data())
def test_a_flipped_bit_costs_one_record_at_most(write: object, some: list[Record], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), some)  # type: ignore[operator]
        content = bytearray(path.read_bytes())
        used = len(bytes(content).rstrip(b"\0"))
        at = data.draw(st.integers(0, used - 1))
        content[at] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(content)

        found = read(path)

        missing = list(some)
        for record in found:
            missing.remove(record)  # nothing is made up, nothing comes twice
        assert len(missing) <= (0 if at < BEGINNING else 1)


@settings(deadline=None)
@given(some=records, data=st.data())
def test_a_cut_costs_what_is_behind_it(some: list[Record], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), some)
        content = path.read_bytes()
        ends = [BEGINNING]
        for _, payload in some:
            ends.append(ends[-1] + HEAD.size + len(payload))
        cut = data.draw(st.integers(BEGINNING, ends[-1]))
        path.write_bytes(content[:cut])

        assert sorted(read(path)) == sorted(some[: sum(end <= cut for end in ends) - 1])


def test_records_of_another_version_come_apart(tmp_path: Path) -> None:
    path = written(tmp_path, [(True, b"[1]")])
    shape = 1 << 31 | VERSION + 1 << 24 | 3
    newer = pack("<4sII", MARKER, shape, crc32(b"[2]", shape)) + b"[2]"
    content = path.read_bytes()
    end = BEGINNING + HEAD.size + 3
    path.write_bytes(content[:end] + newer + content[end + len(newer) :])
    reader = Reader(path)

    first = reader.read(BEGINNING)
    second = reader.read(first.end)

    assert (first.version, first.closed) == (VERSION, [b"[1]"])
    assert (second.version, second.closed) == (VERSION + 1, [b"[2]"])


def test_more_than_a_window_comes_bit_by_bit(tmp_path: Path) -> None:
    some = [(True, b'["%0*d"]' % (LARGEST - 5, n)) for n in range(6)]
    path = written(tmp_path, some, size=1 << 20)
    reader = Reader(path)

    first = reader.read(BEGINNING)

    assert 0 < len(first.closed) < 6
    assert first.end <= BEGINNING + WINDOW
    assert read(path) == some


def test_reading_stops_where_it_is_told_to(tmp_path: Path) -> None:
    reader = Reader(written(tmp_path, [(True, b"[1]"), (True, b"[2]")]))
    end = BEGINNING + HEAD.size + 3

    assert reader.read(BEGINNING, end).closed == [b"[1]"]
    assert not reader.read(end, end)


def test_a_record_is_there_as_soon_as_it_is_written(tmp_path: Path) -> None:
    writer = Writer(path_of(tmp_path, 1), SMALL)
    reader = Reader(writer.path)
    assert not reader.begun
    assert reader.blank(BEGINNING)

    writer.begin()
    writer.append(CLOSED, b"[1]")

    assert (reader.begun, reader.ours, reader.read(BEGINNING).closed) == (True, True, [b"[1]"])
    writer.close()


def test_a_record_without_its_head_is_not_there_yet(tmp_path: Path) -> None:
    """The payload is written first: a writer that is killed in between leaves no head."""
    path = written(tmp_path, [(True, b"[1]")])
    end = BEGINNING + HEAD.size + 3
    content = bytearray(path.read_bytes())
    content[end + HEAD.size : end + HEAD.size + 3] = b"[2]"
    path.write_bytes(content)
    reader = Reader(path)

    assert not reader.read(end)
    assert reader.blank(end)
    assert reader.beyond(end) is None


def test_a_segment_without_room_takes_nothing(tmp_path: Path) -> None:
    writer = Writer(path_of(tmp_path, 1), SMALL)
    writer.begin()
    assert writer.room == SMALL - len(MAGIC) - HEAD.size

    assert not writer.append(CLOSED, b"x" * (writer.room + 1))
    assert writer.append(CLOSED, b"x" * writer.room)
    assert not writer.append(OPENED, b"")
    writer.close()


def test_pages_can_be_had_ahead_of_need(tmp_path: Path) -> None:
    writer = Writer(path_of(tmp_path, 1), SMALL)

    list(writer.populate())
    writer.begin()
    writer.append(CLOSED, b"[1]")
    writer.close()

    assert read(writer.path) == [(True, b"[1]")]


def test_what_is_none_of_ours_has_no_records(tmp_path: Path) -> None:
    path = path_of(tmp_path, 1)
    path.write_bytes(b"somebody else's file" * 100)
    reader = Reader(path)

    assert (reader.ours, bool(reader.read(BEGINNING)), reader.beyond(BEGINNING)) == (False, False, None)


def test_a_segment_is_for_its_owner_only(tmp_path: Path) -> None:
    assert written(tmp_path, [(True, b"[1]")]).stat().st_mode & 0o777 == 0o600
