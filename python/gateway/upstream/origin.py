"""Where a provider is, and the connections to it."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

from gateway.chat.call import HOPS_HEADER
from gateway.errors import UpstreamUnreachable
from gateway.providers.base import Outgoing, Provider
from gateway.upstream.answer import Answer
from gateway.upstream.connection import IDLE, Connection

IDLE_SECONDS = 55.0
"""How long an idle connection is kept, at most: many servers close theirs after 60 s."""
IDLE_LIMIT = 512
"""Idle connections that are kept."""
PATIENCE_SECONDS = 0.02
"""How long a call waits for a connection whose last answer is about to end, rather than make one."""
_HINT = re.compile(r"\btimeout=(\d{1,5})\b")
_STANDARD = f"content-type: application/json\r\naccept-encoding: identity\r\nuser-agent: llm-gateway\r\n{HOPS_HEADER}: "


class Origin:
    """A provider's address, parsed once, and its connections: the idle ones in the order of use, the latest on top."""

    def __init__(self, provider: Provider, buffer: memoryview, clock: Callable[[], float]) -> None:
        self.provider, self.buffer, self._clock = provider, buffer, clock
        url = urlsplit(provider.base_url)
        self.tls = url.scheme == "https"
        self.host = url.hostname or ""
        self.port = url.port or (443 if self.tls else 80)
        self._prefix = url.path.rstrip("/")
        self._host = f" HTTP/1.1\r\nhost: {url.netloc.rpartition('@')[2]}\r\n"
        self.open: set[Connection] = set()
        self._idle: dict[Connection, float] = {}
        self._trailing: set[Connection] = set()
        self._patient: deque[asyncio.Future[None]] = deque()

    def head(self, outgoing: Outgoing, hops: int) -> bytes:
        """The request line and headers of a request that came over so many hops."""
        target = f"{self._prefix}{outgoing.path}"
        lines = [f"{name}: {value}" for name, value in outgoing.headers]
        given = "".join((target, *lines))
        if " " in target or not (given.isascii() and given.isprintable()):
            raise UpstreamUnreachable(
                f"{self.provider.name} cannot be asked: its API key or address holds a character that HTTP does not allow. "
                f"Check {self.provider.key_setting}."
            )
        lines.append(f"{_STANDARD}{hops + 1}\r\ncontent-length: {len(outgoing.body)}\r\n\r\n")
        return (f"{outgoing.method} {target}{self._host}" + "\r\n".join(lines)).encode("ascii")

    def reuse(self) -> Connection | None:
        """An idle connection that may be asked, if there is one."""
        now = self._clock()
        while self._idle:
            connection, until = self._idle.popitem()
            if until > now and connection.state is IDLE:
                return connection
            connection.abort()
        return None

    async def soon(self) -> Connection | None:
        """A connection that is about to be free, unless as many calls wait already as there are such, or it takes too long."""
        if len(self._patient) >= len(self._trailing):
            return None
        news = asyncio.get_running_loop().create_future()
        self._patient.append(news)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await news
        except TimeoutError:
            return None
        finally:
            self._patient.remove(news)
        return self.reuse()

    def trails(self, connection: Connection) -> None:
        self._trailing.add(connection)

    def freed(self, connection: Connection) -> None:
        self._settled(connection)
        if len(self._idle) < IDLE_LIMIT:
            self._idle[connection] = self._clock() + _stay(connection.answer)
        else:
            connection.abort()

    def lost(self, connection: Connection) -> None:
        self._settled(connection)
        self.open.discard(connection)
        self._idle.pop(connection, None)

    def expire(self) -> None:
        """Closes the connections that have been idle for too long."""
        now = self._clock()
        for connection in [connection for connection, until in self._idle.items() if until <= now]:
            del self._idle[connection]
            connection.abort()

    def _settled(self, connection: Connection) -> None:
        """It does not trail any more: the first call that waits for such a one looks again."""
        if connection in self._trailing:
            self._trailing.remove(connection)
            if news := next((news for news in self._patient if not news.done()), None):
                news.set_result(None)

    def close(self) -> None:
        """Closes every connection."""
        for connection in list(self.open):
            connection.abort()


def _stay(answer: Answer) -> float:
    """Seconds for which a connection may be idle after an answer: less than the provider says that it will keep it."""
    said = answer.headers.get("keep-alive")
    if said is None or not (hint := _HINT.search(said)):
        return IDLE_SECONDS
    seconds = float(hint[1])
    return min(IDLE_SECONDS, seconds - min(1.0, seconds / 2))
