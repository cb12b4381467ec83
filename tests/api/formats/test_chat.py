"""Chat completions on the wire."""

from __future__ import annotations

from gateway.api.formats.chat import Chat
from gateway.native import Tokenizer
from tests.api.formats.bodies import read
from tests.scripted import STREAM, whole

MESSAGES = [{"role": "user", "content": "Hi"}]


def test_the_shape_of_an_answer_goes_over_and_back() -> None:
    events = b"".join(STREAM[:-1])
    body = Chat().assemble(events)

    assert b'"content":"Hello"' in body
    assert b'"content":"Hello"' in Chat().replay(body)


def test_an_answer_is_read_as_it_comes_and_whole() -> None:
    request = read(Chat(), messages=MESSAGES)
    for stream, data in ((True, b"".join(STREAM)), (False, whole())):
        scanner = Chat().scanner(request, stream=stream)
        scanner.feed(data)
        scanner.end()
        assert scanner.complete


def test_a_prompt_costs_what_its_messages_and_their_frames_do() -> None:
    tokenizer = Tokenizer.named("o200k_base")

    assert Chat().count_input(read(Chat(), messages=MESSAGES), tokenizer) == 8
    assert Chat().paths == ("/v1/chat/completions", "/chat/completions")
