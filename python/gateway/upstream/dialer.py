"""Making connections."""

from __future__ import annotations

import asyncio
import ssl

from gateway.errors import UpstreamTimeout, UpstreamUnreachable
from gateway.providers.address import link_local
from gateway.upstream.connection import CLOSED, Connection
from gateway.upstream.origin import Origin


class Dialer:
    """Opens connections, within the provider's `timeouts.connect`: its name's resolution, TCP's handshake and TLS's."""

    def __init__(self) -> None:
        self._tls: ssl.SSLContext | None = None

    async def dial(self, origin: Origin) -> Connection:
        """A fresh connection; raises UpstreamUnreachable or UpstreamTimeout."""
        loop, name = asyncio.get_running_loop(), origin.provider.name
        try:
            async with asyncio.timeout(origin.provider.timeouts.connect):
                transport, connection = await loop.create_connection(
                    lambda: Connection(origin, loop),
                    origin.host,
                    origin.port,
                    ssl=self._context() if origin.tls else None,
                )
        except TimeoutError as error:
            raise UpstreamTimeout(f"{name} did not accept a connection in time.") from error
        except ssl.SSLError as error:
            raise UpstreamUnreachable(f"{name} could not be reached: no trusted TLS connection.") from error
        except (OSError, UnicodeError) as error:  # a host name that IDNA cannot encode is a UnicodeError
            raise UpstreamUnreachable(f"{name} could not be reached.") from error
        peer = transport.get_extra_info("peername")
        if peer and link_local(peer[0]) and not origin.provider.link_local:
            connection.abort()
            raise UpstreamUnreachable(
                f"{name} has a link-local address, where clouds keep their metadata service, so it is not asked. If it is "
                f"there on purpose, set providers.{name}.link_local: true."
            )
        if connection.state is not CLOSED:
            origin.open.add(connection)
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls
