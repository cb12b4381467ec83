from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.end_to_end.gateway import Gateway
from tests.end_to_end.upstream import Upstream


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    provider = Upstream()
    provider.start()
    yield provider
    provider.stop()


def openai(upstream: Upstream) -> dict[str, str]:
    """What makes the scripted upstream a gateway's `openai` provider."""
    return {"OPENAI_API_KEY": "sk-upstream-secret", "OPENAI_BASE_URL": upstream.base_url}


@pytest.fixture
def launch(tmp_path: Path, upstream: Upstream) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways of the scripted upstream; stops them all at the end."""
    started: list[Gateway] = []

    def start(config: str = "", **environ: str) -> Gateway:
        gateway = Gateway(tmp_path / f"gateway{len(started)}", {**openai(upstream), **environ}, config)
        started.append(gateway)
        gateway.start()
        return gateway

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture(scope="module")
def shared_upstream() -> Iterator[Upstream]:
    """One provider for a whole file, whose tests `reset` it."""
    provider = Upstream()
    provider.start()
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, shared_upstream: Upstream) -> Iterator[Callable[..., Gateway]]:
    """One gateway of each configuration for a whole file, whose tests keep out of each other's way by asking different things.
    Its `rows()` are those of the calls that began after it was last asked for."""
    started: dict[str, Gateway] = {}

    def start(config: str = "") -> Gateway:
        if config not in started:
            started[config] = Gateway(tmp_path_factory.mktemp("shared"), openai(shared_upstream), config)
            started[config].start()
        started[config].turn_the_page()
        return started[config]

    yield start
    for gateway in started.values():
        gateway.stop()


@pytest.fixture
def shared_gateway(shared: Callable[..., Gateway]) -> Gateway:
    return shared()


@pytest.fixture
def gateway(launch: Callable[..., Gateway]) -> Gateway:
    return launch()


@pytest.fixture
def client(gateway: Gateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url, timeout=30) as http:
        yield http


def ask(content: str = "Hi", **fields: Any) -> dict[str, Any]:
    """The body of a chat call."""
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": content}], **fields}
