from __future__ import annotations

import time

import pytest

from gateway.upstream.demo.question import Question, content_text, last_question


def test_what_is_drawn_from_a_question() -> None:
    question = Question("Convert 12.5 dollars for Alice Smith\nin New York, please, in -3 days")

    assert question.numbers() == [12.5, -3.0]
    assert question.names() == ["Alice Smith", "New York"]
    assert "dollars" in question.topics()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("in 100 words", 130), ("a 3-sentence summary", 54), ("two lines", None), ("99999 pages", 4000), ("0 words", 0)],
)
def test_the_length_that_is_asked_for(text: str, tokens: int | None) -> None:
    assert Question(text).tokens_wanted() == tokens


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Say hello", ("hello", False)),
        ("please reply with only 'yes'.", ("yes", True)),
        ("What do you say?", ("", False)),
    ],
)
def test_what_is_to_be_repeated(text: str, said: tuple[str, bool]) -> None:
    assert Question(text).to_repeat == said


def test_the_last_user_message_counts() -> None:
    messages = [
        {"role": "user", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": "c"},
    ]

    assert last_question(messages).text == "b"
    assert last_question([{"role": "system", "content": "s"}]).text == "s"
    assert last_question([5]).text == ""
    assert content_text([{"type": "text", "text": "x"}, 5, {"text": 5}]) == "x"


@pytest.mark.parametrize(
    "text", ["1" * 100_000, "A a " * 50_000, "Say " * 50_000, "1.1" * 50_000, "1 words" * 20_000, "A" * 100_000]
)
def test_long_questions_are_read_quickly(text: str) -> None:
    start = time.process_time()
    question = Question(text)
    (
        question.numbers(),
        question.names(),
        question.topics(),
        question.tokens_wanted(),
        question.to_repeat,
        question.words(),
    )

    assert time.process_time() - start < 2
    assert len(question.shown) <= 160
