"""Reading request bodies."""

from __future__ import annotations

from gateway.errors import InvalidRequest, MalformedBody
from gateway.native import CanonError


def refusal(error: CanonError) -> InvalidRequest:
    """A body that is refused, with OpenAI's code and the member at fault."""
    if error.code is None:
        return MalformedBody(error.message, param=error.param)
    return InvalidRequest(error.message, param=error.param, code=error.code)
