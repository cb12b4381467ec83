from __future__ import annotations

from gateway.upstream.demo.prose import prose
from gateway.upstream.demo.question import Question


def test_seeds_pick_among_equals() -> None:
    question = Question("Why do bees dance?")

    assert prose(question, 1, None) == prose(question, 1, None)
    assert prose(question, 1, None) != prose(question, 2, None)


def test_an_empty_question_has_an_answer() -> None:
    assert prose(Question(""), 0, 500).startswith("Hello from the demo.")


def test_long_text_has_paragraphs() -> None:
    assert prose(Question("Bees"), 0, 500).count("\n\n") >= 4
