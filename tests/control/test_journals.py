"""From the journals to the store: every call once, whoever dies, and a failing store hurts nobody."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.control.analytics import costs
from gateway.control.backlog import within
from gateway.control.journals import LONGEST_PAUSE, UNFINISHED_SECONDS, Journals
from gateway.control.store.base import Position, Progress, Span, Sums, Values
from gateway.control.store.sqlite import SqliteStore
from gateway.errors import StoreUnavailable
from gateway.ledger.journal import Journal
from gateway.ledger.segment import path_of
from tests.control.made import record

SEGMENT = 16 << 10
OLD_DATA = Path(__file__).parent / "left_by_0_1_0.tar.xz"
"""The ledger of llm-gateway 0.1.0 after a `kill -9`: six calls are stored, three more and an unfinished one in the journal."""


class Fleet:
    """A folder of journals and its store, with workers that come and go, and controllers that follow them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store: Any = SqliteStore(folder / "ledger.db")
        self.now = 0.0
        self.observed: list[str] = []
        self.workers: list[Journal] = []
        self._controllers: list[Journals] = []
        self.journals = self.controller()

    def controller(self) -> Journals:
        """Another controller, as after the last one was killed."""
        for before in self._controllers:
            before.close()
        self.observed.clear()
        self.journals = Journals(self.folder / "journal", self.store, self._observe, clock=lambda: self.now)
        self._controllers.append(self.journals)
        return self.journals

    def worker(self) -> Journal:
        self.workers.append(Journal(self.folder / "journal", soon=lambda _: None, segment=SEGMENT))
        return self.workers[-1]

    def drain(self) -> None:
        """Drains as often as a failing store takes to be tried again."""
        self.now += LONGEST_PAUSE
        self.journals.drain()

    def stored(self) -> dict[str, str]:
        return {call["id"]: call["outcome"] for call in self.store.list(Span(), 1_000_000)}

    def close(self) -> None:
        for worker in self.workers:
            worker.close()
        for controller in self._controllers:
            controller.close()
        self.store.close()

    def _observe(self, rows: Sequence[Values]) -> None:
        self.observed += [row[0] for row in rows]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path)
    yield fleet
    fleet.close()


def opened(worker: Journal, id: str, cost: int = 9) -> None:
    worker.opened(id, record(id, outcome="interrupted", cost_pico=cost))


def closed(worker: Journal, *ids: str, **fields: Any) -> None:
    for id in ids:
        worker.closed(id, record(id, error="x" * 300, **fields))
        while worker.waiting:
            worker._go_on()


def test_a_set_whose_worker_died_before_it_was_ready_is_removed_after_a_while(fleet: Fleet) -> None:
    dead = fleet.folder / "journal" / ".123-abc"
    dead.mkdir()
    (dead / "lock").touch()
    fleet.drain()
    fleet.now += UNFINISHED_SECONDS - LONGEST_PAUSE
    fleet.drain()
    assert dead.exists(), "somebody may be at work on it"

    fleet.now += 2 * LONGEST_PAUSE
    fleet.drain()

    assert not dead.exists()


