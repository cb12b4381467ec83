"""OpenAI's own dialect: the client's bytes go out as they came in, and the provider's come back as they are."""

from __future__ import annotations

from typing import Any

import orjson

from gateway.errors import RateLimited, UpstreamError, UpstreamRefused, UpstreamTimeout
from gateway.native import Reading
from gateway.providers.base import Outgoing, Provider, Target

# A client can mend these; what else a provider refuses is between the gateway and the provider.
_CLIENTS_OWN = frozenset({400, 404, 409, 413, 415, 422, 429})
_BUSY = frozenset({503, 529})
_LATE = frozenset({408, 504, 524})
_PASSED_ON = ("retry-after", "retry-after-ms", "x-should-retry")


class Verbatim:
    """The decoder that has nothing to do."""

    @staticmethod
    def feed(read: bytes) -> bytes:
        return read

    @staticmethod
    def end() -> bytes:
        return b""


class OpenAI:
    """The dialect of OpenAI's chat completions, and of everybody who is compatible with it."""

    def encode(self, request: Reading, target: Target) -> Outgoing:
        model = None if request.model == target.model else target.model
        body = request.splice(model, request.stream)
        return Outgoing("/chat/completions", _headers(target.provider), body)

    def decoder(self, request: Reading) -> Verbatim:
        return Verbatim()

    def failure(self, provider: Provider, status: int, headers: dict[str, str], body: bytes) -> UpstreamError:
        fields = error_fields(body)
        passed = {name: headers[name] for name in _PASSED_ON if name in headers}
        if status in _CLIENTS_OWN:
            said = str(fields.get("message") or f"{provider.name} refused the request with status {status}.")
            if status == 429:
                fields = {"type": "requests", "code": RateLimited.code, **fields}
            return UpstreamRefused(status, without_secret(said, provider), fields=fields, headers=passed)
        if status in _LATE:
            return UpstreamTimeout(f"{provider.name} timed out (status {status}).")
        if status in (401, 403):
            message = f"{provider.name} refused the gateway's own credentials (status {status}). The operator has to mend them."
            return UpstreamRefused(502, message, fields={"code": "upstream_authentication"}, headers={})
        seen = 503 if status in _BUSY else 502
        message = f"{provider.name} failed (status {status})."
        return UpstreamRefused(seen, message, fields={"code": "upstream_error"}, headers=passed)

    def listing(self, provider: Provider) -> Outgoing:
        return Outgoing("/models", _headers(provider), b"", "GET")

    def listed(self, body: bytes) -> list[str]:
        entries = orjson.loads(body)
        entries = entries.get("data", []) if isinstance(entries, dict) else entries  # Together answers a bare list
        return [str(entry["id"]) for entry in entries if isinstance(entry, dict) and "id" in entry]


def error_fields(body: bytes) -> dict[str, Any]:
    """The fields of an OpenAI-shaped error, whatever form it has: `{"error": {…}}`, `{"error": "…"}`, `{"message": …}`, a list."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]
    if not isinstance(parsed, dict):
        return {}
    error = parsed.get("error", parsed)
    if isinstance(error, dict):
        return {name: error[name] for name in ("message", "type", "param", "code") if name in error}
    return {"message": str(error)}


def without_secret(text: str, provider: Provider) -> str:
    """A provider's words without the provider's key, should it quote it."""
    return text.replace(provider.api_key, "[key]") if provider.api_key else text


def _headers(provider: Provider) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {provider.api_key}"),) if provider.api_key else ()
