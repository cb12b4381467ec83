"""The worker's root: what it obeys, what it tells, and what it says of its own state. Calls through it: tests/end_to_end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.api.controller import Controller
from gateway.app import App
from gateway.errors import AuthenticationFailed, ModelNotFound
from gateway.policy.keys import Key, digest
from gateway.policy.tables import Tables

SECRET = "sk-gw-1-secret"
ADMIN = digest("an-admin-key-of-some-length")


def tables(*keys: Key, **changes: Any) -> Tables:
    config = {"providers": {"local": {"base_url": "http://127.0.0.1:1/v1"}}, **changes.pop("config", {})}
    fields: dict[str, Any] = {"secret": b"x" * 32, "admin": ADMIN, "keys_ever_made": bool(keys), "listing": {}}
    return Tables(config=config, keys=keys, **fields | changes)


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    worker = App(tables(), tmp_path, Controller(str(tmp_path / "control.sock")), {})
    yield worker
    await worker.close()


async def test_it_obeys_the_latest_tables(app: App) -> None:
    assert app.keyring.authenticate("").id == "anonymous"
    with pytest.raises(ModelNotFound):
        app.router.plan("listed")

    app.obey(tables(Key("1", digest(SECRET)), listing={"local": ("listed",)}))

    assert app.keyring.authenticate(SECRET).id == "1"
    with pytest.raises(AuthenticationFailed):
        app.keyring.authenticate("")
    assert app.router.plan("listed")[0].target.provider.name == "local"


async def test_a_key_that_is_taken_away_is_gone(app: App) -> None:
    app.obey(tables(Key("1", digest(SECRET))))
    app.obey(tables(keys_ever_made=True))

    with pytest.raises(AuthenticationFailed):
        app.keyring.authenticate(SECRET)


async def test_readiness_names_everything_that_is_wrong(app: App) -> None:
    app.hear({"ledger": "the disk is full"})
    app.server.draining = True

    assert set(app._not_ready()) == {"server", "controller", "ledger"}

    app.hear({})
    assert "ledger" not in app._not_ready()


async def test_the_greeting_is_for_newcomers(app: App) -> None:
    assert app.greeting() == {"providers": ["local"], "models": ["provider/model"], "open_to_guests": True}


@pytest.mark.parametrize(
    ("host", "anonymous", "welcome"),
    [("127.0.0.1", "auto", True), ("::1", "auto", True), ("localhost", "auto", True), ("0.0.0.0", "auto", False),
     ("127.0.0.1", "never", False), ("gateway.example", "auto", False)],
)  # fmt: skip
async def test_guests_are_welcome_on_loopback_alone(tmp_path: Path, host: str, anonymous: str, welcome: bool) -> None:
    config = {"server": {"host": host}, "auth": {"anonymous": anonymous}}
    worker = App(tables(config=config), tmp_path, Controller(str(tmp_path / "control.sock")), {})

    assert worker.keyring.open_to_guests is welcome
    await asyncio.sleep(0)
    await worker.close()


async def test_its_gauges_are_those_that_the_controller_shows(app: App) -> None:
    from gateway.control.controller import UNAUTHENTICATED, WORKERS_GAUGES

    assert set(app.gauges()) == WORKERS_GAUGES.keys() | {UNAUTHENTICATED}
