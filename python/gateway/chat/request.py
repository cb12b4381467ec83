"""Reading request bodies."""

from __future__ import annotations

from gateway.errors import InvalidRequest, MalformedBody
from gateway.native import Canon, CanonError, Grammar, Reading


def read(canon: Canon, body: bytes, grammar: Grammar | None = None) -> Reading:
    """What a body asks for, read by `grammar` (chat completions unless given); raises `InvalidRequest`.

    The error has OpenAI's code and names the member at fault.
    """
    try:
        return canon.read(body, grammar)
    except CanonError as error:
        if error.code is None:
            raise MalformedBody(error.message, param=error.param) from None
        raise InvalidRequest(error.message, param=error.param, code=error.code) from None
