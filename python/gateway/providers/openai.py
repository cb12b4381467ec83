"""OpenAI's own dialect: the client's bytes go out as they came in, and the provider's come back as they are."""

from __future__ import annotations

from dataclasses import asdict, replace

import orjson

from gateway.errors import RateLimited, UpstreamError, UpstreamRefused, UpstreamTimeout
from gateway.native import Reading
from gateway.providers.base import Outgoing, Provider, Target
from gateway.providers.complaint import Complaint, passed_on

PATHS = {"chat": "/chat/completions"}
"""Where the requests of a grammar go, if not to its name. A provider that does not serve one answers 404 itself."""

# Clients can fix these; what else a provider refuses is between the gateway and the provider.
_CLIENTS_OWN = frozenset({400, 404, 409, 413, 415, 422, 429})
_BUSY = frozenset({503, 529})
_LATE = frozenset({408, 504, 524})


class Verbatim:
    """The decoder that has nothing to do."""

    @staticmethod
    def feed(read: bytes) -> bytes:
        return read

    @staticmethod
    def end() -> bytes:
        return b""


class OpenAI:
    """The dialect of OpenAI's endpoints, and of everybody who is compatible with them."""

    def encode(self, request: Reading, target: Target) -> Outgoing:
        model = None if request.model == target.model else target.model
        body = request.splice(model, request.stream)
        path = PATHS.get(request.grammar) or f"/{request.grammar}"
        return Outgoing(path, _headers(target.provider), body)

    def decoder(self, request: Reading) -> Verbatim:
        return Verbatim()

    def failure(self, provider: Provider, status: int, headers: dict[str, str], body: bytes) -> UpstreamError:
        name = provider.name
        if status in _CLIENTS_OWN:
            said = Complaint.read(body, provider.api_key)
            if status == 429:
                said = replace(said, type=said.type or "requests", code=said.code or RateLimited.code)
            message = said.message or f"{name} refused the request with status {status}."
            return UpstreamRefused(status, message, fields=asdict(said), headers=passed_on(headers))
        if status in _LATE:
            return UpstreamTimeout(f"{name} timed out (status {status}).")
        if status in (401, 403):
            what = "refused the gateway's API key" if provider.api_key else "wants an API key, and the gateway has none"
            message = f"{name} {what} (status {status}). Check {provider.key_setting}."
            return UpstreamRefused(
                502, message, fields={"code": "upstream_authentication"}, headers={}, answered=status
            )
        seen = 503 if status in _BUSY else 502
        message = f"{name} failed (status {status})."
        return UpstreamRefused(
            seen, message, fields={"code": "upstream_error"}, headers=passed_on(headers), answered=status
        )

    def listing(self, provider: Provider) -> Outgoing:
        return Outgoing("/models", _headers(provider), b"", "GET")

    def listed(self, body: bytes) -> list[str]:
        entries = orjson.loads(body)
        entries = entries.get("data") if isinstance(entries, dict) else entries  # Together answers a bare list
        named = [entry.get("id") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
        return [name for name in named if isinstance(name, str) and name]


def _headers(provider: Provider) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {provider.api_key}"),) if provider.api_key else ()
