from __future__ import annotations

from gateway.control.backlog import Backlog, Tally, within
from gateway.control.store.base import Position, Span
from tests.control.made import row

ROWS = [row("a", started_ns=5, cost_pico=1), row("b", started_ns=8, cost_pico=2)]
HERE, BEHIND = Position(1, 10), Position(1, 20)


def test_a_tally_stands_for_its_batch_where_the_span_has_all_of_it() -> None:
    backlog = Backlog()
    tally = Tally.of(ROWS, BEHIND)
    backlog.keep("set", HERE, tally)

    assert [backlog.find("set", HERE, span) for span in (Span(), Span(5, 9))] == [tally, tally]
    assert [backlog.find("set", HERE, span) for span in (Span(6), Span(0, 8))] == [None, None]
    assert backlog.find("set", BEHIND, Span()) is backlog.find("other", HERE, Span()) is None
    assert tally.sums == within(ROWS, Span())


def test_a_batch_without_rows_is_in_every_span() -> None:
    backlog = Backlog()
    backlog.keep("set", HERE, Tally.of([], BEHIND))

    assert backlog.find("set", HERE, Span(7, 8)) == Tally.of([], BEHIND)


def test_what_is_stored_or_gone_is_forgotten() -> None:
    backlog = Backlog()
    for name in ("one", "two", "gone"):
        backlog.keep(name, HERE, Tally.of(ROWS, BEHIND))

    backlog.forget({"one", "two"}, {"one": BEHIND, "two": HERE})

    found = [backlog.find(name, HERE, Span()) is not None for name in ("one", "two", "gone")]
    assert found == [False, True, False]


def test_only_rows_of_the_span_are_summed() -> None:
    (sums,) = within(ROWS, Span(6, 9)).values()

    assert (sums.calls, sums.cost_pico) == (1, 2)
