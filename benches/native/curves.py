"""Recall against speed beside hnswlib, usearch and faiss: draws `docs/bench-index/*.svg` and writes `docs/bench-index.md`."""

import argparse
import importlib.metadata
import platform
import time
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from benches.native.index import clustered, near, recall
from benches.native.neighbours import Floats, Ints, Search, by_faiss, by_hnswlib, by_usearch, gateway

DOCS = Path(__file__).parents[2] / "docs"
LADDER = (10, 14, 20, 28, 40, 64, 96, 128, 192)
ROUNDS = 5
K = 10
Curve = list[tuple[int, float, float, float]]

mpl.use("svg")


def near_duplicates(count: int, dim: int, seed: int) -> Floats:
    """Groups of ten that differ by little, as one question asked in many words."""
    centres = clustered(count // 10, dim, 1)
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((count, dim), np.float32) * np.float32(0.15 / dim**0.5)
    points = centres[rng.integers(0, len(centres), count)] + noise
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), np.float32)


LIBRARIES = {"gateway.native": gateway, "hnswlib": by_hnswlib, "usearch": by_usearch, "faiss-cpu": by_faiss}


def measured(searches: dict[str, Search], queries: Floats, truth: Ints) -> dict[str, Curve]:
    """For each library and ef: recall@1, recall@10 and the best rate of some interleaved rounds."""
    curves: dict[str, Curve] = {name: [] for name in searches}
    for ef in LADDER:
        best = dict.fromkeys(searches, float("inf"))
        found: dict[str, Ints] = {}
        for _ in range(ROUNDS):
            for name, search in searches.items():
                start = time.perf_counter()
                found[name] = search(queries, ef)
                best[name] = min(best[name], time.perf_counter() - start)
        for name, ids in found.items():
            rate = len(queries) / best[name]
            curves[name].append((ef, recall(ids, truth, 1), recall(ids, truth, K), rate))
    return curves


def draw(title: str, curves: dict[str, Curve], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 4.5))
    for name, curve in curves.items():
        axes.plot([point[2] for point in curve], [point[3] for point in curve], marker="o", label=name)
    axes.set(title=title, xlabel="recall@10", ylabel="queries a second, one thread", yscale="log")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)


def section(title: str, curves: dict[str, Curve], picture: str) -> str:
    lines = [
        f"## {title}",
        "",
        f"![{title}: recall against queries a second]({picture})",
        "",
        "| library | ef | recall@1 | recall@10 | queries/s |",
        "|---|---|---|---|---|",
    ]
    for name, curve in curves.items():
        lines += [f"| {name} | {ef} | {one:.4f} | {ten:.4f} | {rate:,.0f} |" for ef, one, ten, rate in curve]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--dims", type=int, nargs="+", default=[256, 384])
    arguments = parser.parse_args()
    (DOCS / "bench-index").mkdir(parents=True, exist_ok=True)
    packages = {name: importlib.metadata.version(name) for name in ("hnswlib", "usearch", "faiss-cpu", "numpy")}
    versions = ", ".join(f"{name} {version}" for name, version in packages.items())
    page = [
        "# Recall and speed of the index\n",
        "Drawn by `python -m benches.native.curves`. One thread, unit vectors, M = 16, ef_construction = 200 for "
        f"every library; numpy's brute force is the truth; each rate is the best of {ROUNDS} interleaved "
        "rounds of 1,000 queries in one batch.\n",
        f"{arguments.count:,} vectors; {versions}; Python {platform.python_version()} on {platform.machine()}.\n",
        "*Clustered*: one centre for each hundred vectors. *Near-duplicate*: groups of ten that differ by little.\n",
        "`gateway.native` keeps twelve bits of each number (the others: 32), and so half the memory: where the scores of "
        "neighbours differ by some 3e-5, as among near-duplicates, it may take one for the other, and its recall@1 "
        "stops short of 1 at any ef.\n",
    ]
    for dim in arguments.dims:
        for kind, make in (("clustered", clustered), ("near-duplicate", near_duplicates)):
            vectors, queries = make(arguments.count, dim, 1), make(arguments.count, dim, 2)[:1000]
            searches = {name: build(vectors) for name, build in LIBRARIES.items()}
            curves = measured(searches, queries, near(vectors, queries))
            title, picture = f"{dim} dimensions, {kind}", f"bench-index/{kind}-{dim}.svg"
            draw(title, curves, DOCS / picture)
            page.append(section(title, curves, picture))
            (DOCS / "bench-index.md").write_text("\n".join(page), encoding="utf-8")


if __name__ == "__main__":
    main()
