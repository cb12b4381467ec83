"""Both planes in the test's own process and event loop."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.config.datadir import DataDirUnusable
from gateway.config.schema import Config
from gateway.single import Gateway

ADMIN = "an-admin-key-of-some-length"


@pytest.fixture(autouse=True)
def keep_hooks() -> Any:
    """The gateway takes Python's hooks for generators off; the test's loop wants them back."""
    hooks = sys.get_asyncgen_hooks()
    yield
    sys.set_asyncgen_hooks(*hooks)


@asynccontextmanager
async def gateway(folder: Path, **environ: str) -> AsyncIterator[tuple[Gateway, aiohttp.ClientSession]]:
    config = Config.model_validate({"server": {"port": 0, "drain": 5}, "admin_key": ADMIN})
    async with Gateway(config, folder, environ) as gateway, aiohttp.ClientSession(gateway.url) as client:
        yield gateway, client


async def ask(client: aiohttp.ClientSession, content: str = "Hi") -> str:
    body = {"model": "demo", "messages": [{"role": "user", "content": content}]}
    async with client.post("/v1/chat/completions", json=body) as answer:
        assert answer.status == 200, await answer.text()
        return answer.headers["x-gateway-cache"]


async def costs(client: aiohttp.ClientSession) -> dict[str, Any]:
    async with client.get("/admin/analytics/costs", headers={"authorization": f"Bearer {ADMIN}"}) as answer:
        return dict(await answer.json())


async def test_calls_are_answered_and_on_the_books_when_they_have_ended(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (_, client):
        assert [await ask(client) for _ in range(2)] == ["miss", "hit"]

        report = await costs(client)
        async with client.get("/metrics") as answer:
            metrics = await answer.text()

    assert (report["total_requests"], report["cache_hits"]) == (2, 1)
    assert 'cache="hit"' in metrics
    assert "gateway_exact_cache_entries 1.0" in metrics


async def test_the_next_one_finds_the_ledger_of_the_last(tmp_path: Path) -> None:
    for calls in (1, 2):
        async with gateway(tmp_path) as (_, client):
            await ask(client)
            assert (await costs(client))["total_requests"] == calls


async def test_two_share_a_program_but_not_a_directory(tmp_path: Path) -> None:
    async with gateway(tmp_path / "a") as (_, one), gateway(tmp_path / "b") as (_, other):
        await asyncio.gather(ask(one), ask(other))
        with pytest.raises(DataDirUnusable, match="Another gateway"):
            async with gateway(tmp_path / "a"):
                pass

    async with gateway(tmp_path / "a") as (_, one):
        await ask(one)


async def test_a_program_keeps_its_signals(tmp_path: Path) -> None:
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
    before = [signal.getsignal(number) for number in signals]
    async with gateway(tmp_path):
        assert [signal.getsignal(number) for number in signals] == before


async def test_a_directory_that_cannot_be_used_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"This is not a database." * 100)

    with pytest.raises(DataDirUnusable, match=r"ledger\.db"):
        async with gateway(tmp_path):
            pass

    (tmp_path / "ledger.db").unlink()
    async with gateway(tmp_path) as (_, client):
        await ask(client)
