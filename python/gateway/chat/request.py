"""Reading request bodies."""

from __future__ import annotations

from gateway.errors import InvalidRequest
from gateway.native import Canon, CanonError, Reading


def read(canon: Canon, body: bytes) -> Reading:
    """What a chat-completions body asks for; raises `InvalidRequest` with the field's name."""
    try:
        return canon.read(body)
    except CanonError as error:
        raise InvalidRequest(error.message, param=error.param) from None
