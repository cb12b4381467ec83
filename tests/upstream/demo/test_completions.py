"""Text completions."""

from __future__ import annotations

import pytest

from gateway.native import Tokenizer
from tests.upstream.demo.asking import asked, in_no_time, refused, streamed

__all__ = ["in_no_time"]

PATH = "/completions"


def test_sixteen_tokens_are_the_default() -> None:
    answer = asked(PATH, prompt="Once upon a time")

    (choice,) = answer["choices"]
    assert answer["object"] == "text_completion"
    assert answer["usage"] == {"prompt_tokens": 4, "completion_tokens": 16, "total_tokens": 20}
    assert choice["finish_reason"] == "length"


def test_several_prompts_and_choices() -> None:
    answer = asked(PATH, prompt=["a", "b"], n=2, max_tokens=100)

    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    assert all(choice["finish_reason"] == "stop" for choice in answer["choices"])


def test_a_prompt_may_be_tokens() -> None:
    tokens = Tokenizer.named("o200k_base").encode("Why do bees dance?")

    for prompt in (tokens, [tokens]):
        assert "Why do bees dance?" in asked(PATH, prompt=prompt, max_tokens=60)["choices"][0]["text"]


def test_the_prompt_is_echoed_on_request() -> None:
    assert asked(PATH, prompt="Once", echo=True)["choices"][0]["text"].startswith("Once")


def test_a_stream_says_the_same() -> None:
    whole = asked(PATH, prompt="Once", max_tokens=30, echo=True, stop="demo")
    events = streamed(
        PATH, prompt="Once", max_tokens=30, echo=True, stop="demo", stream_options={"include_usage": True}
    )

    assert "".join(event["choices"][0]["text"] for event in events if event["choices"]) == whole["choices"][0]["text"]
    assert events[-1]["usage"] == whole["usage"]
    assert events[-2]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]


def test_probabilities() -> None:
    (choice,) = asked(PATH, prompt="Once", logprobs=2)["choices"]

    found = choice["logprobs"]
    assert "".join(found["tokens"]) == choice["text"]
    assert [len(tops) for tops in found["top_logprobs"]] == [2] * 16
    assert found["text_offset"][1] == len(found["tokens"][0])


@pytest.mark.parametrize("prompt", [None, [], 5, [1.5], [[]], ["a", 5], [1, "a"], [-1], [1 << 40], [[True]], {"a": 1}])
def test_what_is_no_prompt_is_refused(prompt: object) -> None:
    assert refused(PATH, prompt=prompt)["param"] == "prompt"
    assert refused("/embeddings", input=prompt)["param"] == "input"


def test_too_many_at_once_are_refused() -> None:
    assert refused(PATH, prompt=["a"] * 100, n=2)["param"] == "n"
