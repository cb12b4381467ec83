"""An answer in either shape."""

from __future__ import annotations

import orjson
import pytest

from gateway.api.formats.chat import Chat
from gateway.api.formats.embeddings import Embeddings
from gateway.chat.answer import Answer, Source
from gateway.chat.usage import Usage
from gateway.errors import Untranslatable
from tests.scripted import STREAM, whole

SOURCE = Source("one", "gpt", Usage(), 7)


def test_the_shape_it_came_in_is_told_as_it_came() -> None:
    body, events = whole(), b"".join(STREAM[:4])
    assert Answer(body, Chat(), SOURCE, stream=False).rendered(stream=False) is body
    assert Answer(events, Chat(), SOURCE, stream=True).rendered(stream=True) is events


def test_the_other_shape_is_made_once_and_counts() -> None:
    answer = Answer(b"".join(STREAM[:4]), Chat(), SOURCE, stream=True)
    size = answer.size

    body = answer.rendered(stream=False)

    assert orjson.loads(body)["choices"][0]["message"]["content"] == "Hello"
    assert answer.rendered(stream=False) is body
    assert answer.size == size + len(body)


def test_what_has_no_other_shape_says_so() -> None:
    with pytest.raises(Untranslatable):
        Answer(b"{}", Embeddings(), SOURCE, stream=False).rendered(stream=True)
