"""GET /v1/models: made once for all keys that may use the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from gateway.api.models import MOST_KEPT, Models
from gateway.api.request import Request
from gateway.chat.names import NAME_BYTES
from gateway.errors import AuthenticationFailed, ModelNotFound, PermissionRefused
from gateway.policy.keys import Key, Keyring, digest
from tests.api.test_wire import Taking

ROWS = [("gpt-4o", "openai"), ("openai/gpt-4o", "openai"), ("qwen", "local")]


class Names(list[tuple[str, str]]):
    """Counts how often it is gone through."""

    walks = 0

    def __iter__(self) -> Any:
        self.walks += 1
        return super().__iter__()


class Router:
    """Knows every model."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def plan(self, model: str) -> tuple[Any, ...]:
        self.asked.append(model)
        return (SimpleNamespace(target=SimpleNamespace(provider=SimpleNamespace(name="local"))),)


def models(*patterns: tuple[str, ...]) -> tuple[Models, Names, Router]:
    """The listing of a gateway that has a key for each tuple of patterns: the first is `sk-gw-0-x`."""
    keys = Keyring(anonymous=False)
    live = [Key(str(n), digest(f"sk-gw-{n}-x"), models=found) for n, found in enumerate(patterns)]
    keys.replace(live, admin=digest("admin-key-of-the-tests"), ever=True)
    rows, router = Names(ROWS), Router()
    found = Models(keys, router, lambda: found.rows)  # type: ignore[arg-type, attr-defined]
    found.rows = rows  # type: ignore[attr-defined]
    return found, rows, router


def asked(key: str = "sk-gw-0-x", path: str = "/v1/models") -> tuple[Request, Taking]:
    client = Taking()
    return Request("req_1", client, "GET", path, lambda name: key if name == "authorization" else ""), client


async def names(found: Models, key: str = "sk-gw-0-x") -> list[str]:
    request, client = asked(key)
    (await found.index(request)).write(client)
    return [row["id"] for row in orjson.loads(client.body)["data"]]


async def test_a_key_sees_what_it_may_use() -> None:
    found, _, _ = models((), ("openai/*",), ("qwen", "gpt-4o"))

    assert await names(found) == ["gpt-4o", "openai/gpt-4o", "qwen"]
    assert await names(found, "sk-gw-1-x") == ["openai/gpt-4o"]
    assert await names(found, "sk-gw-2-x") == ["gpt-4o", "qwen"]


async def test_a_list_is_made_once_until_the_models_change() -> None:
    found, rows, _ = models(("openai/*",), ("openai/*",))
    for key in ("sk-gw-0-x", "sk-gw-1-x", "sk-gw-0-x"):
        assert await names(found, key) == ["openai/gpt-4o"]
    assert rows.walks == 1

    found.rows = Names([("openai/new", "openai")])  # type: ignore[attr-defined]
    assert await names(found) == ["openai/new"]


async def test_not_more_lists_are_kept_than_fit() -> None:
    found, _, _ = models(*((f"m{number}",) for number in range(MOST_KEPT * 2)))
    for number in range(MOST_KEPT * 2):
        assert await names(found, f"sk-gw-{number}-x") == []
        assert len(found._bodies) <= MOST_KEPT


async def test_a_stranger_sees_nothing() -> None:
    found, _, _ = models(())
    with pytest.raises(AuthenticationFailed):
        await found.index(asked("sk-gw-9-x")[0])
    with pytest.raises(AuthenticationFailed):
        await found.one(asked("sk-gw-9-x", "/v1/models/gpt-4o")[0])


async def test_one_model_is_named_as_in_the_path() -> None:
    found, _, router = models(())
    request, client = asked(path="/v1/models/openai%2Fgpt-4o?x=1")
    (await found.one(request)).write(client)

    assert orjson.loads(client.body) == {"id": "openai/gpt-4o", "object": "model", "created": 0, "owned_by": "local"}
    assert router.asked == ["openai/gpt-4o"]
    assert request.caller == "0"


async def test_one_model_that_the_key_may_not_use() -> None:
    found, _, router = models(("openai/*",))
    with pytest.raises(PermissionRefused):
        await found.one(asked(path="/v1/models/qwen")[0])
    assert router.asked == []


@pytest.mark.parametrize("name", ["x" * (NAME_BYTES + 1), "%c3%a9" * (NAME_BYTES // 2 + 1)])
async def test_a_long_name_is_looked_up_nowhere(name: str) -> None:
    found, _, router = models(())
    with pytest.raises(ModelNotFound):
        await found.one(asked(path=f"/v1/models/{name}")[0])
    assert router.asked == []
