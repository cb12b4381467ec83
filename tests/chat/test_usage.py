"""What providers say they counted, read from what they really sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given

from gateway.chat.usage import MOST_TOKENS, MOST_USD, Usage
from tests.chat.nonsense import values
from tests.recordings import FOLDER, chat_recordings, expected, needs_recordings, payloads

ANSWERS = chat_recordings(".sse", ".jsonl", ".json", ".gz")
NAMES = ["prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "cached_tokens", "cost"]
NAMES += ["completion_tokens_details", "audio_tokens", "reasoning_tokens", "cache_write_tokens", "cost_in_usd_ticks"]


def usages(path: Path) -> list[dict[str, Any]]:
    return [usage for payload in payloads(path) if (usage := orjson.loads(payload).get("usage"))]


def read(fields: Any) -> Usage | None:
    return Usage.from_openai(orjson.dumps(fields))


@needs_recordings
@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_recorded_usage_is_read_as_the_providers_sdk_reads_it(path: Path) -> None:
    sdk = expected(path.parent)[path.name].get("usage")
    found = usages(path)
    if not sdk:
        assert found == []
        return

    usage = read(found[-1])

    assert usage is not None
    assert usage.input == sdk["prompt_tokens"]
    assert usage.input + usage.output == sdk["total_tokens"], "every token is billed, thoughts too"
    assert usage.output >= sdk["completion_tokens"]
    assert usage.cached == (sdk.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    assert usage.reasoning == (sdk.get("completion_tokens_details") or {}).get("reasoning_tokens", 0)
    assert not usage.counted


def recorded(name: str) -> Usage | None:
    return read(usages(FOLDER / name)[-1])


@needs_recordings
def test_xai_counts_thoughts_beside_the_completion_and_says_what_it_costs() -> None:
    assert recorded("xai/chat_stream_long.chunks.jsonl") == Usage(
        input=12, output=342, cached=11, reasoning=340, cost_pico=172_125_000
    )


@needs_recordings
def test_geminis_compatible_endpoint_has_its_thoughts_in_the_total_only() -> None:
    assert recorded("gemini/openai_compat_tool_calls_without_id.json") == Usage(input=35, output=74)


@needs_recordings
def test_deepseek_counts_hits_and_misses() -> None:
    assert recorded("deepseek/tool_call.json") == Usage(input=339, output=92, cached=320, reasoning=48)


def test_deepseeks_hits_count_where_there_are_no_details() -> None:
    usage = read(
        {"prompt_tokens": 10, "completion_tokens": 1, "prompt_cache_hit_tokens": 7, "prompt_cache_miss_tokens": 3}
    )

    assert usage == Usage(input=10, output=1, cached=7)


def test_openrouter_says_what_it_costs() -> None:
    usage = read({"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11, "cost": 0.00014})

    assert usage == Usage(input=10, output=1, cost_pico=140_000_000)


def test_a_reported_zero_is_a_zero() -> None:
    usage = read({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "cost": 0})

    assert usage == Usage(cost_pico=0)
    assert read({"prompt_tokens": 5, "completion_tokens": 0, "cost_in_usd_ticks": 0}) == Usage(input=5, cost_pico=0)


def test_a_cached_zero_in_the_details_wins_over_another_field() -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 0}, "prompt_cache_hit_tokens": 9}

    assert read({"prompt_tokens": 10, "completion_tokens": 1, **details}) == Usage(input=10, output=1)


@pytest.mark.parametrize("silence", [{}, [], None, 5, "usage", {"total_tokens": 5}, {"prompt_tokens": None}])
def test_what_says_nothing_is_no_usage(silence: Any) -> None:
    assert read(silence) is None


NONSENSE = [-1, 1.5, "12", True, None, [], {}, 2**64 - 1]


@pytest.mark.parametrize("value", NONSENSE)
@pytest.mark.parametrize("name", ["total_tokens", "cost_in_usd_ticks", "prompt_cache_hit_tokens"])
def test_nonsense_counts_as_silence(name: str, value: Any) -> None:
    assert read({"prompt_tokens": 10, name: value}) == Usage(input=10)


@pytest.mark.parametrize("value", [value for value in NONSENSE if value is not None])
@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
def test_a_count_that_cannot_be_is_like_no_usage(name: str, value: Any) -> None:
    assert read({"prompt_tokens": 10, "completion_tokens": 2, name: value}) is None


@pytest.mark.parametrize(
    "raw",
    [
        b'{"prompt_tokens":1,"completion_tokens":1e400}',
        b'{"prompt_tokens":1,"completion_tokens":2,"cost":1e400}',
        b'{"prompt_tokens":1,"completion_tokens":2,"note":"\\ud83d"}',
        b'{"prompt_tokens":1' + b"0" * 5000 + b',"completion_tokens":2}',
        b'{"prompt_tokens":1,"completion_tokens":2,"x":' + b"[" * 2000 + b"]" * 2000 + b"}",
        b'{"prompt_tokens":NaN}',
        b"\xff",
        b"",
    ],
    ids=lambda raw: repr(raw[:50]),
)
def test_what_cannot_be_read_is_like_no_usage(raw: bytes) -> None:
    assert Usage.from_openai(raw) is None


@given(values(NAMES))
def test_whatever_a_provider_counts_is_read_within_bounds_or_not_at_all(fields: Any) -> None:
    usage = read(fields)

    if usage is not None:
        shares = (usage.cached + usage.cache_write, usage.audio_input, usage.reasoning, usage.audio_output)
        assert all(0 <= share <= MOST_TOKENS for share in (usage.input, usage.output, *shares))
        assert usage.cost_pico is None or 0 <= usage.cost_pico <= MOST_USD * 10**12


@pytest.mark.parametrize("value", NONSENSE)
def test_nonsense_in_the_details_counts_as_silence(value: Any) -> None:
    details = {"cached_tokens": value, "audio_tokens": value, "cache_write_tokens": value}
    fields = {"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": details}

    assert read(fields) == Usage(input=10, output=2)
    assert read({**fields, "prompt_tokens_details": value}) == Usage(input=10, output=2)


@pytest.mark.parametrize("cost", ["NaN", "Infinity", -1, 10_001, "1", True])
def test_a_cost_that_cannot_be_is_not_believed(cost: Any) -> None:
    assert read({"prompt_tokens": 1, "completion_tokens": 1, "cost": cost}) == Usage(input=1, output=1)


def test_a_billion_tokens_are_believed_and_one_more_is_not() -> None:
    assert read({"prompt_tokens": MOST_TOKENS, "completion_tokens": 0}) == Usage(input=MOST_TOKENS)
    assert read({"prompt_tokens": MOST_TOKENS, "completion_tokens": MOST_TOKENS + 1}) is None


def test_more_cached_than_asked_is_held_to_what_was_asked() -> None:
    fields = {"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 99}}

    assert read(fields) == Usage(input=10, output=1, cached=10)


def test_shares_are_never_more_than_their_whole() -> None:
    into = {"cached_tokens": 6, "cache_write_tokens": 99, "audio_tokens": 99}
    out = {"reasoning_tokens": 99, "audio_tokens": 99}
    fields = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": into,
        "completion_tokens_details": out,
    }

    assert read(fields) == Usage(10, 5, cached=6, cache_write=4, reasoning=5, audio_input=10, audio_output=5)
