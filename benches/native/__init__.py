"""Each piece of `gateway.native` beside the library that a user would otherwise take."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measured case. `ratios` are ours over the reference's speed, one an interleaved round."""

    piece: str
    case: str
    reference: str
    target: float
    ratios: list[float]
    ours: float
    theirs: float
    unit: str


@dataclass(frozen=True)
class Absent:
    """A case that could not be measured here, and what would mend that."""

    piece: str
    case: str
    why: str


def interleave(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 7, seconds: float = 0.2
) -> tuple[list[float], float, float]:
    """Times two callables in turns; returns the speed-ups and both median seconds a call."""
    _seconds_a_call(ours, seconds / 4)
    _seconds_a_call(theirs, seconds / 4)
    pairs = [(_seconds_a_call(ours, seconds), _seconds_a_call(theirs, seconds)) for _ in range(rounds)]
    return (
        [their / our for our, their in pairs],
        statistics.median(our for our, _ in pairs),
        statistics.median(their for _, their in pairs),
    )


def show(rows: Sequence[Row | Absent]) -> None:
    for row in rows:
        if isinstance(row, Absent):
            print(f"{row.piece:8} {row.case:44} left out: {row.why}")
            continue
        ratios = f"{min(row.ratios):.1f} / {statistics.median(row.ratios):.1f} / {max(row.ratios):.1f}"
        mark = "" if statistics.median(row.ratios) >= row.target else "  below target"
        print(
            f"{row.piece:8} {row.case:44} {row.ours:10.4g} {row.theirs:10.4g} {row.unit:8} "
            f"x {ratios} (≥ {row.target:g}) vs {row.reference}{mark}"
        )


def _seconds_a_call(call: Callable[[], object], seconds: float) -> float:
    calls, spent, start = 0, 0.0, time.perf_counter()
    while spent < seconds:
        call()
        calls += 1
        spent = time.perf_counter() - start
    return spent / calls
