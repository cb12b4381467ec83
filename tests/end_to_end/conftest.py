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


@pytest.fixture
def launch(tmp_path: Path, upstream: Upstream) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways whose `openai` provider is the scripted upstream; stops them all at the end."""
    started: list[Gateway] = []

    def start(config: str = "", **environ: str) -> Gateway:
        openai = {"OPENAI_API_KEY": "sk-upstream-secret", "OPENAI_BASE_URL": upstream.base_url}
        gateway = Gateway(tmp_path / f"gateway{len(started)}", {**openai, **environ}, config)
        started.append(gateway)
        gateway.start()
        return gateway

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture(scope="module")
def shared_upstream() -> Iterator[Upstream]:
    """One provider for a whole file; a file that uses it gives it an `answer` in each test."""
    provider = Upstream()
    provider.start()
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def shared_gateway(tmp_path_factory: pytest.TempPathFactory, shared_upstream: Upstream) -> Iterator[Gateway]:
    """One gateway for a whole file, whose tests keep out of each other's way by asking different things."""
    openai = {"OPENAI_API_KEY": "sk-upstream-secret", "OPENAI_BASE_URL": shared_upstream.base_url}
    gateway = Gateway(tmp_path_factory.mktemp("shared"), openai)
    gateway.start()
    yield gateway
    gateway.stop()


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
