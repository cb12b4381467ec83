from __future__ import annotations

from gateway.upstream.demo.pace import FIRST_TOKEN_SECONDS, TOKEN_SECONDS, stream, whole


def test_a_whole_answer_takes_as_long_as_its_tokens() -> None:
    assert list(whole({}, 10)) == [(FIRST_TOKEN_SECONDS + 10 * TOKEN_SECONDS, b"{}")]


def test_a_stream_waits_for_the_first_token_then_for_each_round() -> None:
    reads = list(stream({}, [iter([{"a": 1}, {"a": 2}]), iter([{"b": 1}])], None))

    assert [pause for pause, _ in reads] == [FIRST_TOKEN_SECONDS, 0.0, TOKEN_SECONDS, 0.0]
    assert reads[-1][1] == b"data: [DONE]\n\n"
