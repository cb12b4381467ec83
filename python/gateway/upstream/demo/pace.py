"""How fast a model is: the pauses before the events of a stream, and before a whole answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from gateway.chat.wire import event

FIRST_TOKEN_SECONDS = 0.25
TOKEN_SECONDS = 0.012

Read = tuple[float, bytes]
"""Seconds to wait, then bytes."""


def whole(body: dict[str, Any], tokens: int) -> Iterator[Read]:
    """A whole answer after the time that its tokens take."""
    yield FIRST_TOKEN_SECONDS + TOKEN_SECONDS * tokens, orjson.dumps(body)


def stream(
    common: dict[str, Any], choices: Sequence[Iterator[dict[str, Any]]], usage: dict[str, Any] | None
) -> Iterator[Read]:
    """The choices' parts as events, all choices at once; a usage chunk where there is usage, then the end."""
    pause = FIRST_TOKEN_SECONDS
    extra = {} if usage is None else {"usage": None}
    waiting = list(choices)
    while waiting:
        for choice in list(waiting):
            part = next(choice, None)
            if part is None:
                waiting.remove(choice)
                continue
            yield pause, event({**common, "choices": [part], **extra})
            pause = 0.0
        pause = TOKEN_SECONDS
    if usage is not None:
        yield 0.0, event({**common, "choices": [], "usage": usage})
    yield 0.0, b"data: [DONE]\n\n"
