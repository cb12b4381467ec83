"""`native.Index` from Python: shapes, errors, and numpy's brute force as the oracle."""

import contextlib
import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.native import Canon, DimensionError, Index, IndexFileError, Scanner, VectorError

Floats = npt.NDArray[np.float32]


def clustered(count: int, dim: int, seed: int, centres: int = 30) -> Floats:
    middles = np.random.default_rng(0).standard_normal((centres, dim))
    rng = np.random.default_rng(seed)
    points = middles[rng.integers(0, centres, count)] + 0.6 * rng.standard_normal((count, dim))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def recall(index: Index, ids: npt.NDArray[np.int64], vectors: Floats, queries: Floats, k: int) -> float:
    truth = ids[np.argsort(-(queries @ vectors.T), axis=1)[:, :k]]
    found, _ = index.search(queries, k)
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(found.tolist(), truth.tolist(), strict=True)]))


@pytest.mark.parametrize("count", [1, 10, 500, 2048, 2049, 5000])
def test_finds_what_brute_force_finds_at_every_size(count: int) -> None:
    vectors, queries = clustered(count, 48, 1), clustered(50, 48, 2)
    ids = np.arange(count) * 3
    index = Index(48)
    index.add(ids, vectors)
    assert len(index) == count
    assert recall(index, ids, vectors, queries, min(10, count)) > 0.97
    found, scores = index.search(queries, 1)
    assert found.dtype == np.int64
    assert scores.dtype == np.float32
    assert np.abs(scores[:, 0] - (queries * vectors[found[:, 0] // 3]).sum(axis=1)).max() < 1e-3


def test_one_query_gives_what_there_is_and_many_give_a_padded_table() -> None:
    index = Index(4)
    ids, scores = index.search(np.ones(4, np.float32), 3)
    assert ids.shape == scores.shape == (0,)
    index.add([7, 8], np.eye(4, dtype=np.float32)[:2])
    ids, scores = index.search([1.0, 0.5, 0.0, 0.0], 3)
    assert ids.tolist() == [7, 8]
    table, scores = index.search(np.eye(4, dtype=np.float32)[:2], 3)
    assert table.tolist() == [[7, 8, -1], [8, 7, -1]]
    assert scores[0, 2] == -np.inf


def test_inner_product_keeps_lengths() -> None:
    index = Index(2, metric="ip")
    index.add([1, 2], np.array([[1, 0], [3, 0]], np.float32))
    ids, scores = index.search(np.array([2, 0], np.float32), 2)
    assert ids.tolist() == [2, 1]
    assert scores.tolist() == pytest.approx([6, 2], abs=1e-2)
    assert index.metric == "ip"


def test_adding_an_id_again_replaces_its_vector() -> None:
    index = Index(3)
    index.add(5, [1, 0, 0])
    index.add(5, [0, 1, 0])
    assert len(index) == 1
    assert index.search([0.0, 1.0, 0.0])[1][0] == pytest.approx(1, abs=1e-3)
    index.add([6, 6], [[1, 0, 0], [0, 0, 1]])
    assert index.search([0.0, 0.0, 1.0])[0].tolist() == [6]
    assert 6 in index
    assert 7 not in index
    assert "6" not in index


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("count", [1, 300, 512])
def test_the_smallest_graph_keeps_what_is_replaced(count: int, threads: int) -> None:
    vectors, others = clustered(2100, 8, 15), clustered(count, 8, 16)
    index = Index(8)
    index.add(np.arange(2100), vectors)
    assert index.remove(np.arange(512, 2100)) == 2100 - 512
    index.add(np.arange(count), others, threads=threads)
    assert len(index) == 512
    assert all(at in index for at in range(512))
    ids, scores = index.search(np.vstack([others, vectors[count:512]]), 1)
    assert ids[:, 0].tolist() == list(range(512))
    assert scores.min() > 0.999


@pytest.mark.parametrize("count", [200, 4000])
def test_namespaces_and_expiry_narrow_a_search(count: int) -> None:
    vectors = clustered(count, 32, 3)
    ids = np.arange(count)
    index = Index(32)
    index.add(ids, vectors, namespace=ids % 7, expires=np.where(ids % 2 == 0, 100, 0))
    for now, namespace in [(0, 3), (99, 3), (100, 3), (100, None), (0, 99)]:
        passes = (ids % 7 == namespace if namespace is not None else True) & ((now < 100) | (ids % 2 == 1))
        wanted = ids[np.broadcast_to(passes, ids.shape)]
        found, _ = index.search(vectors[:20], 5, now=now, namespace=namespace)
        assert set(found.ravel().tolist()) <= set(wanted.tolist()) | {-1}
        truth = np.argsort(-(vectors[:20] @ vectors[wanted].T), axis=1)[:, :5]
        hits = [len(set(f) & set(wanted[t])) for f, t in zip(found.tolist(), truth, strict=True)]
        assert sum(hits) >= 0.95 * truth.size
    assert index.expire(99) == 0
    assert index.expire(100) == (count + 1) // 2
    assert len(index) == count // 2


def test_ten_rounds_of_half_the_set_replaced_keep_recall() -> None:
    rng = np.random.default_rng(4)
    ids, vectors = np.arange(3000), clustered(3000, 32, 5)
    index = Index(32)
    index.add(ids, vectors)
    for turn in range(10):
        gone = rng.permutation(3000)[:1500]
        assert index.remove(ids[gone]) == 1500
        ids[gone] = np.arange(1500) + 10_000 * (turn + 1)
        vectors[gone] = clustered(1500, 32, 6 + turn)
        index.add(ids[gone], vectors[gone])
        assert len(index) == 3000
        assert recall(index, ids, vectors, clustered(50, 32, 99), 10) > 0.95
    everything, _ = index.search(vectors[0], 3000, ef=3000)
    assert sorted(everything.tolist()) == sorted(ids.tolist()), "every live vector can be reached"


def test_same_seed_and_order_give_the_same_bytes() -> None:
    vectors = clustered(2500, 16, 7)
    made = []
    for threads in (1, 1, 2, 3):
        index = Index(16, seed=5)
        index.add(np.arange(2500), vectors, threads=threads)
        made.append(index.dumps())
    assert made[0] == made[1]
    assert made[2] == made[3]


def test_save_and_load_across_processes(tmp_path: Path) -> None:
    path, vectors = tmp_path / "index", clustered(2500, 16, 8)
    index = Index(16)
    index.add(np.arange(2500), vectors, expires=10, namespace=4)
    index.save(path)
    script = (
        "import sys, numpy as np\n"
        "from gateway.native import Index\n"
        "index = Index.load(sys.argv[1])\n"
        "query = np.frombuffer(bytes.fromhex(sys.argv[2]), np.float32)\n"
        "print(len(index), *index.search(query, 3, namespace=4)[0], len(index.search(query, 3, now=10)[0]))\n"
    )
    command = [sys.executable, "-c", script, str(path), vectors[0].tobytes().hex()]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    ids, _ = index.search(vectors[0], 3)
    assert answer == ["2500", *map(str, ids.tolist()), "0"]
    assert Index.loads(index.dumps()).dumps() == path.read_bytes()


@settings(max_examples=1000, deadline=None)
@given(at=st.integers(0), kind=st.sampled_from(["cut", "flip", "zero", "grow", "version"]), bit=st.integers(0, 7))
def test_damaged_files_are_refused(at: int, kind: str, bit: int) -> None:
    whole = damaged_source()
    at %= len(whole)
    data = bytearray(whole)
    if kind == "cut":
        del data[at:]
    elif kind == "flip":
        data[at] ^= 1 << bit
    elif kind == "zero":
        data[at:] = bytes(len(data) - at)
    elif kind == "grow":
        data += bytes(at % 100 + 1)
    else:
        data[8:16] = (2 + at).to_bytes(8, "little")
    if data != whole:
        with pytest.raises(IndexFileError, match="not a usable index"):
            Index.loads(bytes(data))


def damaged_source(made: list[bytes] = []) -> bytes:  # noqa: B006  kept between examples
    if not made:
        index = Index(16, m=4, ef_construction=20)
        index.add(np.arange(2100), clustered(2100, 16, 9))
        made.append(index.dumps())
    return made[0]


def test_a_foreign_file_and_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "foreign").write_bytes(b"\x89PNG\r\n" * 100)
    with pytest.raises(IndexFileError, match="does not begin like one"):
        Index.load(tmp_path / "foreign")


@pytest.mark.parametrize("call", [Index.load, Index(4).save], ids=["load", "save"])
def test_what_the_file_system_refuses_has_number_reason_and_name(
    call: Callable[[Path | str], object], tmp_path: Path
) -> None:
    missing, loop = tmp_path / "no" / "folder", tmp_path / "loop"
    loop.symlink_to("loop")
    for path, kind, number in [
        (missing, FileNotFoundError, errno.ENOENT),
        ("", FileNotFoundError, errno.ENOENT),
        (loop, OSError, errno.ELOOP),
        (tmp_path, IsADirectoryError, errno.EISDIR),
    ]:
        with pytest.raises(kind) as refused:
            call(path)
        error = refused.value
        assert isinstance(error, OSError)
        assert (error.errno, error.filename) == (number, str(path))
        assert error.strerror
        assert "os error" not in error.strerror


@pytest.mark.parametrize("call", [Index.load, Index(4).save], ids=["load", "save"])
def test_a_pipe_is_refused_and_not_waited_for(call: Callable[[Path], object], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="Not a regular file") as refused:
        call(pipe)
    assert refused.value.filename == str(pipe)
    assert pipe.is_fifo()


def test_saving_through_a_link_replaces_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    Index(4).save(tmp_path / "link")
    index = Index(4)
    index.add(1, np.ones(4))
    index.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert len(Index.load(tmp_path / "file")) == 1
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "link"]


def test_indexes_saved_to_one_place_at_once_are_each_there_whole(tmp_path: Path) -> None:
    path, sizes = tmp_path / "index", (100, 700, 1500)
    faults: list[BaseException] = []

    def save_and_load(size: int) -> None:
        index = Index(32)
        index.add(np.arange(size), clustered(size, 32, 1))
        try:
            for _ in range(40):
                index.save(path)
                assert len(Index.load(path)) in sizes
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=save_and_load, args=(size,)) for size in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert list(tmp_path.iterdir()) == [path]


