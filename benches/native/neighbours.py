"""The libraries that find neighbours, one thread and the same graph for each; each is imported by whoever builds it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.native import Index

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Search = Callable[[Floats, int], Ints]

K = 10


def gateway(vectors: Floats) -> Search:
    index = Index(vectors.shape[1])
    index.add(np.arange(len(vectors)), vectors)
    return lambda queries, ef: index.search(queries, K, ef=ef)[0]


def by_hnswlib(vectors: Floats) -> Search:
    import hnswlib

    index = hnswlib.Index("ip", vectors.shape[1])
    index.init_index(len(vectors), M=16, ef_construction=200)
    index.add_items(vectors, num_threads=1)

    def search(queries: Floats, ef: int) -> Ints:
        index.set_ef(ef)
        found: Ints = index.knn_query(queries, K, num_threads=1)[0].astype(np.int64)
        return found

    return search


def by_usearch(vectors: Floats) -> Search:
    from usearch.index import Index as USearch

    index: Any = USearch(
        ndim=vectors.shape[1], metric="ip", dtype="f32", connectivity=16, expansion_add=200, expansion_search=64
    )
    index.add(np.arange(len(vectors)), vectors, threads=1)

    def search(queries: Floats, ef: int) -> Ints:
        index.expansion_search = ef
        return np.asarray(index.search(queries, K, threads=1).keys, np.int64)

    return search


def by_faiss(vectors: Floats) -> Search:
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexHNSWFlat(vectors.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 200
    index.add(vectors)

    def search(queries: Floats, ef: int) -> Ints:
        index.hnsw.efSearch = ef
        return np.asarray(index.search(queries, K)[1], np.int64)

    return search


def by_numpy(vectors: Floats) -> Search:
    """Brute force, which knows no ef."""

    def search(queries: Floats, _: int) -> Ints:
        scores = queries @ vectors.T
        best = np.argpartition(-scores, K, axis=1)[:, :K]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
        return np.take_along_axis(best, order, axis=1)

    return search


OTHERS: dict[str, Callable[[Floats], Search]] = {
    "usearch": by_usearch,
    "faiss-cpu": by_faiss,
    "numpy, brute force": by_numpy,
}
