"""A provider's address as a request's head, and how long its connections are kept."""

from __future__ import annotations

import pytest

from gateway.errors import UpstreamUnreachable
from gateway.providers.base import Outgoing, Provider
from gateway.providers.table import OPENAI
from gateway.upstream.answer import Answer
from gateway.upstream.connection import IDLE
from gateway.upstream.origin import IDLE_LIMIT, IDLE_SECONDS, Origin


def origin(base_url: str = "https://api.acme.test/v1", **fields: str) -> Origin:
    return Origin(Provider("acme", base_url, OPENAI, **fields), memoryview(b""), clock=lambda: now[0])


now = [0.0]


def test_a_head_to_the_letter() -> None:
    outgoing = Outgoing("/chat/completions", (("authorization", "Bearer k"),), b"{}")

    assert origin().head(outgoing, 0) == (
        b"POST /v1/chat/completions HTTP/1.1\r\n"
        b"host: api.acme.test\r\n"
        b"authorization: Bearer k\r\n"
        b"content-type: application/json\r\n"
        b"accept-encoding: identity\r\n"
        b"user-agent: llm-gateway\r\n"
        b"x-gateway-hops: 1\r\n"
        b"content-length: 2\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("base_url", "host", "port", "tls", "line"),
    [
        ("http://127.0.0.1:9/v1", "127.0.0.1", 9, False, b"GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1:9\r\n"),
        ("http://[::1]:9/", "::1", 9, False, b"GET /models HTTP/1.1\r\nhost: [::1]:9\r\n"),
        ("https://acme.test", "acme.test", 443, True, b"GET /models HTTP/1.1\r\nhost: acme.test\r\n"),
        ("http://me:secret@acme.test/a/b/", "acme.test", 80, False, b"GET /a/b/models HTTP/1.1\r\nhost: acme.test\r\n"),
    ],
)
def test_addresses(base_url: str, host: str, port: int, tls: bool, line: bytes) -> None:
    acme = origin(base_url)

    assert (acme.host, acme.port, acme.tls) == (host, port, tls)
    assert acme.head(Outgoing("/models", (), b"", "GET"), 0).startswith(line)


@pytest.mark.parametrize(
    "outgoing",
    [
        Outgoing("/chat", (("authorization", "Bearer k\n"),), b""),
        Outgoing("/chat", (("authorization", "Bearer k\r\nx: y"),), b""),
        Outgoing("/chat", (("x\r\ny", "z"),), b""),
        Outgoing("/chat", (("authorization", "Bearer \0"),), b""),
        Outgoing("/chat", (("authorization", "Bearer ключ"),), b""),
        Outgoing("/chat HTTP/1.1\r\nx: y\r\n\r\n", (), b""),
        Outgoing("/chat completions", (), b""),
    ],
    ids=repr,
)
def test_nothing_in_a_head_can_end_a_line(outgoing: Outgoing) -> None:
    with pytest.raises(UpstreamUnreachable, match=r"Check ACME_API_KEY or providers\.acme\.api_key"):
        origin(key_variable="ACME_API_KEY").head(outgoing, 0)


class Idle:
    """A connection as an origin sees it."""

    def __init__(self, said: str | None = None) -> None:
        self.state = IDLE
        self.aborted = False
        self.answer = Answer()
        if said is not None:
            self.answer.headers["keep-alive"] = said

    def abort(self) -> None:
        self.aborted = True


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, IDLE_SECONDS),
        ("timeout=5", 4.0),
        ("timeout=5, max=100", 4.0),
        ("max=100", IDLE_SECONDS),
        ("timeout=1", 0.5),
        ("timeout=0", 0.0),
        ("timeout=3600", IDLE_SECONDS),
        ("timeout=99999999999999", IDLE_SECONDS),
        ("timeout=soon", IDLE_SECONDS),
    ],
)
def test_an_idle_connection_is_kept_for_less_than_the_provider_keeps_it(said: str | None, seconds: float) -> None:
    acme, connection = origin(), Idle(said)
    now[0] = 100.0
    acme.freed(connection)  # type: ignore[arg-type]

    now[0] = 100.0 + seconds
    acme.expire()
    assert connection.aborted
    assert acme.reuse() is None

    if seconds:
        now[0], connection.aborted = 100.0, False
        acme.freed(connection)  # type: ignore[arg-type]
        now[0] = 99.9 + seconds
        acme.expire()
        assert acme.reuse() is connection  # type: ignore[comparison-overlap]
        assert not connection.aborted


def test_the_latest_used_comes_first_and_what_is_too_old_is_closed_on_the_way() -> None:
    acme = origin()
    old, young = Idle(), Idle("timeout=2")
    now[0] = 0.0
    acme.freed(old)  # type: ignore[arg-type]
    acme.freed(young)  # type: ignore[arg-type]
    now[0] = 1.5

    assert acme.reuse() is old  # type: ignore[comparison-overlap]
    assert young.aborted


def test_no_more_than_the_limit_are_kept() -> None:
    acme, connections = origin(), [Idle() for _ in range(IDLE_LIMIT + 3)]
    for connection in connections:
        acme.freed(connection)  # type: ignore[arg-type]

    assert [connection.aborted for connection in connections] == [False] * IDLE_LIMIT + [True] * 3


def test_a_lost_connection_is_forgotten() -> None:
    acme, connection = origin(), Idle()
    acme.freed(connection)  # type: ignore[arg-type]
    acme.lost(connection)  # type: ignore[arg-type]

    assert acme.reuse() is None
