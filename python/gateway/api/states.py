"""What a connection waits for, how long it may, and what can come next: one table for both kinds of connection."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto

from gateway.api.request import ServerOptions


class State(Enum):
    """What a connection waits for."""

    FIRST = auto()
    """Its first request."""
    HEAD = auto()
    """The rest of a request's head."""
    BODY = auto()
    """The rest of a request's body."""
    ANSWER = auto()
    """Our answer."""
    NEXT = auto()
    """Another request."""
    CLOSED = auto()
    """Nothing any more."""


# Bare names, since on Python 3.11 an enum's attribute costs 0.3 µs.
FIRST, HEAD, BODY, ANSWER, NEXT, CLOSED = State

MOVES: Mapping[State, frozenset[State]] = {
    FIRST: frozenset({HEAD, BODY, ANSWER, NEXT, CLOSED}),
    HEAD: frozenset({BODY, ANSWER, NEXT, CLOSED}),
    BODY: frozenset({ANSWER, NEXT, CLOSED}),
    ANSWER: frozenset({HEAD, NEXT, CLOSED}),
    NEXT: frozenset({HEAD, BODY, ANSWER, CLOSED}),
    CLOSED: frozenset(),
}
"""Where each state may lead. A request that is answered at once never waits: NEXT follows directly."""


def patience(options: ServerOptions) -> Mapping[State, float]:
    """Seconds that each state may last. Our own answer takes the time that it takes."""
    return {
        FIRST: options.header_timeout,
        HEAD: options.header_timeout,
        BODY: options.body_timeout,
        NEXT: options.keepalive,
    }
