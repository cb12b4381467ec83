"""Which web pages may read the gateway's answers. Without a list, browsers keep them from every page of another origin."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.api.request import Request

ANY = "*"
PREFLIGHT_SECONDS = 600
"""How long a browser may remember an answer to its preflight."""
_PREFLIGHT = (
    # Without credentials mode, which we never allow, `*` stands for every header but Authorization.
    f"access-control-allow-headers: authorization, *\r\naccess-control-max-age: {PREFLIGHT_SECONDS}\r\n"
)


class Cors:
    """Knows the origins of `server.cors`, such as `https://chat.example`; `*` is every origin, for calls with a key."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origins)

    def names(self, origin: str) -> bool:
        """Whether the origin is listed by name."""
        return origin != ANY and origin in self._origins

    def lines(self, origin: str) -> str:
        """The header lines of a response to a page of this origin."""
        if ANY in self._origins:
            allowed = ANY
        elif origin in self._origins:
            allowed = origin
        else:
            return "vary: origin\r\n"
        vary = "" if allowed is ANY else "vary: origin\r\n"
        return f"access-control-allow-origin: {allowed}\r\naccess-control-expose-headers: *\r\n{vary}"

    def preflight(self, request: Request, allow: str) -> str:
        """The further header lines by which a browser learns what a page may send; none for a page that may not."""
        if not request.header("access-control-request-method") or "access-control-allow-origin" not in request.allowed:
            return ""
        local = request.header("access-control-request-private-network") == "true"
        network = "access-control-allow-private-network: true\r\n" if local else ""
        return f"access-control-allow-methods: {allow}\r\n{_PREFLIGHT}{network}"