def test_misuse_is_a_typed_error_and_changes_nothing() -> None:
    index = Index(4)
    good = np.ones((1, 4), np.float32)
    for error, call in [
        (DimensionError, lambda: index.add(1, [1.0, 2.0])),
        (DimensionError, lambda: index.add(1, np.ones((1, 1, 4), np.float32))),
        (DimensionError, lambda: index.search(np.empty(0, np.float32))),
        (DimensionError, lambda: index.search(np.float32(1))),
        (VectorError, lambda: index.add([1, 2], np.vstack([good, good * np.nan]))),
        (VectorError, lambda: index.add(1, good * np.inf)),
        (VectorError, lambda: index.add(1, good * 0)),
        (VectorError, lambda: index.search(np.zeros(4, np.float32))),
        (ValueError, lambda: index.add([1, 2], good)),
        (ValueError, lambda: index.add(-1, good)),
        (ValueError, lambda: index.add(1, good, expires=[1, 2])),
        (TypeError, lambda: index.add("one", good)),
        (TypeError, lambda: index.add([1.5], good)),
        (TypeError, lambda: index.add(2**63, good)),
        (ValueError, lambda: index.add(1, good, threads=0)),
        (ValueError, lambda: index.search(good, threads=0)),
        (ValueError, lambda: index.search(good[0], 10**11)),
        (ValueError, lambda: index.search(np.ones((3, 4), np.float32), 10**11)),
        (ValueError, lambda: index.search(np.ones((100, 4), np.float32), 10**6)),
        (TypeError, lambda: index.add(1, ["a", "b", "c", "d"])),
        (ValueError, lambda: Index(0)),
        (ValueError, lambda: Index(4, m=1)),
        (ValueError, lambda: Index(4, metric="l2")),  # type: ignore[arg-type]
    ]:
        with pytest.raises(error):
            call()
    assert len(index) == 0
    index.add(np.empty(0, np.int64), np.empty((0, 4), np.float32))
    assert len(index) == 0


