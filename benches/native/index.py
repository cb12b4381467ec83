"""The index beside `hnswlib` at equal recall, one thread; `python -m benches.native.index --count 20000` is a quick run."""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import hnswlib
import numpy as np

from benches.native import Absent, Row, show
from benches.native.neighbours import OTHERS, Floats, Ints
from gateway.native import Index

Search = Callable[[int], Ints]

COUNT = 100_000
QUICK = 20_000
QUERIES = 1_000
ROUNDS = 5
LADDER = (10, 12, 14, 16, 18, 20, 22, 24, 28, 32, 40, 48, 64, 96, 128, 192, 256)


def clustered(count: int, dim: int, seed: int, spread: float = 0.7) -> Floats:
    """Unit vectors around one centre for each hundred, as texts around their subjects."""
    rng = np.random.default_rng(count * dim)
    centres = rng.standard_normal((max(1, COUNT // 100), dim), np.float32)[: max(1, count // 100)]
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((count, dim), np.float32) * np.float32(spread / dim**0.5)
    points = centres[rng.integers(0, len(centres), count)] + noise
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), np.float32)


def near(vectors: Floats, queries: Floats, k: int = 10) -> Ints:
    """The truth, by brute force."""
    parts = [np.argsort(-(part @ vectors.T), axis=1)[:, :k] for part in np.array_split(queries, 20)]
    return np.concatenate(parts)


def recall(found: Ints, truth: Ints, k: int) -> float:
    pairs = zip(found[:, :k].tolist(), truth[:, :k].tolist(), strict=True)
    return float(np.mean([len(set(ours) & set(theirs)) / k for ours, theirs in pairs]))


@dataclass(frozen=True)
class Tuned:
    """An ef, and the recall@1 and recall@10 that it reaches."""

    ef: int
    first: float
    ten: float

    def __str__(self) -> str:
        return f"ef {self.ef} ({self.first:.4f}, {self.ten:.4f})"


def tuned(search: Search, truth: Ints) -> Tuned:
    """The smallest ef that reaches recall@1 of 0.99 and recall@10 of 0.95."""
    for ef in LADDER:
        found = search(ef)
        reached = Tuned(ef, recall(found, truth, 1), recall(found, truth, 10))
        if reached.first >= 0.99 and reached.ten >= 0.95:
            return reached
    raise SystemExit(f"no ef up to {LADDER[-1]} reaches the recall")


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def resident() -> int:
    """Bytes of memory of this process that no file backs."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def grown(path: str, library: str) -> float:
    """Bytes a vector that a library's index adds to a process that has nothing else."""
    vectors = np.load(path, mmap_mode="r")
    ids = np.arange(len(vectors))
    start = resident()
    built = build_ours(vectors, ids) if library == "ours" else build_theirs(vectors, ids)
    bytes_a_vector = (resident() - start) / len(vectors)
    del built
    return bytes_a_vector


def build_ours(vectors: Floats, ids: Ints) -> Index:
    index = Index(vectors.shape[1])
    index.add(ids, vectors)
    return index


def build_theirs(vectors: Floats, ids: Ints) -> hnswlib.Index:
    index = hnswlib.Index("ip", vectors.shape[1])
    index.init_index(len(vectors), M=16, ef_construction=200)
    index.add_items(vectors, ids, num_threads=1)
    return index


class Pair:
    """The same vectors in both libraries, with what building them took."""

    def __init__(self, count: int, dim: int, builds: int) -> None:
        self.vectors, self.queries = clustered(count, dim, 1), clustered(count, dim, 2)[:QUERIES]
        self.truth = near(self.vectors, self.queries)
        ids = np.arange(count)
        self.builds: list[tuple[float, float]] = []
        for _ in range(builds):
            start = time.process_time()
            self.ours = build_ours(self.vectors, ids)
            middle = time.process_time()
            self.theirs = build_theirs(self.vectors, ids)
            self.builds.append((middle - start, time.process_time() - middle))

    def sizes(self) -> list[tuple[float, float]]:
        """Bytes a vector of each, measured in processes of their own, as often as the builds."""
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "vectors.npy")
            np.save(path, self.vectors)
            command = [sys.executable, "-m", "benches.native.index", "--grown", path]

            def size(library: str) -> float:
                return float(subprocess.run([*command, library], capture_output=True, check=True).stdout)

            return [(size("ours"), size("theirs")) for _ in self.builds]

    def search_ours(self, ef: int) -> Ints:
        return self.ours.search(self.queries, 10, ef=ef)[0]

    def search_theirs(self, ef: int) -> Ints:
        self.theirs.set_ef(ef)
        found: Ints = self.theirs.knn_query(self.queries, 10, num_threads=1)[0].astype(np.int64)
        return found


def two_threads(index: Index, queries: Floats, ef: int) -> float:
    """How many times as much two threads do as one, in the same time, on all cores."""

    def work() -> None:
        index.search(queries, 10, ef=ef)

    def both() -> None:
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    try:
        return 2 * seconds(work) / seconds(both)
    finally:
        os.sched_setaffinity(0, cores)


def queries_row(pair: Pair, our: Tuned, search: Search, case: str, name: str, target: float) -> Row:
    """Another library's queries at equal recall, in turns with ours."""
    their = tuned(search, pair.truth)
    times = [(seconds(lambda: pair.search_ours(our.ef)), seconds(lambda: search(their.ef))) for _ in range(ROUNDS)]
    ours, theirs = (QUERIES / float(np.median([pair[side] for pair in times])) for side in (0, 1))
    ratios = [their / our for our, their in times]
    return Row("index", case, f"{name}, recall@1 and @10: {our} to {their}", target, ratios, ours, theirs, "1/s")


