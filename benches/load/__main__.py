"""python -m benches.load [--rounds 5] [--seconds 3] [--quick] [--beside CHECKOUT] [--only CASE ...]"""

import argparse
import signal
import sys
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TypeVar

from rich.console import Console

from benches.load import report
from benches.load.cases import CASES, PATH, measure, one_by_one
from benches.load.generator import BenchError, saturate
from benches.load.report import Pair, Results
from benches.load.rig import Rig
from benches.load.server import Server

T = TypeVar("T")

_BY_NAME = {case.name: case for case in CASES}
_LATENCIES = {
    "hit_latency": (_BY_NAME["exact_hit"], False),
    "miss_latency": (_BY_NAME["miss"], False),
    "stream_first_byte": (_BY_NAME["stream_burst"], True),
}
_NAMES = [*_BY_NAME, *_LATENCIES]


def run(rig: Rig, rounds: int, seconds: int, only: Collection[str], console: Console) -> Results:
    results = Results()
    ceilings(rig, results)
    cases = [case for case in CASES if case.name in only]
    timed = {name: timing for name, timing in _LATENCIES.items() if name in only}
    for case in cases:
        for side in rig.both(case):
            measure(case, side, 1, rig.load_core)
    for at in range(rounds):
        console.print(f"round {at + 1} of {rounds}", style="dim")
        for case in cases:
            pair = results.runs.setdefault(case.name, Pair())
            ours, theirs = rig.both(case)
            for side in _turn(ours, theirs, at):
                _side(pair, side is ours).append(measure(case, side, seconds, rig.load_core))
        for name, (case, first_byte) in timed.items():
            times = results.latencies.setdefault(name, Pair())
            ours, theirs = rig.both(case)
            for side in _turn(ours, theirs, at):
                _side(times, side is ours).append(one_by_one(case, side, seconds / 2, first_byte))
    return results


def ceilings(rig: Rig, results: Results) -> None:
    """The mock asked directly: what it can do with a core to itself, and beside wrk, as in every run."""
    for name, case in (("answers", _BY_NAME["miss"]), ("streams of 64", _BY_NAME["stream_burst"])):
        for place, core in (
            ("with a core to itself", rig.core),
            ("sharing its core with wrk", rig.load_core),
        ):
            load = saturate(rig.mock.url + PATH, case.body, "x", 2, core)
            results.ceilings[f"{name} {place}"] = load.rate


def _turn(ours: Server, theirs: Server, at: int) -> tuple[Server, Server]:
    """Who goes first changes every round, so that drift favours neither."""
    return (theirs, ours) if at % 2 else (ours, theirs)


def _side(pair: Pair[T], ours: bool) -> list[T]:
    return pair.ours if ours else pair.theirs


def _interrupt(signalled: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m benches.load", description=report.__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=3, help="of each run")
    arguments.add_argument("--quick", action="store_true", help="two rounds of one second: does it work at all")
    arguments.add_argument(
        "--beside",
        type=Path,
        metavar="CHECKOUT",
        help="another checkout of the gateway, built, instead of bare aiohttp",
    )
    arguments.add_argument("--only", nargs="+", choices=_NAMES, default=_NAMES, metavar="CASE", help=", ".join(_NAMES))
    chosen = arguments.parse_args()
    rounds, seconds = (2, 1) if chosen.quick else (chosen.rounds, chosen.seconds)
    console = Console(width=None if sys.stdout.isatty() else 120)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with ExitStack() as running:
            results = run(Rig(running, chosen.beside), rounds, seconds, chosen.only, console)
    except BenchError as error:
        console.print(f"The bench failed: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    report.write(results)
    report.show(results, console, beside=chosen.beside or "bare aiohttp")
    return 0


if __name__ == "__main__":
    sys.exit(main())