@pytest.mark.parametrize("number", [-1, 2**64, 2**70])
def test_a_number_out_of_range_is_named_with_its_range(number: int) -> None:
    index, one = Index(4), np.ones(4)
    calls: dict[str, Callable[[], object]] = {
        "k": lambda: index.search(one, k=number),
        "ef": lambda: index.search(one, ef=number),
        "now": lambda: index.search(one, now=number),
        "namespace": lambda: index.search(one, namespace=number),
        "threads": lambda: index.search(one, threads=number),
        "dim": lambda: Index(number),
        "m": lambda: Index(4, m=number),
        "ef_construction": lambda: Index(4, ef_construction=number),
        "seed": lambda: Index(4, seed=number),
        "max_event": lambda: Scanner(max_event=number),
        "max_depth": lambda: Canon(b"secret", max_depth=number),
    }
    for name, call in calls.items():
        with pytest.raises(ValueError, match=rf"^{name} must be from [012] to .*, not {number}(\n|$)"):
            call()
    for call in (lambda: index.expire(number), lambda: index.add(1, one, threads=number)):
        with pytest.raises(ValueError, match=rf"must be from [01] to .*, not {number}(\n|$)"):
            call()


def test_numbers_of_numpy_are_numbers_and_words_are_not() -> None:
    index = Index(np.int64(4), m=np.uint8(16))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="k must be from 0 to 1048576, not -1"):
        index.search(np.ones(4), np.int64(-1))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="m must be from 2 to 256, not 70000"):
        Index(4, m=70_000)
    with pytest.raises(TypeError, match="'k'"):
        index.search(np.ones(4), "many")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'ef'"):
        index.search(np.ones(4), ef=1.5)  # type: ignore[arg-type]


