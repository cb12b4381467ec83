"""Segments ahead of need: one is ready, the limit holds, and a full disk is said once and tried again."""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.ledger.segment import Writer
from gateway.ledger.supply import Supply

SIZE = 16 << 10


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def supplies(tmp_path: Path) -> Iterator[Callable[..., Supply]]:
    made: list[Supply] = []

    def make(limit: int = 1 << 20, arrived: Callable[[], object] = int) -> Supply:
        folder = tmp_path / "set"
        folder.mkdir()
        made.append(Supply(folder, size=SIZE, limit=limit, arrived=arrived))
        made[-1].start()
        return made[-1]

    yield make
    for supply in made:
        supply.stop()
        supply.close()


def taken(supply: Supply, least: int = 1) -> Writer:
    found: list[Writer] = []

    def take() -> bool:
        found.extend(filter(None, [supply.take(least)]))
        return bool(found)

    until(take)
    return found[0]


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_the_first_segment_is_there_at_once(supplies: Callable[..., Supply]) -> None:
    assert supplies().ready


def test_the_next_one_is_made_when_one_is_taken(supplies: Callable[..., Supply]) -> None:
    arrived = threading.Event()
    supply = supplies(arrived=arrived.set)
    first = supply.take(1)
    arrived.clear()

    assert arrived.wait(20)
    second = taken(supply)

    assert first is not None
    assert [path.name for path in (first.path, second.path)] == ["000000000001.journal", "000000000002.journal"]
    for segment in (first, second):
        supply.retire(segment)


def test_one_that_is_too_small_gives_way_to_a_larger(supplies: Callable[..., Supply]) -> None:
    supply = supplies()

    assert supply.take(SIZE * 3) is None
    segment = taken(supply, SIZE * 3)

    assert segment.room >= SIZE * 3
    supply.retire(segment)


def test_the_limit_holds_until_segments_are_read(
    supplies: Callable[..., Supply], caplog: pytest.LogCaptureFixture
) -> None:
    supply = supplies(limit=2 * SIZE)
    segments = [taken(supply), taken(supply)]

    until(lambda: supply.trouble)
    assert "are the limit" in str(supply.trouble)
    assert not supply.ready
    segments[0].path.unlink()

    until(lambda: supply.ready)
    assert supply.trouble is None
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
    for segment in segments:
        supply.retire(segment)


def test_a_full_disk_is_said_once_leaves_no_file_and_is_tried_again(
    supplies: Callable[..., Supply], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[object] = []

    def refuse(*arguments: object) -> None:
        tried.append(arguments)
        full_disk()

    supply = supplies()
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", refuse)
        first = taken(supply)
        until(lambda: len(tried) >= 3)
        assert "No space left" in str(supply.trouble)
        assert list(first.path.parent.glob("*.journal")) == [first.path]

    until(lambda: supply.ready)
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
    supply.retire(first)


def test_closing_removes_what_nobody_took(supplies: Callable[..., Supply], tmp_path: Path) -> None:
    supply = supplies()

    supply.stop()
    supply.close()

    assert list((tmp_path / "set").iterdir()) == []


def test_who_cannot_be_told_does_not_end_the_thread(supplies: Callable[..., Supply]) -> None:
    def closed_loop() -> None:
        raise RuntimeError("Event loop is closed")

    supply = supplies(arrived=closed_loop)

    for _ in range(3):
        supply.retire(taken(supply))
