"""What OpenAI's endpoints have in common on the wire."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.api.formats.base import count
from gateway.api.formats.chat import Chat
from gateway.api.formats.embeddings import Embeddings
from gateway.errors import InvalidRequest, RateLimited, Untranslatable
from gateway.native import Tokenizer
from tests.api.formats.bodies import CANON, read

MESSAGES = [{"role": "user", "content": "Hi"}]
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}\n\n'
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'


def test_what_cannot_be_read_is_the_callers_doing() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        Chat().read(CANON, b'{"model":"gpt","messages":5}')

    assert refusal.value.param == "messages"


@pytest.mark.parametrize(
    ("fields", "usage"),
    [
        ({"stream": True}, False),
        ({"stream": True, "stream_options": {"include_usage": True}}, True),
    ],
)
def test_a_stream_shows_usage_to_who_asked_for_it(fields: dict[str, Any], usage: bool) -> None:
    frame = Chat().frame(read(Chat(), messages=MESSAGES, **fields))

    assert (b"prompt_tokens" in frame(TEXT + USAGE)) == usage
    assert frame(TEXT) == TEXT


def test_a_whole_answer_is_shown_as_it_is() -> None:
    assert Chat().frame(read(Chat(), messages=MESSAGES))(b"{}") == b"{}"


def test_an_error_is_openais_object_as_a_body_or_an_event() -> None:
    body = Chat().error(RateLimited("Slowly."), stream=False)

    assert orjson.loads(body)["error"]["code"] == "rate_limit_exceeded"
    assert Chat().error(RateLimited("Slowly."), stream=True) == b"data: " + body + b"\n\n"


def test_what_is_never_streamed_is_not_told_otherwise() -> None:
    for translate in (Embeddings().assemble, Embeddings().replay):
        with pytest.raises(Untranslatable):
            translate(b"{}")


@pytest.mark.parametrize(
    ("asked", "tokens"),
    [
        ("Hello there", 2),
        (["Hello there", "Hello there"], 5),
        ([1, 2, 3], 3),
        ([[1, 2], [3]], 3),
        ([], 0),
        (None, 0),
        ({"text": "no"}, 0),
    ],
)
def test_a_prompt_is_counted_in_every_form_that_it_takes(asked: object, tokens: int) -> None:
    assert count(asked, Tokenizer.named("o200k_base")) == tokens