def test_ids_beyond_int64_are_named_as_they_were_given() -> None:
    index = Index(4)
    with pytest.raises(ValueError, match=r"ids must be from 0 to 2\^63 - 1, not 9223372036854775813"):
        index.add(np.array([1, 2**63 + 5], np.uint64), np.ones((2, 4), np.float32))
    with pytest.raises(ValueError, match="not -3"):
        index.remove([-3])
    index.add(np.array([2**63 - 1], np.uint64), np.ones((1, 4), np.float32))
    assert 2**63 - 1 in index


@pytest.mark.parametrize("count", [3, 2100])
def test_huge_numbers_do_no_harm(count: int) -> None:
    vectors = clustered(count, 4, 14)
    index = Index(4)
    index.add(np.arange(count), vectors, threads=10**9, namespace=np.arange(count) % 2)
    for k, ef in [(1, 2**63), (2**20, None), (2**20, 2**63)]:
        assert len(index.search(vectors[0], k, ef=ef)[0]) == min(k, count)
        assert len(index.search(vectors[0], k, ef=ef, namespace=0)[0]) == min(k, (count + 1) // 2)
    ids, _ = index.search(vectors[:3], 5, threads=10**9)
    assert ids.shape == (3, 5)


def test_any_layout_of_numbers_is_taken() -> None:
    vectors = clustered(40, 8, 10)
    plain, other = Index(8), Index(8)
    plain.add(np.arange(40), vectors)
    other.add(np.arange(40, dtype=np.uint16), np.asfortranarray(vectors.astype(np.float64)))
    assert plain.dumps() == other.dumps()
    assert plain.search(vectors[3])[0][0] == plain.search(np.repeat(vectors[3], 2)[::2])[0][0] == 3


def test_searches_go_on_while_threads_insert_replace_and_delete() -> None:
    vectors = clustered(4000, 24, 11)
    index = Index(24)
    index.add(np.arange(3000), vectors[:3000])
    index.add(9999, vectors[2500], namespace=7)
    done, misses, searches = threading.Event(), [], [0]
    lone: set[tuple[int, ...]] = set()

    def search() -> None:
        while not done.is_set():
            at = searches[0] % 500
            ids, _ = index.search(vectors[at])
            searches[0] += 1
            lone.add(tuple(index.search(vectors[at], 2, namespace=7)[0].tolist()))
            if ids.tolist() != [at]:
                misses.append(at)

    def insert() -> None:
        for at in range(3000, 4000):
            index.add(at, vectors[at])

    def delete() -> None:
        for at in range(500, 2500):
            index.remove(at)

    def replace() -> None:
        for at in range(1000):
            index.add(9999, vectors[2500 + at % 500], namespace=7)
            index.add([at % 500, (at + 1) % 500], vectors[[at % 500, (at + 1) % 500]], threads=2)

    searcher = threading.Thread(target=search)
    writers = [threading.Thread(target=work) for work in (insert, replace, delete)]
    for thread in [searcher, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    searcher.join()
    assert len(index) == 2001
    assert searches[0] > 0
    assert lone == {(9999,)}, "what is replaced is found at every moment, once"
    assert len(misses) <= searches[0] // 100


@pytest.mark.parametrize("metric", ["cosine", "ip"])
def test_vectors_that_change_while_they_are_added_do_no_harm(metric: Literal["cosine", "ip"]) -> None:
    good = clustered(1000, 64, 17)
    batch, done = good.copy(), threading.Event()

    def change() -> None:
        while not done.is_set():
            for last in (np.inf, good[-1]):
                batch[-1] = last
                time.sleep(0.0005)

    changing = threading.Thread(target=change)
    changing.start()
    for _ in range(30):
        index = Index(64, metric=metric)
        with contextlib.suppress(VectorError):
            index.add(np.arange(1000), batch)
        assert len(Index.loads(index.dumps())) == len(index) in (0, 1000)
    done.set()
    changing.join()


# With stacks that no address space holds, no thread can be started.
NO_THREADS = """
import numpy as np
from gateway.native import Index

vectors = np.random.default_rng(1).standard_normal((3000, 16), np.float32)
index = Index(16)
index.add(np.arange(3000), vectors, threads=2)
assert index.search(vectors, threads=2)[0][:, 0].tolist() == list(range(3000))
print(len(Index.loads(index.dumps())))
"""


def test_without_threads_to_be_had_the_caller_does_the_work() -> None:
    environment = {**os.environ, "RUST_MIN_STACK": str(2**47)}
    command = [sys.executable, "-c", NO_THREADS]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.stdout, done.stderr) == ("3000\n", "")


LOOKS: dict[str, Callable[[Index], object]] = {
    "len": len,
    "in": lambda index: 5 in index,
    "memory": lambda index: index.memory,
    "search": lambda index: index.search(np.ones(16)),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_look_that_waits_for_a_writer_holds_up_no_other_thread(look: Callable[[Index], object]) -> None:
    index, vectors = Index(16, ef_construction=16), clustered(20_000, 16, 18)
    index.add(np.arange(20_000), vectors, threads=2)

    def steps_of_others() -> int:
        """How far another thread comes while a look waits for a writer that waits for a long search."""
        works = (
            lambda: index.search(vectors[0], 20_000, ef=20_000),
            lambda: index.add(10**6, vectors[0]),
            lambda: look(index),
        )
        threads = [threading.Thread(target=work) for work in works]
        for thread in threads:
            thread.start()
            time.sleep(0.002)
        steps = 0
        while threads[0].is_alive():
            time.sleep(0.0002)
            steps += 1
        for thread in threads:
            thread.join()
        return steps

    assert max(steps_of_others() for _ in range(5)) > 5


RESIDENT = """
import numpy as np
from gateway.native import Index

def resident():
    line = next(line for line in open("/proc/self/status") if line.startswith("RssAnon"))
    return 1024 * int(line.split()[1])

ids, vectors = np.arange(5), np.random.default_rng(1).standard_normal((5, 256), np.float32)
kept = [None] * 20_000
Index(256).add(ids, vectors)
before = resident()
for at in range(len(kept)):
    kept[at] = Index(256)
    kept[at].add(ids, vectors)
print((resident() - before) / 20_000)
"""


def test_many_small_indexes_cost_little_above_their_vectors() -> None:
    done = subprocess.run([sys.executable, "-c", RESIDENT], capture_output=True, check=True, text=True)

    assert float(done.stdout) - 5 * 256 * 1.5 <= 200


def test_a_vector_takes_twelve_bits_a_dimension_its_links_and_little_else() -> None:
    index = Index(64)
    index.add(np.arange(5000), clustered(5000, 64, 13))
    codes, links, others = 64 * 1.5, 2 * 16 * 4, 60
    assert codes + links < index.memory / 5000 < codes + links + others


USES = [
    "Index(4).add(1, [1.0, 0, 0, 0])",
    "Index(4).search([1.0, 0, 0, 0])",
    "StaticEmbedder.open('a', 'b')",
    "MiniLM.open('a', 'b')",
]


@pytest.mark.parametrize("use", USES)
def test_without_numpy_it_says_so(use: str) -> None:
    code = f"import sys; sys.modules['numpy'] = None; from gateway.native import *; {use}"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stderr.endswith("ImportError: Index and the embedders need numpy: pip install numpy\n")
