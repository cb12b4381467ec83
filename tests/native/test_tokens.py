"""`native.Tokenizer` against tiktoken, and against what providers billed for recorded calls."""

import gzip
import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.native import Tokenizer, encoding_for

tiktoken = pytest.importorskip("tiktoken", reason="pip install tiktoken")

from benches.native.vocabularies import openai, ranks  # noqa: E402

SHARED = Path(os.environ.get("GATEWAY_SHARED", Path(__file__).parents[2] / "../shared"))
RECORDINGS = SHARED / "recordings"
# Of each of two encodings; GATEWAY_FUZZ_TEXTS=50000 makes 100,000 comparisons.
TEXTS = int(os.environ.get("GATEWAY_FUZZ_TEXTS", "10000"))

needs_recordings = pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"no recordings at {RECORDINGS}")

SAMPLES = [
    "The data plane is what one request touches; it mustn't wait, and we'll measure that it doesn't.",
    "def read(self, n: int = -1) -> bytes:\n    return self._buffer[:n]  # noqa: E501\n\n\nclass X:\n\tpass\r\n",
    '{"model":"gpt-4o","messages":[{"role":"user","content":"\\u00e9t\\u00e9 1234567.89"}]}',
    "数据平面是一次请求所触及的部分。命中不等待任何锁、磁盘或网络；",  # noqa: RUF001
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。カタカナーﾊﾝｶｸ",
    "데이터 평면은 한 번의 요청이 닿는 곳이다.",
    "Сегодня хорошая погода, и мы пойдём гулять в парк.",
    "البيانات هي ما يلمسه طلب واحد، ولا تنتظر شيئًا.",
    "डेटा तल वह है जिसे एक अनुरोध छूता है।",
    "ข้อมูลคือสิ่งที่คำขอหนึ่งสัมผัส",
    "Ça coûte 3,50 € à l'été—«voilà»… ŒUVRE naïve Straße ǅ ʰ",
    "😀👍🏽👩‍👩‍👧‍👦 🇫🇷 ✅ ½ ² Ⅷ ① 　全角ＡＢＣ１２３",
    "   leading\t\ttabs \n\n\n  and   trailing   ",
    "<|endoftext|><|im_start|>system<|im_end|> [INST] </s> <think>",
    "https://example.com/a/b?c=d&e=f#g ../../etc/passwd //!!??::== I'LL DON'T we'Re",
]
JOINTS = ["", " ", "  ", "\n", "\r\n", "\n\n ", "\t", "'s", "'", "123", "-", "/", "\u00a0", "\u3000", "\u200d"]


def texts(seed: int, count: int) -> Iterator[str]:
    """Cuts of the samples joined at random, some with random characters among them."""
    rng = random.Random(seed)
    for _ in range(count):
        parts = []
        for _ in range(rng.randint(1, 5)):
            sample = rng.choice(SAMPLES)
            start = rng.randrange(len(sample))
            parts.append(sample[start : start + rng.randint(1, 40)])
            parts.append(rng.choice(JOINTS))
            if rng.random() < 0.2:
                parts.append(chr(rng.choice([rng.randrange(1, 0xD800), rng.randrange(0xE000, 0x11_0000)])))
            if rng.random() < 0.05:
                parts.append(rng.choice(sample) * rng.randint(2, 200))
        yield "".join(parts)


@pytest.fixture(scope="module", params=["o200k_base", "cl100k_base"])
def oracle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    cache = tmp_path_factory.mktemp("tiktoken")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(cache))
        yield openai(request.param, cache)


def test_tokens_equal_tiktoken(oracle: Any) -> None:
    ours = Tokenizer.named(oracle.name)
    for text in texts(20261120, TEXTS):
        expected = oracle.encode_ordinary(text)
        assert ours.count(text) == len(expected), repr(text)
        assert ours.encode(text) == expected, repr(text)


def test_every_character_alone_and_after_a_letter(oracle: Any) -> None:
    ours = Tokenizer.named(oracle.name)
    for code in range(1, 0x1_0000, 7):
        if not 0xD800 <= code < 0xE000:
            text = f"{chr(code)} a{chr(code)}B 1{chr(code)}"
            assert ours.encode(text) == oracle.encode_ordinary(text), hex(code)


def test_long_runs_equal_tiktoken(oracle: Any) -> None:
    ours = Tokenizer.named(oracle.name)
    for text in ("a" * 20_000, " " * 5_000 + "x", "\n" * 5_000, "ab" * 9_000, "日本" * 3_000, "=" * 9_000):
        assert ours.encode(text) == oracle.encode_ordinary(text), text[:9]