def test_a_report_over_a_long_backlog_keeps_nobody_waiting(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = fleet.worker()
    closed(worker, *(f"call-{n}" for n in range(200)))
    fleet.journals.count()
    batches: list[int] = []

    def summed(rows: Sequence[Values], span: Span) -> Any:
        other = threading.Thread(target=fleet.journals.count)
        other.start()
        other.join(10)
        batches.append(not other.is_alive())
        return within(rows, span)

    monkeypatch.setattr("gateway.control.journals.within", summed)
    (sums,) = fleet.journals.aggregate(Span(), [()])

    assert sums[()].calls == 200
    assert len(batches) > 3
    assert all(batches), "the lock is free between batches"


def test_a_report_reads_a_batch_of_the_backlog_once(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = fleet.worker()
    closed(worker, *(f"call-{n}" for n in range(200)), started_ns=5)
    fleet.journals.count()
    read: list[int] = []

    def summed(rows: Sequence[Values], span: Span) -> Any:
        read.append(len(rows))
        return within(rows, span)

    def calls(span: Span) -> int:
        read.clear()
        (sums,) = fleet.journals.aggregate(span, [()])
        return sum(each.calls for each in sums.values())

    monkeypatch.setattr("gateway.control.journals.within", summed)
    assert (calls(Span()), sum(read)) == (200, 200)

    assert calls(Span()) == 200
    assert 0 < sum(read) < 100, "the last batch alone, which may have grown"
    assert (calls(Span(0, 5)), sum(read)) == (0, 200)
    assert (calls(Span(5, 6)), sum(read) < 100) == (200, True)

    closed(worker, *(f"more-{n}" for n in range(100)), started_ns=9)
    fleet.journals.count()
    assert [calls(Span()), calls(Span(6, 10)), calls(Span(0, 6))] == [300, 100, 200]
    fleet.drain()
    assert [calls(Span()), calls(Span(6, 10)), calls(Span(0, 6))] == [300, 100, 200]
    assert fleet.journals._backlog._tallies == {}


class Failing:
    """A store that fails as it is told to, in front of a true one."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.how: Callable[[], None] | None = None
        self.tried = 0

    def write(self, rows: Sequence[Values], progress: Progress | None) -> None:
        self.tried += 1
        if self.how is not None:
            self.how()
        self._store.write(rows, progress)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture
def failing(fleet: Fleet) -> Failing:
    fleet.store = Failing(fleet.store)
    fleet.controller()
    return fleet.store  # type: ignore[no-any-return]


def unreachable() -> None:
    raise StoreUnavailable("The ledger's store is out of reach.")


def test_ended_calls_are_observed_and_stored_once(fleet: Fleet) -> None:
    worker = fleet.worker()
    closed(worker, "a", "b")
    fleet.journals.count()
    closed(worker, "c")
    fleet.drain()
    fleet.drain()

    assert fleet.observed == ["a", "b", "c"]
    assert fleet.stored() == {"a": "ok", "b": "ok", "c": "ok"}
    assert (fleet.journals.backlog, fleet.journals.trouble) == (0, None)


def test_a_call_that_is_open_is_not_in_the_ledger_yet(fleet: Fleet) -> None:
    opened(fleet.worker(), "a")

    fleet.drain()

    assert fleet.stored() == {}
    assert fleet.journals.living


def test_the_open_calls_of_a_dead_worker_are_interrupted_at_their_last_reserve(
    fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    dying, living = fleet.worker(), fleet.worker()
    opened(dying, "a", cost=5)
    opened(dying, "b", cost=5)
    opened(dying, "b", cost=7)
    opened(dying, "c")
    closed(dying, "c")
    opened(living, "d")
    fleet.drain()

    dying.close()
    fleet.drain()

    assert fleet.stored() == {"a": "interrupted", "b": "interrupted", "c": "ok"}
    assert sorted(fleet.observed) == ["a", "b", "c"]
    assert fleet.store.aggregate(Span(), [("outcome",)]).sums[0][("interrupted",)] == Sums(2, 12, 0)
    assert "2 calls were interrupted" in caplog.text
    assert [path.name for path in (fleet.folder / "journal").iterdir()] == [living.folder.name]
    assert set(fleet.store.positions()) <= {living.folder.name}
    living.close()
    fleet.drain()
    assert not fleet.journals.living


def test_a_worker_that_died_while_it_made_a_segment_leaves_an_empty_one(fleet: Fleet) -> None:
    worker = fleet.worker()
    opened(worker, "a")
    closed(worker, "b")
    worker.close()
    (worker.folder / "000000000099.journal").touch()

    fleet.drain()

    assert fleet.stored() == {"a": "interrupted", "b": "ok"}
    assert not fleet.journals.living


def test_what_is_stored_leaves_the_disk(fleet: Fleet) -> None:
    worker = fleet.worker()
    for n in range(20):
        closed(worker, *(f"{n}-{m}" for m in range(10)))
        fleet.drain()

    begun = [path for path in worker.folder.glob("*.journal") if any(path.read_bytes()[:8])]
    assert len(begun) <= 2
    assert len(fleet.stored()) == 200


ops = st.lists(
    st.sampled_from(["open", "close", "hit", "count", "drain", "fail", "controller", "worker", "die"]), max_size=40
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ops=ops)
def test_every_call_is_stored_once_whatever_dies_when(tmp_path_factory: pytest.TempPathFactory, ops: list[str]) -> None:
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    store = fleet.store
    meant: dict[str, str] = {}
    airborne: list[tuple[Journal, str]] = []

    def step(number: int, op: str) -> None:
        if (op in ("open", "hit", "worker") and not fleet.workers) or op == "worker":
            fleet.worker()
        if op == "open":
            opened(fleet.workers[-1], f"{number}")
            airborne.append((fleet.workers[-1], f"{number}"))
            meant[f"{number}"] = "interrupted"
        elif op == "hit":
            for n in range(15):
                closed(fleet.workers[-1], f"{number}-{n}")
                meant[f"{number}-{n}"] = "ok"
        elif op == "close" and airborne:
            worker, id = airborne.pop(0)
            closed(worker, id)
            meant[id] = "ok"
        elif op == "die" and fleet.workers:
            gone = fleet.workers.pop(0)
            airborne[:] = [(worker, id) for worker, id in airborne if worker is not gone]
            gone.close()
        elif op == "count":
            fleet.journals.count()
        elif op == "drain":
            fleet.drain()
        elif op == "fail":
            fleet.store = failing = Failing(store)
            failing.how = unreachable
            fleet.journals._store = failing
            fleet.drain()
            fleet.journals._store = fleet.store = store
        elif op == "controller":
            fleet.controller()

    for number, op in enumerate(ops):
        step(number, op)
    for worker in fleet.workers:
        worker.close()
    fleet.drain()
    fleet.drain()

    assert fleet.stored() == meant
    assert sum(sums.calls for sums in store.aggregate(Span(), [("outcome",)]).sums[0].values()) == len(meant)
    assert [path for path in (fleet.folder / "journal").iterdir() if path.is_dir()] == []
    assert store.positions() == {}
    fleet.close()


def test_a_failing_store_holds_nobody_up_and_gets_its_rows_later(
    fleet: Fleet, failing: Failing, caplog: pytest.LogCaptureFixture
) -> None:
    worker = fleet.worker()
    closed(worker, "a", cost_pico=5)
    fleet.drain()
    failing.how = unreachable
    closed(worker, "b", cost_pico=6)
    for _ in range(5):
        fleet.drain()
    closed(worker, "c", cost_pico=7)
    fleet.journals.count()

    assert fleet.observed == ["a", "b", "c"]
    assert fleet.stored() == {"a": "ok"}
    assert fleet.journals.backlog == 2
    assert "out of reach" in str(fleet.journals.trouble)
    assert fleet.journals.aggregate(Span(), [()]) == [{(): Sums(3, 18, 0)}]

    failing.how = None
    fleet.drain()

    assert fleet.stored() == {"a": "ok", "b": "ok", "c": "ok"}
    assert (fleet.journals.backlog, fleet.journals.trouble) == (0, None)
    assert fleet.observed == ["a", "b", "c"]
    assert fleet.journals.aggregate(Span(), [()]) == [{(): Sums(3, 18, 0)}]
    assert [entry.levelno for entry in caplog.records] == [logging.ERROR, logging.WARNING]


def test_a_failing_store_is_tried_again_within_a_second(fleet: Fleet, failing: Failing) -> None:
    closed(fleet.worker(), "a")
    failing.how = unreachable

    for _ in range(1000):
        fleet.now += 0.1
        fleet.journals.drain()

    assert 100 / LONGEST_PAUSE - 5 <= failing.tried <= 110 / LONGEST_PAUSE


def test_interrupted_calls_wait_for_a_failing_store_too(fleet: Fleet, failing: Failing) -> None:
    worker = fleet.worker()
    opened(worker, "a")
    closed(worker, "b")
    failing.how = unreachable
    worker.close()
    for _ in range(3):
        fleet.drain()

    assert sorted(fleet.observed) == ["a", "b"]
    assert fleet.journals.aggregate(Span(), [("outcome",)]) == [{("ok",): Sums(1), ("interrupted",): Sums(1, 9)}]
    failing.how = None
    fleet.drain()

    assert fleet.stored() == {"a": "interrupted", "b": "ok"}
    assert sorted(fleet.observed) == ["a", "b"]


def test_a_store_that_hangs_holds_up_neither_metrics_nor_reports(fleet: Fleet, failing: Failing) -> None:
    worker = fleet.worker()
    closed(worker, "a", cost_pico=5)
    going_on = threading.Event()
    failing.how = lambda: going_on.wait(60) and None
    drain = threading.Thread(target=fleet.drain)
    drain.start()
    while not failing.tried:
        time.sleep(0.001)

    closed(worker, "b", cost_pico=6)
    fleet.journals.count()
    during = (sorted(fleet.observed), fleet.journals.aggregate(Span(), [()]))
    going_on.set()
    drain.join()
    fleet.drain()

    assert during == (["a", "b"], [{(): Sums(2, 11, 0)}])
    assert fleet.stored() == {"a": "ok", "b": "ok"}


def test_a_store_locked_by_another_process(fleet: Fleet) -> None:
    worker = fleet.worker()
    closed(worker, "a")
    fleet.drain()
    locker = sqlite3.connect(fleet.folder / "ledger.db", isolation_level=None)
    locker.execute("BEGIN EXCLUSIVE")
    closed(worker, "b")
    fleet.drain()

    assert "locked" in str(fleet.journals.trouble)
    assert fleet.journals.aggregate(Span(), [()]) == [{(): Sums(2)}]
    locker.execute("COMMIT")
    locker.close()
    fleet.drain()

    assert fleet.stored() == {"a": "ok", "b": "ok"}


def test_a_full_store(fleet: Fleet) -> None:
    worker = fleet.worker()
    pages = fleet.store._writer.execute("PRAGMA page_count").fetchone()[0]
    fleet.store._writer.execute(f"PRAGMA max_page_count = {pages}")
    closed(worker, *(f"{n}" for n in range(100)))
    fleet.drain()

    assert "full" in str(fleet.journals.trouble)
    assert (fleet.stored(), fleet.journals.backlog) == ({}, 100)
    fleet.store._writer.execute("PRAGMA max_page_count = 100000")
    fleet.drain()

    assert len(fleet.stored()) == 100


def test_waiting_for_the_store_takes_no_memory(fleet: Fleet, failing: Failing) -> None:
    failing.how = unreachable
    worker = Journal(fleet.folder / "journal", soon=lambda _: None, segment=1 << 20)
    fleet.workers.append(worker)
    closed(worker, "first")
    fleet.drain()
    tracemalloc.start()
    for n in range(20_000):
        closed(worker, f"{n}")
        if n % 500 == 0:
            fleet.drain()
            fleet.observed.clear()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert fleet.journals.backlog > 19_000
    assert grown < 1 << 20


def test_a_row_that_no_store_can_take_does_not_hold_up_the_others(
    fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    worker = fleet.worker()
    closed(worker, "a", "b")
    worker.closed("absurd", record("absurd", input_tokens=2**63))
    worker.closed("strange", b'["strange", 1, "chat", {"a": []}]')
    closed(worker, "c")

    fleet.drain()

    assert fleet.stored() == {"a": "ok", "b": "ok", "c": "ok"}
    assert sum("cannot be stored" in entry.message for entry in caplog.records) == 2
    assert (fleet.journals.trouble, fleet.journals.backlog) == (None, 0)


def test_who_observes_may_fail(fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("broken")

    fleet.journals._observe = fail
    closed(fleet.worker(), "a")

    fleet.drain()

    assert fleet.stored() == {"a": "ok"}
    assert "not counted" in caplog.text


def test_a_set_that_somebody_removed_does_not_hold_up_the_others(fleet: Fleet) -> None:
    removed, other = fleet.worker(), fleet.worker()
    closed(removed, "a")
    fleet.drain()
    for path in removed.folder.iterdir():
        path.unlink()
    removed.folder.rmdir()
    closed(other, "b")

    fleet.drain()

    assert fleet.stored() == {"a": "ok", "b": "ok"}


def test_reports_and_drains_at_the_same_time_agree(fleet: Fleet) -> None:
    """A report never counts a call twice, nor one that ended before it was asked for less than once."""
    worker = fleet.worker()
    stop = threading.Event()

    def drain() -> None:
        while not stop.is_set():
            fleet.journals.drain()

    thread = threading.Thread(target=drain)
    thread.start()
    try:
        for n in range(1, 300):
            closed(worker, f"{n}")
            fleet.journals.count()
            assert fleet.journals.aggregate(Span(), [()]) == [{(): Sums(n)}]
    finally:
        stop.set()
        thread.join()


def test_a_span_takes_in_rows_that_wait_only_if_they_are_in_it(fleet: Fleet) -> None:
    worker = fleet.worker()
    closed(worker, "a", started_ns=5)
    closed(worker, "b", started_ns=15)
    fleet.journals.count()

    assert fleet.journals.aggregate(Span(10, 20), [(), ("model",)]) == [{(): Sums(1)}, {("m",): Sums(1)}]


WRITER = """
import sys
from pathlib import Path
from gateway.ledger.journal import Journal
from tests.control.made import record

journal = Journal(Path(sys.argv[1]), soon=lambda _: None, segment=64 << 10)
n = 0
while True:
    journal.opened(f"{n}", record(f"{n}", outcome="interrupted", cost_pico=7))
    if n % 10:
        journal.closed(f"{n}", record(f"{n}", cost_pico=5, error="x" * 200))
    print(n, flush=True)
    n += 1
"""


@pytest.mark.parametrize("lines", [1, 50, 900, 2500])
def test_a_worker_killed_while_it_writes_loses_nothing(
    fleet: Fleet, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    """What `opened` and `closed` have returned from is in the ledger, in another process that is killed by SIGKILL."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parents[2])])}
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(fleet.folder / "journal")], stdout=subprocess.PIPE, env=environ
    )
    assert writer.stdout is not None
    try:
        last = [int(writer.stdout.readline()) for _ in range(lines)][-1]
        fleet.drain()
    finally:
        writer.kill()
        writer.wait()
    last = max([last, *map(int, writer.stdout.read().split(b"\n")[:-1])])
    writer.stdout.close()
    fleet.drain()

    stored = fleet.stored()
    assert writer.returncode == -signal.SIGKILL
    assert not fleet.journals.living
    meant = {id: "ok" if int(id) % 10 else "interrupted" for id in {*stored, *(f"{n}" for n in range(last + 1))}}
    assert {id: stored.get(id) for id in meant if int(id) <= last} == {id: meant[id] for id in meant if int(id) <= last}
    assert all(outcome in (meant[id], "interrupted") for id, outcome in stored.items())
    assert fleet.store.aggregate(Span(), [()]).sums[0][()].calls == len(stored)
    assert "damaged" not in caplog.text


