"""A refused body, in OpenAI's words."""

from __future__ import annotations

import pytest

from gateway.chat.request import refusal
from gateway.errors import InvalidRequest, MalformedBody
from gateway.native import Canon, CanonError


def refused(body: bytes) -> InvalidRequest:
    with pytest.raises(CanonError) as error:
        Canon(b"secret").read(body)
    return refusal(error.value)


def test_a_body_that_cannot_be_parsed_is_malformed() -> None:
    assert isinstance(refused(b"{"), MalformedBody)


def test_a_member_of_the_wrong_type_is_named_with_openais_code() -> None:
    error = refused(b'{"model":"m","messages":7}')
    assert (type(error), error.status, error.param) == (InvalidRequest, 400, "messages")
    assert error.code == "invalid_type"
