from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.demo.tokens import likely, speak


@given(st.text(max_size=60))
def test_pieces_are_whole_characters_and_lose_nothing(text: str) -> None:
    spoken = speak(text, stops=[], limit=None)

    assert spoken.text == text
    assert [token for _, tokens in spoken.pieces() for token in tokens] == list(spoken.tokens)


@given(st.text(max_size=40), st.integers(1, 10))
def test_a_limit_cuts_between_characters(text: str, limit: int) -> None:
    spoken = speak(text, stops=[], limit=limit)

    assert len(spoken.tokens) <= limit
    assert text.startswith(spoken.text)
    assert (spoken.finish == "length") == (len(speak(text, stops=[], limit=None).tokens) > limit)


def test_the_earliest_stop_sequence_wins() -> None:
    assert speak("one two three", stops=["three", "two"], limit=None).text == "one "


def test_probabilities_fall() -> None:
    ranked = [rank["logprob"] for rank in likely(1234, 20)]

    assert ranked == sorted(ranked, reverse=True)
    assert ranked[0] < 0