def unpacked(folder: Path) -> Path:
    with tarfile.open(OLD_DATA) as tar:
        tar.extractall(folder, filter="data")
    return folder


def test_a_data_directory_of_version_0_1_0_is_carried_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fleet = Fleet(unpacked(tmp_path))

    fleet.drain()

    calls = fleet.store.list(Span(), 100)
    assert [call["outcome"] for call in reversed(calls)] == [*["ok"] * 5, "refused", *["ok"] * 3, "interrupted"]
    assert [call["cost_pico"] for call in reversed(calls)][:8] == [4_500_000] * 4 + [0, 0] + [4_500_000] * 2
    assert all(call["request_id"] == call["id"] for call in calls)
    assert calls[0]["cost_pico"] > 0
    assert calls[0]["cost_source"] == "estimated"
    report = costs(fleet.journals, None, None, "outcome")
    assert (report["total_requests"], report["cache_hits"], report["cache_misses"]) == (10, 1, 8)
    assert {each["outcome"]: each["requests"] for each in report["by_outcome"]} == {
        "ok": 8,
        "refused": 1,
        "interrupted": 1,
    }
    assert list((tmp_path / "journal").iterdir()) == []
    fleet.close()


def test_carrying_over_may_be_cut_short_at_any_write(tmp_path: Path) -> None:
    store: Any = SqliteStore(unpacked(tmp_path) / "ledger.db")

    class Killed(BaseException):
        pass

    def killed() -> None:
        raise Killed

    for _ in range(3):
        failing = Failing(store)
        journals = Journals(tmp_path / "journal", failing, lambda _: None, clock=lambda: 0.0)
        failing.how = killed
        with pytest.raises(Killed):
            journals.drain()
        journals.close()
    fleet = Fleet(tmp_path)
    fleet.drain()

    assert len(fleet.stored()) == 10
    fleet.close()
    store.close()


@pytest.mark.parametrize("place", [0, 3, 9])
def test_a_flipped_bit_in_an_old_segment_costs_one_record(tmp_path: Path, place: int) -> None:
    segment = path_of(unpacked(tmp_path) / "journal", 1)
    content = bytearray(segment.read_bytes())
    at = 8
    for _ in range(place):
        at += 8 + int.from_bytes(content[at : at + 4], "little")
    content[at + 1] ^= 0x40  # in its length
    segment.write_bytes(content)
    (tmp_path / "ledger.db").unlink()
    (tmp_path / "ledger.db-wal").unlink()
    fleet = Fleet(tmp_path)

    fleet.drain()

    assert len(fleet.stored()) >= 9
    assert [path.name for path in (tmp_path / "journal" / "damaged").iterdir()] == [f"journal-{segment.name}"]
    fleet.close()


def test_a_position_outlives_its_set_no_longer_than_the_next_drain(fleet: Fleet) -> None:
    fleet.store.write([], Progress("gone", Position(1, 100)))
    fleet.controller()

    fleet.drain()

    assert fleet.store.positions() == {}
