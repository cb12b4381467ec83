"""An end-to-end fuzz of the two borders: clients' bytes and providers' bytes by chance, through a running gateway.

`python -m tests.hostile.fuzz --seconds N --seed S` runs for a while; `--case I` plays single cases of a seed again.
After each batch of cases: the loop never stalled, memory is within bounds, nothing was logged as a traceback, and the ledger
has a row for every call. What breaks is written to `tests/hostile/found/`.
"""

from __future__ import annotations

import argparse
import resource
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.hostile.cases import Case, Script, Tally
from tests.hostile.judging import Broken, hold
from tests.hostile.site import MIB, Site

FOUND = Path(__file__).with_name("found")
BATCH = 200
THREADS = 12
GROWTH = 160 * MIB
"""What memory may grow by over a gateway at rest: caches, bodies and answers under way, and what malloc keeps."""
OUTCOMES = {"ok", "partial", "refused", "failed", "hung_up", "interrupted"}


@dataclass
class Fuzz:
    """A run over one gateway. `findings` say what broke, each with its reproduction."""

    site: Site
    seed: int
    tell: Any = print
    findings: list[str] = field(default_factory=list)
    played: int = 0

    def start(self) -> Fuzz:
        self.site.start()
        self.site.provider.answer = self.script = Script()
        self._batch(range(0))
        self._rest = self.site.tree.resident()
        return self

    def run(self, seconds: float, most: int = 1) -> None:
        """Plays batches until the time is over or as much as that is found."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and len(self.findings) < most:
            self._batch(range(self.played, self.played + BATCH))
            self.tell(f"{self.played:,} cases, {self.site.tree.resident() // MIB} MiB")

    def play(self, indexes: Sequence[int]) -> None:
        """Plays single cases."""
        self._batch(indexes)

    def _batch(self, indexes: Sequence[int]) -> None:
        self.site.gateway.turn_the_page()
        told, tally = len(self.site.gateway.log().encode()), Tally()
        cases = [Case(self.seed, index, self.site, self.script, tally) for index in indexes] if indexes else []
        times: dict[int, tuple[float, float]] = {}
        with self.site.probe() as probe, ThreadPoolExecutor(THREADS) as pool:
            for case, time_span in zip(cases, pool.map(self._play, cases), strict=True):
                times[case.index] = time_span
        self.played += len(cases)
        for stall in probe.stalls:
            suspects = [
                index for index, (begun, done) in times.items() if begun - 1 <= stall.at + stall.seconds <= done + 5
            ]
            self._found(f"the loop stalled for {stall.seconds:.3f} s (at work {stall.worked:.3f} s)", cases, suspects)
        try:
            self._logged(told)
            self._booked(tally)
            self._bounded()
        except Broken as broken:
            self._found(str(broken), cases, indexes)

    def _play(self, case: Case) -> tuple[float, float]:
        begun = time.time()
        try:
            case.play()
        except (AssertionError, OSError) as error:
            self._found(f"{type(error).__name__}: {error}", [case], [case.index])
        return begun, time.time()

    def _logged(self, told: int) -> None:
        log = self.site.gateway.log(told)
        hold("Traceback" not in log, f"a traceback:\n{log[log.find('Traceback') :][:3000]}")
        hold(self.site.gateway.process.poll() is None, "the gateway ended")

    def _booked(self, tally: Tally) -> None:
        owed = Counter(answer.id for answer in tally.answers)
        deadline = time.monotonic() + 10
        while True:
            rows = self.site.gateway.rows()
            booked = Counter(row.get("request_id") or row["id"] for row in rows)
            if owed <= booked or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        missing = owed - booked
        hold(not missing, f"{missing.total()} calls without a row: {list(missing)[:5]}")
        for row in rows:
            hold(row["outcome"] in OUTCOMES, f"outcome {row['outcome']}")
            hold((row["cost_pico"] or 0) >= 0 and row["saved_pico"] >= 0, f"a negative cost: {row}")
            hold(min(row["input_tokens"], row["output_tokens"]) >= 0, f"negative tokens: {row}")
        self._agreed(tally, {row.get("request_id") or row["id"]: row for row in rows}, booked)

    def _agreed(self, tally: Tally, rows: dict[str, dict[str, Any]], booked: Counter[str]) -> None:
        """The ledger says of a call what its client saw."""
        for answer in tally.answers:
            row = rows[answer.id]
            if booked[answer.id] == 1 and answer.whole:
                hold(row["cache"] in ("", answer.cache) or answer.cache == "bypass", f"{answer.cache} booked as {row}")
                hold(answer.status == 200 or row["status"] == answer.status, f"{answer.status} booked as {row}")
                hold(not answer.sound or row["outcome"] in ("ok", "partial"), f"an answer booked as {row}")

    def _bounded(self) -> None:
        if self.played > BATCH:
            grown = self.site.tree.resident() - self._rest
            hold(grown < GROWTH, f"memory grew by {grown // MIB} MiB over {self.played:,} cases")

    def _found(self, why: str, cases: Sequence[Case], indexes: Sequence[int]) -> None:
        FOUND.mkdir(exist_ok=True)
        name = f"{self.seed}-{indexes[0] if indexes else 0}"
        parts = [why, *(f"{case.name}: {part!r}" for case in cases if case.index in indexes for part in case.evidence)]
        (FOUND / f"{name}.txt").write_text("\n\n".join(parts))
        chosen = ",".join(map(str, indexes)) if len(indexes) < 20 else f"{indexes[0]}-{indexes[-1]}"
        repro = f"python -m tests.hostile.fuzz --seed {self.seed} --case {chosen}"
        self.findings.append(f"{why}\n  {repro}\n  {FOUND / name}.txt")
        self.tell(self.findings[-1])


def fuzz(seconds: float, seed: int, *, cases: Sequence[int] = (), most: int = 1, tell: Any = print) -> Fuzz:
    """A whole run on a gateway of its own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        run = Fuzz(Site(Path(folder)), seed, tell)
        try:
            run.start()
            if cases:
                run.play(cases)
            else:
                run.run(seconds, most)
        finally:
            run.site.stop()
    return run


def _cases(text: str) -> list[int]:
    """`5`, `5,7` or `5-9`."""
    first, dash, last = text.partition("-")
    return list(range(int(first), int(last) + 1)) if dash else [int(number) for number in text.split(",")]


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.hostile.fuzz")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--case", type=_cases, default=[], help="5 or 5,7 or 5-9: plays these alone")
    parser.add_argument("--most", type=int, default=1, help="findings after which it ends")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    with suppress(KeyboardInterrupt):
        run = fuzz(given.seconds, given.seed, cases=given.case, most=given.most)
        print(f"{run.played:,} cases, {len(run.findings)} findings")
        return 1 if run.findings else 0
    return 130


if __name__ == "__main__":
    sys.exit(main())
