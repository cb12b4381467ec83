"""Request bodies: decompressed, bounded, and not waited for for ever."""

from __future__ import annotations

import asyncio
import zlib

from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError, TransferEncodingError
from aiohttp.web_exceptions import HTTPException

from gateway.api.server import ServerOptions
from gateway.errors import GatewayError, InvalidRequest, PayloadTooLarge, RequestTimeout, UnsupportedMedia

_ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})


async def read_body(request: web.BaseRequest, options: ServerOptions) -> bytes:
    """The whole body; raises what is wrong with it. A body that is there already costs no timer."""
    headers = request.headers
    if headers.get("content-encoding", "").lower() not in _ENCODINGS:
        raise UnsupportedMedia(param="content-encoding")
    if headers.get("content-type", "").startswith("multipart/"):
        raise UnsupportedMedia(param="content-type")
    try:
        return await _collect(request, options)
    except TimeoutError:
        raise RequestTimeout from None
    except (
        web.RequestPayloadError,
        ContentEncodingError,
        TransferEncodingError,
        zlib.error,
        HTTPException,
    ) as error:
        raise InvalidRequest("The request body is not what its Content-Encoding or Transfer-Encoding says.") from error


async def _collect(request: web.BaseRequest, options: ServerOptions) -> bytes:
    content = request.content
    if content.is_eof():
        data = content.read_nowait()
        if len(data) > options.max_body:
            raise _too_large(options)
        return data
    if (request.content_length or 0) > options.max_body:
        raise _too_large(options)
    if request.headers.get("expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    parts: list[bytes] = []
    size = 0
    while True:
        async with asyncio.timeout(options.body_timeout):
            part = await content.readany()
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
        if size > options.max_body:
            raise _too_large(options)


def _too_large(options: ServerOptions) -> GatewayError:
    return PayloadTooLarge(f"The request body is larger than {options.max_body:,} bytes (server.max_body).")
