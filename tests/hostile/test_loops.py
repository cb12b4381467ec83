"""A gateway that is its own provider, by whatever way round: the loop ends after three hops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.end_to_end.gateway import ADMIN_KEY
from tests.end_to_end.upstream import CLOSE, Received
from tests.hostile.line import head
from tests.hostile.site import QUICK, Site, unique


def around(site: Site) -> Callable[[Received], AsyncIterator[Any]]:
    """A provider that asks the gateway itself, passing on what it was sent."""

    async def ask(request: Received) -> AsyncIterator[Any]:
        address = urlsplit(site.gateway.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            headers = {**request.headers, "connection": "close"}
            lines = [f"{name}: {value}" for name, value in headers.items()]
            writer.write(head(request.path, request.method, lines) + b"\r\n" + request.body)
            while data := await reader.read(65536):
                yield data
            yield CLOSE
        finally:
            writer.close()

    return ask


@pytest.mark.parametrize("fields", [{}, {"cache": {"no-cache": True}}], ids=["cached", "not cached"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_loop_ends(launch: Callable[..., Site], stream: bool, fields: dict[str, Any]) -> None:
    site = launch(QUICK.replace("headers: 3", "headers: 20"), OPENAI_API_KEY=ADMIN_KEY)
    site.provider.answer = around(site)
    began = time.monotonic()

    answer = site.ask(unique(), stream=stream, **fields)

    assert answer.status != 500
    assert not answer.sound
    assert time.monotonic() - began < 10
    assert len(site.provider.calls) <= 3
    assert "Traceback" not in site.log()
