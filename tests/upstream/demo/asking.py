"""Asks the demo without its pauses."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from gateway.config.providers import DEMO
from gateway.providers.base import Outgoing
from gateway.upstream.demo import pace
from gateway.upstream.demo.transport import Demo

NOW = 1_700_000_000


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "FIRST_TOKEN_SECONDS", 0.0)
    monkeypatch.setattr(pace, "TOKEN_SECONDS", 0.0)


def ask(path: str, body: bytes) -> tuple[int, bytes]:
    """The status and the whole body of an answer."""

    async def run() -> tuple[int, bytes]:
        async with await Demo(lambda: NOW).send(DEMO, Outgoing(path, (), body)) as exchange:
            found = b""
            while read := await exchange.read():
                found += read
            return exchange.status, found

    return asyncio.run(run())


def asked(path: str, **request: Any) -> dict[str, Any]:
    """The body of a successful whole answer."""
    status, body = ask(path, orjson.dumps({"model": "demo", **request}))
    assert status == 200, body
    return dict(orjson.loads(body))


def streamed(path: str, **request: Any) -> list[dict[str, Any]]:
    """The events of a successful stream."""
    status, body = ask(path, orjson.dumps({"model": "demo", "stream": True, **request}))
    assert status == 200, body
    assert body.endswith(b"data: [DONE]\n\n")
    return [orjson.loads(event[6:]) for event in body.split(b"\n\n")[:-2]]


def refused(path: str, **request: Any) -> dict[str, Any]:
    """The error of a refused request."""
    status, body = ask(path, orjson.dumps({"model": "demo", **request}))
    assert status == 400, body
    return dict(orjson.loads(body)["error"])


def chat(content: str = "Hi there", **fields: Any) -> dict[str, Any]:
    """The first choice of a whole chat answer."""
    return dict(asked("/chat/completions", messages=[{"role": "user", "content": content}], **fields)["choices"][0])
