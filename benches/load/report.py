"""Results of interleaved rounds: ratios, a table, and `benches/out/load.json`."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import orjson
from rich.console import Console
from rich.table import Table

from benches import machine
from benches.load.cases import CASES, Case, Latency, Run

FILE = machine.OUT / "load.json"

_MEASURES = ("rate", "cpu")
_MOST_IDLE = 0.05

T = TypeVar("T")


@dataclass
class Pair(Generic[T]):
    """What each round measured on the gateway and on its reference, in the same order."""

    ours: list[T] = field(default_factory=list)
    theirs: list[T] = field(default_factory=list)

    def medians(self, figure: Callable[[T], float]) -> tuple[float, float]:
        return statistics.median(map(figure, self.ours)), statistics.median(map(figure, self.theirs))

    def ratios(self, figure: Callable[[T], float], less_is_better: bool) -> "Spread":
        """How many times as good as the reference, round by round: above 1 we are better."""
        pairs = zip(map(figure, self.ours), map(figure, self.theirs), strict=True)
        return Spread.of([theirs / ours if less_is_better else ours / theirs for ours, theirs in pairs])


@dataclass(frozen=True)
class Spread:
    min: float
    median: float
    max: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        return cls(*(round(value, 3) for value in (min(values), statistics.median(values), max(values))))


@dataclass
class Results:
    runs: dict[str, Pair[Run]] = field(default_factory=dict)
    """By the name of the case."""
    latencies: dict[str, Pair[Latency]] = field(default_factory=dict)
    ceilings: dict[str, float] = field(default_factory=dict)
    """Answers/s of the mock asked directly: what the rig could show at most."""


@dataclass(frozen=True)
class Row:
    """One line of the table: a measure of a case, on both sides."""

    case: str
    measure: str
    unit: str
    ours: float
    theirs: float
    ratio: Spread
    target: float | None = None
    idle: float = 0.0

    @property
    def below(self) -> bool:
        return self.target is not None and self.ratio.median < self.target

    @property
    def note(self) -> str:
        """Where a core had time to spare, the rate shows what held the server up, and not the server."""
        notes = ["below target"] if self.below else []
        if self.measure == "rate" and self.idle > _MOST_IDLE:
            notes.append(f"core {self.idle:.0%} idle")
        return ", ".join(notes)


def rows(results: Results) -> list[Row]:
    return [*_run_rows(results), *_latency_rows(results)]


def _run_rows(results: Results) -> Iterator[Row]:
    for case in _measured(results):
        pair = results.runs[case.name]
        idle = max(pair.medians(lambda run: run.idle))
        targets = {measure: case.target if case.judged == measure else None for measure in _MEASURES}
        ours, theirs = pair.medians(lambda run: run.rate)
        spread = pair.ratios(lambda run: run.rate, less_is_better=False)
        yield Row(case.name, "rate", case.unit, ours, theirs, spread, targets["rate"], idle)
        ours, theirs = pair.medians(lambda run: run.cpu_us)
        spread = pair.ratios(lambda run: run.cpu_us, less_is_better=True)
        yield Row(case.name, "cpu", f"µs/{case.unit.removesuffix('s/s')}", ours, theirs, spread, targets["cpu"])


def _latency_rows(results: Results) -> Iterator[Row]:
    for name, pair in results.latencies.items():
        for measure in ("p50", "p99"):
            ours, theirs = pair.medians(lambda latency, at=measure: getattr(latency, at))  # type: ignore[misc]
            spread = pair.ratios(lambda latency, at=measure: getattr(latency, at), less_is_better=True)  # type: ignore[misc]
            yield Row(name, measure, "µs", ours, theirs, spread)


def _measured(results: Results) -> list[Case]:
    return [case for case in CASES if case.name in results.runs]


def _judged(case: Case, found: list[Row]) -> Row:
    return next(row for row in found if (row.case, row.measure) == (case.name, case.judged))


def as_json(results: Results) -> bytes:
    found = rows(results)

    def sides(measure: str) -> dict[str, object]:
        chosen = [row for row in found if row.measure == measure]
        return {row.case: {"gateway": row.ours, "reference": row.theirs, "unit": row.unit} for row in chosen}

    written = {
        "ratios": {case.name: _judged(case, found).ratio for case in _measured(results)},
        "cpu_ratios": {row.case: row.ratio for row in found if row.measure == "cpu"},
        "latency_ratios": {row.case: row.ratio for row in found if row.measure == "p50"},
        "below_target": [row.case for row in found if row.below],
        "rates": sides("rate"),
        "cpu_us": sides("cpu"),
        "latency_us": {"p50": sides("p50"), "p99": sides("p99")},
        "idle": {row.case: row.idle for row in found if row.measure == "rate"},
        "ceilings": results.ceilings,
        "rounds": results,
        "versions": machine.versions(),
        "machine": machine.machine(),
    }
    return orjson.dumps(written, option=orjson.OPT_INDENT_2)


def write(results: Results) -> None:
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_bytes(as_json(results))


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


def show(results: Results, console: Console, beside: object = "bare aiohttp") -> None:
    rounds = len(next(iter(results.runs.values())).ours)
    table = Table(title=f"The gateway beside {beside}: one core, {rounds} interleaved rounds")
    for heading in ("case", "measure"):
        table.add_column(heading, no_wrap=True)
    for heading in ("gateway", "reference", "min", "median", "max", "target"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for row in rows(results):
        ratio = [f"{value:.2f}" for value in (row.ratio.min, row.ratio.median, row.ratio.max)]
        target = f"{row.target:.2f}" if row.target else ""
        figures = (_figure(row.ours), _figure(row.theirs), *ratio, target)
        last = row.measure in ("cpu", "p99")
        table.add_row(row.case, f"{row.measure}, {row.unit}", *figures, row.note, end_section=last)
    console.print(table)
    console.print("Ratios: how many times as good as the reference, round by round.")
    for name, rate in results.ceilings.items():
        console.print(f"The mock alone, {name}: {rate:,.0f}/s")
    console.print(f"{machine.sentence()}\nWritten to {FILE}", soft_wrap=True)
