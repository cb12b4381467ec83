"""How many gateways a call has passed: one that comes back to us goes round in a loop."""

from __future__ import annotations

from collections.abc import Callable

from gateway.chat.call import HOPS_HEADER, MAX_HOPS
from gateway.errors import InvalidRequest, RequestLoop


def hops(header: Callable[[str], str]) -> int:
    """The gateways that a call has passed before this one; raises `RequestLoop` if they are too many."""
    sent = header(HOPS_HEADER)
    if not sent:
        return 0
    if len(sent) > 3 or not (sent.isascii() and sent.isdecimal()):
        raise InvalidRequest(f"{HOPS_HEADER} must be a small number.", param=HOPS_HEADER)
    if int(sent) >= MAX_HOPS:
        raise RequestLoop
    return int(sent)
