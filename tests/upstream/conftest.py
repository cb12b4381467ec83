from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Both loops: the gateway runs on uvloop, who embeds it may not."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
