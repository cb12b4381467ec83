"""The worker's writing end: what is written can be read at once and after a death, and no full disk stops a call."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.ledger.journal import LOCK, Journal
from gateway.ledger.segment import BEGINNING, LARGEST, Reader

SEGMENT = 16 << 10


class Turns:
    """Runs what is to run soon, in the thread of the test."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Callable[[], None]] = queue.Queue()

    def soon(self, act: Callable[[], None]) -> None:
        self._queue.put(act)

    def until(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline
            try:
                self._queue.get(timeout=0.01)()
            except queue.Empty:
                continue


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
def journals(tmp_path: Path, turns: Turns) -> Iterator[Callable[..., Journal]]:
    made: list[Journal] = []

    def make(**options: int) -> Journal:
        made.append(Journal(tmp_path / "journal", soon=turns.soon, **{"segment": SEGMENT, **options}))
        return made[-1]

    yield make
    for journal in made:
        journal.close()


def record(id: str, size: int = 0) -> bytes:
    return b'["%b","%b"]' % (id.encode(), b"x" * size)


def segments(journal: Journal) -> list[tuple[list[bytes], list[bytes]]]:
    """What is opened and closed in each begun segment."""
    found = []
    for path in sorted(journal.folder.glob("*.journal")):
        reader = Reader(path)
        if reader.begun:
            run = reader.read(BEGINNING)
            found.append((run.opened, run.closed))
        reader.close()
    return found


def closed(journal: Journal) -> list[bytes]:
    return [record for _, closed in segments(journal) for record in closed]


@pytest.fixture
def no_space(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """The disk is full until the fixture is called."""
    with monkeypatch.context() as patch:

        def refuse(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        patch.setattr(os, "posix_fallocate", refuse)
        yield patch.undo


def test_a_record_can_be_read_when_the_call_returns(journals: Callable[..., Journal]) -> None:
    journal = journals()

    journal.opened("a", record("a"))
    journal.closed("b", record("b"))

    assert segments(journal) == [([record("a")], [record("b")])]


def test_each_segment_begins_with_the_calls_that_are_open(journals: Callable[..., Journal], turns: Turns) -> None:
    journal = journals()
    journal.opened("long", record("long"))
    journal.opened("long", record("long", 7))  # a second attempt
    journal.opened("short", record("short"))
    journal.closed("short", record("short"))
    for n in range(40):
        journal.closed(f"{n}", record(f"{n}", 900))
        turns.until(lambda: not journal.waiting)

    first, *others = segments(journal)

    assert first[0] == [record("long"), record("long", 7), record("short")]
    assert len(others) >= 2
    assert [opened for opened, _ in others] == [[record("long", 7)]] * len(others)
    assert closed(journal) == [record("short"), *(record(f"{n}", 900) for n in range(40))]


def test_a_set_is_locked_from_when_it_can_be_seen(journals: Callable[..., Journal]) -> None:
    journal = journals()

    with (journal.folder / LOCK).open() as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    journal.close()
    with (journal.folder / LOCK).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    assert [path.name for path in journal.folder.parent.iterdir()] == [journal.folder.name]


def test_two_workers_have_sets_of_their_own(journals: Callable[..., Journal]) -> None:
    assert journals().folder != journals().folder


def test_a_full_disk_keeps_closed_calls_in_memory_until_there_is_room(
    journals: Callable[..., Journal], turns: Turns, no_space: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    journal = journals()
    journal.opened("open", record("open"))
    journal.opened("brief", record("brief"))
    journal.closed("brief", record("brief"))
    for n in range(100):
        journal.closed(f"{n}", record(f"{n}", 500))

    assert (journal.waiting, journal.full) == (101, False)
    assert "No space left" in str(journal.trouble)
    no_space()
    turns.until(lambda: not journal.waiting)

    assert closed(journal) == [record("brief"), *(record(f"{n}", 500) for n in range(100))]
    assert segments(journal)[-1][0] == [record("open")]
    assert journal.trouble is None
    assert [entry.levelno for entry in caplog.records] == [logging.ERROR, logging.WARNING]


def test_a_disk_that_fills_up_under_way_loses_nothing(
    journals: Callable[..., Journal], turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = journals(limit=5 * SEGMENT)
    for n in range(300):
        journal.closed(f"{n}", record(f"{n}", 500))
    assert journal.waiting
    turns.until(lambda: "are the limit" in str(journal.trouble))
    found: list[bytes] = []

    def drained() -> bool:
        for path in sorted(journal.folder.glob("*.journal"))[:-1]:
            reader = Reader(path)
            found.extend(reader.read(BEGINNING).closed)
            reader.close()
            path.unlink()
        return not journal.waiting

    turns.until(drained)

    assert [*found, *closed(journal)] == [record(f"{n}", 500) for n in range(300)]


def test_a_full_memory_refuses_new_calls_and_still_takes_what_open_ones_have_to_say(
    journals: Callable[..., Journal], turns: Turns, no_space: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    journal = journals(spool=5_000)
    journal.opened("open", record("open"))
    while not journal.full:
        journal.closed("x", record("x", 500))
    before = journal.waiting

    journal.closed("open", record("open"))

    assert (before, journal.waiting) == (10, 11)
    assert "memory" in str(journal.trouble)
    no_space()
    turns.until(lambda: not journal.waiting)
    assert (journal.full, journal.trouble, closed(journal)[-1]) == (False, None, record("open"))
    assert sum("new calls are refused" in entry.message for entry in caplog.records) == 1


def test_closing_writes_what_waits_if_there_is_room(
    journals: Callable[..., Journal], no_space: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    journal = journals()
    journal.closed("a", record("a"))

    no_space()
    journal.close()

    assert closed(journal) == [record("a")]


def test_closing_says_how_many_calls_are_lost(
    journals: Callable[..., Journal], no_space: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    journal = journals()
    journal.closed("a", record("a"))

    journal.close()

    assert "1 closed calls could not be written" in caplog.text


def test_more_open_calls_than_a_segment_holds(journals: Callable[..., Journal], turns: Turns) -> None:
    journal = journals()
    for n in range(200):
        journal.opened(f"{n}", record(f"{n}", 200))

    turns.until(lambda: len(segments(journal)[-1][0]) == 200)
    journal.closed("x", record("x"))

    assert segments(journal)[-1][1] == [record("x")]


def test_a_record_that_no_reader_takes_in_is_refused(journals: Callable[..., Journal]) -> None:
    journal = journals()

    for write in (journal.opened, journal.closed):
        with pytest.raises(ValueError, match="larger than"):
            write("a", b"x" * (LARGEST + 1))

    assert segments(journal) == [([], [])]


@pytest.mark.parametrize("closing", [False, True])
def test_many_segments_leave_no_memory_mapped(journals: Callable[..., Journal], turns: Turns, closing: bool) -> None:
    journal = journals()
    for n in range(200):
        journal.closed(f"{n}", record(f"{n}", 900))
        turns.until(lambda: not journal.waiting)
    if closing:
        journal.close()

    def mapped() -> int:
        return Path("/proc/self/maps").read_text().count(str(journal.folder))

    turns.until(lambda: mapped() <= (0 if closing else 3))
