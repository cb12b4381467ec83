"""One set of the journal, read while it is written, cut short or damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.control.journal_set import MOST_DAMAGED, START, JournalSet, OldSegments
from gateway.control.store.base import Position
from gateway.ledger.journal import Journal
from gateway.ledger.segment import BEGINNING, OLD_MAGIC, path_of
from tests.control.made import record

SEGMENT = 16 << 10
Followed = tuple[Journal, JournalSet]


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Callable[[], Followed]]:
    """A journal and the set that follows it."""
    opened: list[Followed] = []

    def start() -> Followed:
        journal = Journal(tmp_path / "journal", soon=lambda _: None, segment=SEGMENT)
        opened.append((journal, JournalSet(journal.folder, aside=tmp_path / "journal" / "damaged")))
        return opened[-1]

    yield start
    for journal, followed in opened:
        journal.close()
        followed.close()


def closed(journal: Journal, *ids: str) -> None:
    for id in ids:
        journal.closed(id, record(id, error="x" * 500))
        while journal.waiting:
            journal._go_on()


def rest(followed: JournalSet, cursor: Position = START) -> tuple[list[str], Position]:
    """The ids of all calls closed after a position, and the position behind them."""
    followed.look()
    ids: list[str] = []
    while batch := followed.read(cursor):
        assert batch.end > cursor
        ids += [row[0] for row in batch.closed]
        cursor = batch.end
    return ids, cursor


def flip(folder: Path, number: int, what: bytes) -> None:
    """Flips a bit where `what` stands in a segment."""
    path = path_of(folder, number)
    with path.open("r+b") as file:
        at = file.read().index(what)
        file.seek(at)
        file.write(bytes([what[0] ^ 1]))


def test_a_worker_is_followed_over_its_segments(worker: Callable[[], Followed]) -> None:
    journal, followed = worker()
    names = [f"{n:03}" for n in range(100)]

    closed(journal, *names[:60])
    first, cursor = rest(followed)
    closed(journal, *names[60:])
    second, end = rest(followed, cursor)

    assert (first, second) == (names[:60], names[60:])
    assert end.segment >= 3
    assert rest(followed, end) == ([], end)


def test_another_cursor_can_go_up_to_the_first(worker: Callable[[], Followed]) -> None:
    journal, followed = worker()
    names = [f"{n:03}" for n in range(60)]
    closed(journal, *names)
    _, until = rest(followed)
    closed(journal, "later")

    found, cursor = [], START
    while batch := followed.read(cursor, until):
        found += [row[0] for row in batch.closed]
        cursor = batch.end

    assert (found, cursor) == (names, until)


def test_a_worker_is_gone_when_its_lock_is_free(worker: Callable[[], Followed]) -> None:
    journal, followed = worker()
    followed.look()
    assert not followed.abandoned

    journal.close()
    followed.look()

    assert followed.abandoned


def test_drained_segments_are_removed(worker: Callable[[], Followed]) -> None:
    journal, followed = worker()
    closed(journal, *(f"{n}" for n in range(60)))
    _, end = rest(followed)

    removed = followed.discard(before=end.segment)

    assert removed == end.segment - 1 > 0
    assert min(path.name for path in journal.folder.glob("*.journal")) == f"{end.segment:012d}.journal"


def test_the_set_is_removed_with_all_that_is_in_it(worker: Callable[[], Followed]) -> None:
    journal, followed = worker()
    closed(journal, "a")
    journal.close()
    followed.look()

    followed.remove()

    assert list(journal.folder.parent.iterdir()) == []


def test_damage_costs_one_record_is_said_once_and_set_aside(
    worker: Callable[[], Followed], caplog: pytest.LogCaptureFixture
) -> None:
    journal, followed = worker()
    closed(journal, *(f"{n:03}" for n in range(60)))
    flip(journal.folder, 1, b'"003"')
    flip(journal.folder, 1, b'"007"')

    ids, end = rest(followed)
    again, _ = rest(followed)
    followed.discard(before=end.segment)

    assert ids == again == [f"{n:03}" for n in range(60) if n not in (3, 7)]
    assert sum("damaged" in entry.message for entry in caplog.records) == 1
    assert [path.name for path in (journal.folder.parent / "damaged").iterdir()] == [
        f"{journal.folder.name}-000000000001.journal"
    ]


def test_in_a_living_segment_damage_is_believed_at_the_second_look(worker: Callable[[], Followed]) -> None:
    journal, followed = worker()
    closed(journal, "a", "b", "c")
    flip(journal.folder, 1, b'"b"')

    first, cursor = rest(followed)
    second, end = rest(followed, cursor)

    assert (first, second) == (["a"], ["c"])
    closed(journal, "d")
    assert rest(followed, end)[0] == ["d"]


def test_damage_at_the_end_of_a_living_segment_waits_for_what_follows(worker: Callable[[], Followed]) -> None:
    journal, followed = worker()
    closed(journal, "a", "b")
    flip(journal.folder, 1, b'"b"')
    _, cursor = rest(followed)
    assert [rest(followed, cursor)[0] for _ in range(3)] == [[], [], []]

    closed(journal, "c")

    assert rest(followed, cursor)[0] == ["c"]


def test_a_damaged_beginning_costs_nothing_but_a_word(
    worker: Callable[[], Followed], caplog: pytest.LogCaptureFixture
) -> None:
    journal, followed = worker()
    closed(journal, "a", "b")
    flip(journal.folder, 1, b"gwjrnl")
    journal.close()

    assert rest(followed)[0] == ["a", "b"]
    assert "damaged" in caplog.text


def test_only_so_many_damaged_segments_are_kept(worker: Callable[[], Followed]) -> None:
    for _ in range(MOST_DAMAGED + 3):
        journal, followed = worker()
        closed(journal, "a")
        flip(journal.folder, 1, b'"a"')
        journal.close()
        rest(followed)
        followed.remove()

    assert len(list((journal.folder.parent / "damaged").iterdir())) == MOST_DAMAGED


def test_old_segments_are_finished_and_their_folder_stays(tmp_path: Path) -> None:
    for number in (1, 2):
        path_of(tmp_path, number).write_bytes(OLD_MAGIC.ljust(SEGMENT, b"\0"))
    (tmp_path / "set").mkdir()
    old = OldSegments(tmp_path, aside=tmp_path / "damaged")

    assert rest(old) == ([], Position(2, BEGINNING))
    old.remove()

    assert [path.name for path in tmp_path.iterdir()] == ["set"]


@pytest.mark.parametrize("name", ["copy of 000000000001.journal", "x.journal", "1.journal.bak", "notes"])
def test_strange_files_are_left_alone(worker: Callable[[], Followed], name: str) -> None:
    journal, followed = worker()
    (journal.folder / name).write_bytes(b"x")
    closed(journal, "a")

    assert rest(followed)[0] == ["a"]
