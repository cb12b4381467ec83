"""Callers without a key: programs on this machine, and no web page in a browser on it.

A browser on this machine reaches loopback for any site that it shows. What tells such a request from a program's:

* The name under which we were reached. A site that points its own name at 127.0.0.1 (DNS rebinding) passes for our own origin,
  but its name stands in `Host`. So a guest's Host is a loopback name or address.
* `Origin` and `Sec-Fetch-Site`, which no page can set or leave out. Every browser of this decade sends at least one of them with
  each POST, and older ones a `Referer`. So a guest's request has none of them, or they name ourselves or an origin that
  `server.cors` lists by name; and where it has one, its body is declared as JSON, which no page can send elsewhere unasked.
* A request with none of them is a program's, whatever content type it declares: `curl -d` without a header works.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from gateway.api.cors import Cors
from gateway.api.credentials import credential
from gateway.api.request import Request
from gateway.errors import GatewayError, PermissionRefused, UnsupportedMedia
from gateway.policy.keys import Keyring

HEALTH = "/health/"
PAGES = frozenset({"/", "/metrics"})
"""What is shown without a key."""
_LONGEST_NAME = 300


class Guests:
    """Refuses what a web page may have sent on behalf of a caller without a key, on a gateway that listens on loopback only."""

    def __init__(self, keys: Keyring, cors: Cors | None = None) -> None:
        self._keys, self._cors = keys, cors or Cors(())

    def check(self, request: Request) -> None:
        """Raises `PermissionRefused` or `UnsupportedMedia`, with the way out."""
        if self._keys.open_to_guests or (request.method != "POST" and _is_page(request.path)):
            refusal = self._objection(request)
            if refusal is not None and self._is_guest(request):
                raise refusal

    def _objection(self, request: Request) -> GatewayError | None:
        header = request.header
        host, origin, site = header("host"), header("origin"), header("sec-fetch-site")
        if host and not is_loopback(host):
            return PermissionRefused(
                "Without a key, the gateway answers only to localhost or a loopback address, and this request's Host is "
                "another. Call http://127.0.0.1, or make a key and send it: gateway keys create.",
                code="foreign_host",
            )
        if not (origin or site or header("referer")):
            return None
        if request.method in ("GET", "HEAD") and header("sec-fetch-mode") == "navigate":
            return None  # somebody follows a link: no page reads what comes of it
        if not (self._cors.names(origin) or _is_own(origin or header("referer"), site, host)):
            return PermissionRefused(
                "A web page of another origin may not call this gateway without a key. Name its origin in server.cors, or "
                "make a key: gateway keys create.",
                code="foreign_origin",
            )
        if request.method == "POST" and not header("content-type").lower().startswith("application/json"):
            return UnsupportedMedia("Send the request as application/json, or make a key: gateway keys create.")
        return None

    def _is_guest(self, request: Request) -> bool:
        path = request.path
        if path.startswith(HEALTH) or request.method == "OPTIONS":
            return False
        return _is_page(path) or self._keys.is_guest(credential(request.header))


def _is_page(path: str) -> bool:
    """Routes overlook slashes at the end of a path, so they are overlooked here."""
    return (path.rstrip("/") or "/") in PAGES


@lru_cache(256)
def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine: localhost, 127.0.0.0/8 or [::1], with any port."""
    if len(host) > _LONGEST_NAME:
        return False
    name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "")
    if port and not (port.isascii() and port.isdecimal()):
        return False
    if name.lower() == "localhost":
        return True
    bracketed = name.startswith("[") and name.endswith("]")
    try:
        address = ip_address(name[1:-1] if bracketed else name)
    except ValueError:
        return False
    return address.is_loopback and bracketed == (address.version == 6)


def _is_own(origin: str, site: str, host: str) -> bool:
    """Whether a request comes from a page of ours; `origin` may be a whole URL."""
    if site not in ("", "same-origin", "none"):
        return False
    if not origin:
        return True
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False
