"""Everything that can go wrong, as the client sees it.

Each error knows its HTTP status and the fields of OpenAI's error object; what is raised anywhere below `api/` is one of these.

GatewayError                        500  internal_error
├── InvalidRequest                  400  invalid_request
│   ├── MalformedBody               400  (none)
│   ├── RequestTimeout              408  request_timeout
│   ├── PayloadTooLarge             413  request_too_large
│   ├── HeadTooLarge                431  headers_too_large
│   ├── RequestLoop                 400  request_loop
│   └── UnsupportedMedia            415  unsupported_media_type
├── AuthenticationFailed            401  invalid_api_key
├── PermissionRefused               403  permission_denied
├── NotFound                        404  not_found
│   └── ModelNotFound               404  model_not_found
├── MethodNotAllowed                405  method_not_allowed
├── RateLimited                     429  rate_limit_exceeded
├── ShuttingDown                    503  shutting_down
├── StoreUnavailable                503  ledger_unavailable
├── ControllerAway                  503  controller_away
├── LedgerFull                      503  ledger_full
├── Overloaded                      503  overloaded
└── UpstreamError                   502  upstream_error
    ├── UpstreamUnreachable         502  upstream_unreachable
    ├── UpstreamTimeout             504  upstream_timeout
    ├── UpstreamInterrupted         502  upstream_interrupted
    ├── UpstreamInvalid             502  upstream_invalid_response
    │   └── Untranslatable          502  upstream_invalid_response
    └── UpstreamRefused            (its) upstream_error, or the provider's own code
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import orjson


class GatewayError(Exception):
    """A failure with its place in OpenAI's error scheme: `status`, `type`, `code`, `param` and headers to send along."""

    status: int = 500
    type: str = "server_error"
    code: str | None = "internal_error"
    summary: ClassVar[str] = "The gateway failed on this request. It has been logged under the request id."

    def __init__(
        self,
        message: str | None = None,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.message = message or self.summary
        super().__init__(self.message)
        self.param = param
        if code is not None:
            self.code = code
        self.headers: Mapping[str, str] = headers or {}

    def body(self) -> bytes:
        """OpenAI's error object as JSON."""
        return orjson.dumps({"error": self.fields()})

    def fields(self) -> dict[str, Any]:
        return {"message": self.message, "type": self.type, "param": self.param, "code": self.code}


class InvalidRequest(GatewayError):
    status, type = 400, "invalid_request_error"
    code: str | None = "invalid_request"
    summary = "The request is not valid."


class MalformedBody(InvalidRequest):
    """The body is not JSON, or not JSON that every reader takes alike; OpenAI gives no code for that."""

    code = None
    summary = "We could not parse the JSON body of your request."


class RequestTimeout(InvalidRequest):
    status, code = 408, "request_timeout"
    summary = "The request body did not arrive in time."


class PayloadTooLarge(InvalidRequest):
    status, code = 413, "request_too_large"
    summary = "The request body is too large."


class UnsupportedMedia(InvalidRequest):
    status, code = 415, "unsupported_media_type"
    summary = "Send the request as application/json, uncompressed or with Content-Encoding gzip or deflate."


class HeadTooLarge(InvalidRequest):
    status, code = 431, "headers_too_large"
    summary = "The request's headers are too large."


class RequestLoop(InvalidRequest):
    """A 400, since clients and gateways repeat what ends in a 5xx."""

    code = "request_loop"
    summary = (
        "This call has come back to the gateway: the base_url of one of its providers leads to the gateway itself."
    )


class AuthenticationFailed(GatewayError):
    status, type, code = 401, "invalid_request_error", "invalid_api_key"
    summary = "Incorrect API key provided. Send a key of this gateway as 'Authorization: Bearer sk-gw-…'."


class PermissionRefused(GatewayError):
    status, type, code = 403, "invalid_request_error", "permission_denied"
    summary = "This key may not do that."


class NotFound(GatewayError):
    status, type, code = 404, "invalid_request_error", "not_found"
    summary = "This URL is not supported."


class ModelNotFound(NotFound):
    code = "model_not_found"


class MethodNotAllowed(GatewayError):
    status, type, code = 405, "invalid_request_error", "method_not_allowed"
    summary = "This method is not supported here."


class RateLimited(GatewayError):
    status, type, code = 429, "requests", "rate_limit_exceeded"
    summary = "Rate limit reached."


class ShuttingDown(GatewayError):
    status, type, code = 503, "server_error", "shutting_down"
    summary = "The gateway is shutting down. Retry on another instance."


class StoreUnavailable(GatewayError):
    status, type, code = 503, "server_error", "ledger_unavailable"
    summary = "The ledger's store cannot be used at the moment."


class ControllerAway(GatewayError):
    status, type, code = 503, "server_error", "controller_away"
    summary = "The gateway's controller is being restarted. Calls go on; retry this in a second."


class LedgerFull(GatewayError):
    status, type, code = 503, "server_error", "ledger_full"
    summary = "The gateway has no room left to account for another call. Free some disk space where it keeps its data."


class Overloaded(GatewayError):
    status, type, code = 503, "server_error", "overloaded"
    summary = "Too many large answers are under way at once. Retry in a second, or stream them."


class UpstreamError(GatewayError):
    """The provider failed; the message is in our words and names the provider, never its address or key."""

    status, type, code = 502, "upstream_error", "upstream_error"
    summary = "The provider failed."


class UpstreamUnreachable(UpstreamError):
    code = "upstream_unreachable"


class UpstreamTimeout(UpstreamError):
    status, code = 504, "upstream_timeout"


class UpstreamInterrupted(UpstreamError):
    code = "upstream_interrupted"


class UpstreamInvalid(UpstreamError):
    code = "upstream_invalid_response"


class Untranslatable(UpstreamInvalid):
    """An answer that can be passed on as it came, but not in the other shape (whole for streamed, or the reverse)."""

    summary = "The provider's answer cannot be given in the form that was asked for."


class UpstreamRefused(UpstreamError):
    """The provider answered with an error of its own; `status` is what the client is to see, `answered` what it was."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        fields: Mapping[str, Any],
        headers: Mapping[str, str],
        answered: int | None = None,
    ) -> None:
        super().__init__(message, headers=headers)
        self.status = status
        self.answered = answered or status
        self.type = str(fields.get("type") or self.type)
        code, param = fields.get("code"), fields.get("param")
        self.code = str(code) if code is not None else self.code
        self.param = str(param) if param is not None else None
