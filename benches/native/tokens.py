"""Counting tokens: `Tokenizer.count` beside `len(tiktoken.Encoding.encode_ordinary(text))`, on the same vocabulary."""

import os
import random
import tempfile
from pathlib import Path

from benches.native import Row, interleave, show
from benches.native.vocabularies import openai
from gateway.native import Tokenizer

ENGLISH = (
    "The gateway sits between applications and model providers and makes every call cheaper, faster and safer: it "
    "answers repeats from a cache, sends easy questions to cheap models, and escalates when the answer isn't good "
    "enough; it survives provider failures, keeps every key within its limits and its budget, and accounts for each "
    "cent. Users change one line, and nothing else in their programs. When a provider is slow, requests that are the "
    "same wait for one another; when it is down, the next in the plan takes over before the client has noticed.\n\n"
    "A hit waits for no lock, disk or network: the state it needs is in process, in native structures. Shared truth is "
    "reached before or after, never during, a hit. That is why it takes 40 microseconds rather than 2,000. We measured "
    "it 7 times on a machine with 2 cores, and publish the median along with both extremes; you'll find the numbers, "
    "and the command that prints them, at https://example.com/benches#native (updated 2026-11-20).\n"
)
CHINESE = "数据平面是一次请求所触及的部分。命中不等待任何锁、磁盘或网络；它需要的状态都在进程内。"  # noqa: RUF001
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"
CODE = Path(__file__).read_text(encoding="utf-8")

CASES = [
    ("o200k_base", "1 KB of English", ENGLISH[:1024], 5.0),
    ("cl100k_base", "1 KB of English", ENGLISH[:1024], 5.0),
    ("o200k_base", "64 KB of English", (ENGLISH * 60)[: 64 << 10], 5.0),
    ("o200k_base", "Chinese and Japanese, 3 KB", (CHINESE + JAPANESE) * 13, 1.0),
    ("o200k_base", "Python code, 4 KB", CODE, 1.0),
    ("o200k_base", "Russian, 1 KB", "Сегодня хорошая погода, и мы пойдём гулять в парк. " * 11, 1.0),
    ("o200k_base", "1 MB of one letter", "a" * (1 << 20), 1.0),
]


def rows() -> list[Row]:
    found = []
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TIKTOKEN_CACHE_DIR"] = cache
        theirs = {name: openai(name, Path(cache)) for name in ("o200k_base", "cl100k_base")}
    for name, case, text, target in CASES:
        ours, reference = Tokenizer.named(name), theirs[name]
        assert ours.encode(text) == reference.encode_ordinary(text), case
        ratios, mine, other = interleave(
            lambda text=text, ours=ours: ours.count(text),  # type: ignore[misc]
            lambda text=text, reference=reference: len(reference.encode_ordinary(text)),  # type: ignore[misc]
        )
        found.append(Row("tokens", f"{case} ({name})", "tiktoken", target, ratios, mine * 1e6, other * 1e6, "µs"))
    ours, reference, pages = Tokenizer.named("o200k_base"), theirs["o200k_base"], different(400)
    ratios, mine, other = interleave(
        lambda: [ours.count(page) for page in pages],
        lambda: [len(reference.encode_ordinary(page)) for page in pages],
    )
    case = "400 different texts of 1 KB English (o200k_base)"
    found.append(Row("tokens", case, "tiktoken", 5.0, ratios, mine * 1e6 / 400, other * 1e6 / 400, "µs a text"))
    return found


def different(count: int) -> list[str]:
    """Texts of 1 KB that no cache of pieces has in full: English words in a random order, some with a prefix or an ending."""
    rng = random.Random(20261121)
    stems = sorted({word.strip(".,;:'()") for word in ENGLISH.split() if word.isalpha()})
    ends = [*[""] * 10, "s", "ing", "ed", "er", "ly", "ness", "able", "ful", "ment"]
    return [
        " ".join(
            rng.choice([*[""] * 12, "un", "re", "over"]) + rng.choice(stems) + rng.choice(ends) for _ in range(250)
        )[:1024]
        for _ in range(count)
    ]


if __name__ == "__main__":
    show(rows())