def beside(pair: Pair, our: Tuned, case: str) -> list[Row | Absent]:
    found: list[Row | Absent] = []
    for name, build in OTHERS.items():
        name_of_case = f"{case}, queries beside {name}"
        try:
            search = build(pair.vectors)
        except ImportError:
            found.append(Absent("index", name_of_case, f"pip install {name}"))
        else:
            with_ef = partial(search, pair.queries)
            found.append(queries_row(pair, our, with_ef, name_of_case, name, 1.0))
    return found


def compared(case: str, target: float, pairs: list[tuple[float, float]], unit: str) -> Row:
    """What is less, the better, measured as often as there are pairs of ours and theirs."""
    ours, theirs = (float(np.median([pair[side] for pair in pairs])) for side in (0, 1))
    times = "once" if len(pairs) == 1 else f"{len(pairs)} times"
    ratios = [their / our for our, their in pairs]
    return Row("index", f"{case}, {times}", "hnswlib", target, ratios, ours, theirs, unit)


def rows_of(count: int, dim: int) -> list[Row | Absent]:
    # A build of the full size takes half a minute and more.
    pair = Pair(count, dim, builds=3 if count <= QUICK else 1)
    our, case = tuned(pair.search_ours, pair.truth), f"{count:,} x {dim}"
    scaling = [two_threads(pair.ours, pair.queries, our.ef) for _ in range(ROUNDS)]
    return [
        queries_row(pair, our, pair.search_theirs, f"{case}, queries", "hnswlib", 1.5),
        *beside(pair, our, case),
        compared(f"{case}, build", 1.0, pair.builds, "s"),
        compared(f"{case}, memory", 2.0, pair.sizes(), "B/vector"),
        Row("index", f"{case}, two threads", "one thread", 1.7, scaling, float(np.median(scaling)), 1, "x"),
    ]


def churn_rows(count: int, dim: int = 256, turns: int = 10) -> list[Row]:
    """Half of the vectors removed and as many added, ten times over: what is found after it, at the ef tuned before it."""
    vectors, queries, ids = clustered(count, dim, 1), clustered(count, dim, 2)[:QUERIES], np.arange(count)
    index = build_ours(vectors, ids)
    before = tuned(lambda ef: index.search(queries, 10, ef=ef)[0], near(vectors, queries))
    rng = np.random.default_rng(3)
    for turn in range(turns):
        gone = rng.permutation(count)[: count // 2]
        index.remove(ids[gone])
        ids[gone] = np.arange(len(gone)) + (turn + 1) * count
        # `count` of them, since the centres follow from the count.
        vectors[gone] = clustered(count, dim, 10 + turn)[: len(gone)]
        index.add(ids[gone], vectors[gone])
    after = recall(index.search(queries, 10, ef=before.ef)[0], ids[near(vectors, queries)], 10)
    lost = len(np.setdiff1d(ids, index.search(vectors[0], count, ef=count)[0]))
    case = f"{count:,} x {dim}, {turns} rounds of 50 % churn"
    return [
        Row("index", f"{case}, recall@10", f"0.95, with {before} before", 1.0, [after / 0.95], after, 0.95, ""),
        Row("index", f"{case}, not reached", "none", 1.0, [1 - lost / count], lost, 0, "vectors"),
    ]


def load_row(count: int, dim: int = 256) -> Row:
    """Loading, from a file that was just written; the graph's quality does not matter to it, so it is built fast."""
    index = Index(dim, m=16, ef_construction=16)
    for part in range(0, count, 50_000):
        size = min(50_000, count - part)
        index.add(np.arange(part, part + size), clustered(size, dim, part), threads=2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        index.save(path)
        times = [seconds(lambda: Index.load(path)) for _ in range(ROUNDS)]
    budget = 2.0
    return Row(
        "index",
        f"{count:,} x {dim}, load",
        "2 s",
        1.0,
        [budget / t for t in times],
        float(np.median(times)),
        budget,
        "s",
    )


def small_row(count: int = 100_000, dim: int = 256) -> Row:
    """Many indexes of five vectors: what each takes above 1.5 bytes for each number in them, in a process of its own."""
    command = [sys.executable, "-m", "benches.native.index", "--small", str(count), str(dim)]
    above = float(subprocess.run(command, capture_output=True, check=True).stdout) - 5 * dim * 1.5
    return Row(
        "index", f"{count:,} of 5 x {dim}, above their vectors", "200 bytes", 1.0, [200 / above], above, 200, "B"
    )


def small(count: int, dim: int) -> float:
    """Bytes that an index of five vectors adds to a process that has nothing else."""
    vectors, ids = clustered(5, dim, 3), np.arange(5)
    kept: list[Index | None] = [None] * count
    Index(dim).add(ids, vectors)
    start = resident()
    for at in range(count):
        kept[at] = index = Index(dim)
        index.add(ids, vectors)
    return (resident() - start) / count


def rows(count: int = COUNT, million: int = 1_000_000) -> list[Row | Absent]:
    found: list[Row | Absent] = [small_row()]
    for dim in (256, 384):
        found += rows_of(count, dim)
    return [*found, *churn_rows(count), load_row(million)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--million", type=int, default=1_000_000, help="size of the set that is loaded")
    parser.add_argument("--grown", nargs=2, metavar=("FILE", "LIBRARY"), help=argparse.SUPPRESS)
    parser.add_argument("--small", nargs=2, type=int, metavar=("COUNT", "DIM"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.small:
        print(small(*arguments.small))
        sys.exit()
    if arguments.grown:
        print(grown(*arguments.grown))
        sys.exit()
    show(rows(arguments.count, arguments.million))