# What the patterns split after a look at what follows, in every vocabulary and in DeepSeek's.
BLANKS = ["\u00a0\u00a0a", "!\n\u00a0\u00a0", "\u3000\u3000中"]
UNITS = [
    "👩‍👩‍👧",
    "\u200b",
    "\ue000",
    "१२",
    "²³",
    "Ⅷ",
    "\U000e0061",
    "・。・中a",
    "中。",
    "é ",
    "  1",
    "\n",
    " ",
    "a",
    "1",
    "aA",
]
OTHERS = [
    "o200k_base",
    "cl100k_base",
    "p50k_base",
    "r50k_base",
    "llama3",
    "qwen",
    "mistral",
    "kimi",
    "glm4",
    "glm5",
    "minimax",
]


@pytest.mark.parametrize(("name", "kilobytes"), [("deepseek", 128), *((name, 8) for name in OTHERS)])
def test_the_work_grows_with_the_text_not_with_its_square(name: str, kilobytes: int) -> None:
    """Linear, this takes half a second of processor time; with the square it takes at least 10, and DeepSeek's 40."""
    tokenizer = Tokenizer.named(name)
    start = time.process_time()
    for unit in [*BLANKS, *UNITS, "".join(BLANKS + UNITS)]:
        size = (256 if unit in BLANKS else kilobytes) << 10
        assert tokenizer.count(unit * (size // len(unit.encode()))) > 0
    assert time.process_time() - start < 5


def test_a_limit_counts_the_start_and_estimates_the_rest() -> None:
    whole = Tokenizer.named("o200k_base")
    limited = whole.within(1000)
    assert limited.count(SAMPLES[0]) == whole.count(SAMPLES[0])
    text = "été " * 1000
    head = text.encode()[:1000].decode(errors="ignore")
    assert limited.count(text) == -(-whole.count(head) * len(text.encode()) // len(head.encode()))
    assert limited.encode(text) == whole.encode(text)
    short, long = user("a word. " * 100), user("a word. " * 1000)
    long["messages"] += user("a word. " * 100)["messages"]
    for body in (short, long):
        raw = json.dumps(body).encode()
        assert limited.count_chat(raw) == pytest.approx(whole.count_chat(raw), rel=0.01)


# The split patterns that the models' own repositories publish.
CASED = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
UPPER = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
TAIL = r"\s*[\r\n]+|\s+(?!\S)|\s+"
WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
PUBLISHED = {
    "llama3": (128_000, rf"{WORDS}|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{TAIL}"),
    "qwen": (151_643, rf"{WORDS}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{TAIL}"),
    "mistral": (131_072, rf"{CASED}|{UPPER}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{TAIL}"),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_other_families_split_as_published(name: str) -> None:
    size, pattern = PUBLISHED[name]
    oracle = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks(name, size), special_tokens={})
    ours = Tokenizer.named(name)
    for text in texts(7, TEXTS // 10):
        assert ours.encode(text) == oracle.encode_ordinary(text), repr(text)


@pytest.mark.parametrize("name", ["o200k_base", "cl100k_base", "llama3", "deepseek", "qwen", "mistral", "kimi", "glm4"])
def test_a_text_comes_back_from_its_tokens(name: str) -> None:
    tokenizer = Tokenizer.named(name)
    for text in texts(3, 300):
        tokens = tokenizer.encode(text)
        assert tokenizer.decode(tokens).decode() == text
        assert tokenizer.count(text) == len(tokens)


def chat(model: str, body: dict[str, Any]) -> int:
    return Tokenizer.for_model(model).count_chat(json.dumps(body, separators=(",", ":")).encode())


def user(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def recorded(provider: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name, request body and what the provider's SDK read, of each recorded chat call."""
    expected = json.loads((RECORDINGS / provider / "expected.json").read_text())
    for entry in json.loads((RECORDINGS / provider / "index.json").read_text()):
        body = (entry.get("request") or {}).get("body")
        read = expected.get(entry["file"])
        if isinstance(body, str) and body.startswith("{"):
            body = json.loads(body)
        if isinstance(body, dict) and "messages" in body and read and read.get("usage"):
            yield entry["file"], body, read


@needs_recordings
@pytest.mark.parametrize("provider", ["openai", "deepseek", "mistral"])
def test_prompts_cost_what_providers_billed(provider: str) -> None:
    found = [
        (file, chat(body["model"], body), read["usage"]["prompt_tokens"]) for file, body, read in recorded(provider)
    ]
    assert found
    assert [(file, billed) for file, _, billed in found] == [(file, ours) for file, ours, _ in found]


@needs_recordings
def test_a_structured_answer_costs_its_schema() -> None:
    schema = {
        "properties": {
            "city": {"title": "City", "type": "string"},
            "temperature": {"title": "Temperature", "type": "number"},
            "units": {"enum": ["c", "f"], "title": "Units", "type": "string"},
        },
        "required": ["city", "temperature", "units"],
        "title": "Location",
        "type": "object",
        "additionalProperties": False,
    }
    body = user("What's the weather like in SF?")
    assert chat("gpt-4o", body) == 14
    body["response_format"] = {"type": "json_schema", "json_schema": {"name": "Location", "schema": schema}}
    assert chat("gpt-4o", body) == 79


@needs_recordings
def test_deepseek_answers_have_the_tokens_that_were_billed() -> None:
    tokenizer = Tokenizer.for_model("deepseek-reasoner")
    read = json.loads((RECORDINGS / "deepseek" / "reasoning_content.json").read_text())
    message = read["choices"][0]["message"]
    usage = read["usage"]
    reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
    assert abs(tokenizer.count(message["reasoning_content"]) - reasoning) <= 1
    assert abs(tokenizer.count(message["content"]) - (usage["completion_tokens"] - reasoning)) <= 8


@needs_recordings
def test_estimates_are_within_their_stated_error() -> None:
    """Anthropic within 10 % (thinking's own 29 tokens apart), Gemini within 20 % or 3 tokens."""
    for file, body, read in recorded("anthropic"):
        if "tools" in body:
            continue
        usage = read["usage"]
        billed = usage["input_tokens"] + usage["cache_creation_input_tokens"] + usage["cache_read_input_tokens"]
        billed -= 29 if "thinking" in body else 0
        assert chat(body["model"], body) == pytest.approx(billed, rel=0.10, abs=2), file
    for text, billed in [("What is the capital of France?", 15), ("What is the weather in San Francisco today?", 17)]:
        body = {"messages": [{"role": "system", "content": "You are a helpful chatbot."}, *user(text)["messages"]]}
        assert chat("gemini-2.5-pro", body) == pytest.approx(billed, rel=0.2, abs=3)


def test_estimates_say_so() -> None:
    for model in ("claude-sonnet-4-5", "gemini-2.5-pro", "grok-4", "a-model-of-tomorrow"):
        tokenizer = Tokenizer.for_model(model)
        assert not tokenizer.exact
        assert tokenizer.count("Hello, world!") >= 4
        with pytest.raises(ValueError, match="no public vocabulary"):
            tokenizer.encode("Hello")
    assert Tokenizer.for_model("gpt-4o").exact
    assert encoding_for("a-model-of-tomorrow") == "estimate"


def test_pictures_cost_by_size_and_detail() -> None:
    def picture(detail: str) -> int:
        url = {"url": "https://example.com/1024.png", "detail": detail}
        body = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": url}]}]}
        return chat("gpt-4o", body) - chat("gpt-4o", user(""))

    assert (picture("low"), picture("high")) == (85, 765)


def test_misuse_is_a_typed_error() -> None:
    tokenizer = Tokenizer.named("o200k_base")
    with pytest.raises(KeyError, match="o200k_base"):
        Tokenizer.named("o300k_base")
    for body in (b"", b"[]", b"{", b'{"messages":', b"\xff", b'{"messages":[{"content":"\xff"}]}', b"{} x"):
        with pytest.raises(ValueError, match="JSON object"):
            tokenizer.count_chat(body)
    with pytest.raises(ValueError, match="not in this vocabulary"):
        tokenizer.decode([2_000_000])
    with pytest.raises(UnicodeEncodeError):
        tokenizer.count("\ud800")


def test_odd_bodies_are_counted() -> None:
    for body in (
        b"{}",
        b'{"messages":null}',
        b'{"messages":[null,1,[],{"content":[null,"x",{"type":1}]}],"tools":[0]}',
    ):
        assert Tokenizer.named("o200k_base").count_chat(body) >= 3


def test_a_hostile_schema_is_counted_soon() -> None:
    twice = ",".join(f'"k{i}":{{"$ref":"#"}}' for i in range(200))
    body = b'{"tools":[{"function":{"name":"f","parameters":{"properties":{%s}}}}]}' % twice.encode()
    assert Tokenizer.named("o200k_base").count_chat(body) < 1_000_000


def test_a_compressed_recording_is_not_json() -> None:
    with pytest.raises(ValueError, match="JSON object"):
        Tokenizer.named("o200k_base").count_chat(gzip.compress(b"{}"))
