"""A scan beside a walk at the same size: where an index should turn from one to the other; `python -m benches.native.switch`.

An index scans up to 2,048 vectors and walks above, so that neither can be had at every size. A graph stays one when it is
cut down to 512; a scan of more than 2,048 is made of the saved bytes of small ones.
"""

import time
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import xxhash

from benches.native.index import clustered, near, recall
from benches.native.neighbours import Floats
from gateway.native import Index

SIZES = (512, 1_000, 2_000, 4_000, 8_000)
SETS = {"around centres": 0.7, "without structure": 10.0}
DIM = 256
QUERIES = 200
ROUNDS = 15
HEADER = 128


def scanned(vectors: Floats) -> Index:
    """A flat index of any size: columns of ids, scales, codes and residues, behind the header of a part."""
    parts = []
    for at in range(0, len(vectors), 500):
        index = Index(DIM)
        index.add(np.arange(at, min(at + 500, len(vectors))), vectors[at : at + 500])
        parts.append((len(index), np.frombuffer(index.dumps(), np.uint8)))
    columns = []
    start = 0
    for width in (8, 4, DIM, DIM // 2):
        ends = [HEADER + start * count for count, _ in parts]
        columns += [part[end : end + width * count] for end, (count, part) in zip(ends, parts, strict=True)]
        start += width
    header = parts[0][1][:HEADER].copy().view(np.uint64)
    body = np.concatenate(columns)
    header[2], header[10] = HEADER + len(body) + 8, len(vectors)
    whole = header.tobytes() + body.tobytes()
    return Index.loads(whole + xxhash.xxh3_64_intdigest(whole).to_bytes(8, "little"))


def walked(vectors: Floats) -> Index:
    """A graph, cut down to these if they are few."""
    index = Index(DIM)
    more = clustered(max(0, 2_049 - len(vectors)), DIM, 3)
    index.add(np.arange(len(vectors) + len(more)), np.concatenate([vectors, more]))
    index.remove(np.arange(len(vectors), len(vectors) + len(more)))
    return index


def microseconds(index: Index, queries: Floats) -> float:
    start = time.perf_counter()
    index.search(queries, 10)
    return (time.perf_counter() - start) * 1e6 / len(queries)


def compare(count: int, spread: float) -> None:
    vectors, queries = clustered(count, DIM, 1, spread), clustered(count, DIM, 2, spread)[:QUERIES]
    scan, walk = scanned(vectors), walked(vectors)
    found: npt.NDArray[np.int64] = walk.search(queries, 10)[0]
    assert recall(scan.search(queries, 10)[0], near(vectors, queries), 10) > 0.99
    times = [(microseconds(scan, queries), microseconds(walk, queries)) for _ in range(ROUNDS)]
    flat, graph = np.median(times, axis=0)
    share = recall(found, near(vectors, queries), 10)
    print(
        f"{count:>6,}  scan {flat:6.1f} µs  walk {graph:6.1f} µs, recall@10 {share:.3f}  scan/walk {flat / graph:.2f}"
    )


def additions() -> None:
    """What a vector costs to add on either side of the switch, and the one that makes it."""
    vectors, index, ends = clustered(4_096, DIM, 1), Index(DIM), (0, 2_048, 2_049, 4_096)
    for start, end in pairwise(ends):
        begun = time.process_time()
        index.add(np.arange(start, end), vectors[start:end])
        print(
            f"adding vectors {start:,} to {end:,}: {(time.process_time() - begun) * 1e6 / (end - start):,.0f} µs each"
        )


if __name__ == "__main__":
    for name, spread in SETS.items():
        print(name)
        for size in SIZES:
            compare(size, spread)
    additions()
