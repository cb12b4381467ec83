"""Which web pages may read an answer."""

from __future__ import annotations

import pytest

from gateway.api.cors import Cors
from tests.api.notes import Served, get

PAGE = "https://chat.example"


def preflight(origin: str, path: str = "/v1/body", lines: str = "") -> bytes:
    asks = (
        f"Origin: {origin}\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n"
    )
    return get(path, asks + lines).replace(b"GET", b"OPTIONS", 1)


async def answered(sent: bytes, *origins: str) -> Served:
    served = Served(cors=Cors(origins) if origins else None)
    served.transport.feed(sent)
    await served.over()
    return served


async def test_by_default_no_page_may() -> None:
    served = await answered(preflight(PAGE) + get("/now", f"Origin: {PAGE}\r\n"))

    assert served.transport.statuses == [204, 200]
    assert b"access-control" not in served.transport.written


async def test_a_listed_page_may_read_every_answer() -> None:
    for path in ("/now", "/refusing", "/broken", "/nowhere"):
        transport = (await answered(get(path, f"Origin: {PAGE}\r\n"), PAGE)).transport

        assert transport.header("access-control-allow-origin") == PAGE
        assert transport.header("access-control-expose-headers") == "*"
        assert transport.header("vary") == "origin"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "*", "", "https://chat.example.evil", "HTTPS://CHAT.EXAMPLE"]
)
async def test_another_may_not(origin: str) -> None:
    transport = (await answered(get("/now", f"Origin: {origin}\r\n" if origin else ""), PAGE)).transport

    assert transport.header("access-control-allow-origin") is None
    assert transport.header("vary") == "origin"


async def test_any_page_may_where_all_are_listed() -> None:
    transport = (await answered(get("/now", "Origin: https://anything.example\r\n"), "*")).transport

    assert transport.header("access-control-allow-origin") == "*"


async def test_a_preflight_says_what_a_page_may_send() -> None:
    transport = (await answered(preflight(PAGE), PAGE)).transport

    assert transport.statuses == [204]
    assert transport.header("access-control-allow-origin") == PAGE
    assert transport.header("access-control-allow-methods") == "POST, OPTIONS"
    assert transport.header("access-control-allow-headers") == "authorization, *"
    assert transport.header("access-control-allow-private-network") is None


async def test_a_page_of_the_public_network_is_let_into_ours_if_it_asks() -> None:
    transport = (
        await answered(preflight(PAGE, lines="Access-Control-Request-Private-Network: true\r\n"), PAGE)
    ).transport

    assert transport.header("access-control-allow-private-network") == "true"


async def test_a_preflight_of_another_page_allows_nothing() -> None:
    transport = (await answered(preflight("https://evil.example"), PAGE)).transport

    assert transport.statuses == [204]
    assert transport.header("access-control-allow-methods") is None


async def test_a_preflight_for_nothing_is_a_404() -> None:
    assert (await answered(preflight(PAGE, "/nowhere"), PAGE)).transport.statuses == [404]
