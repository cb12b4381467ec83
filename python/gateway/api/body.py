"""Request bodies: decompressed, bounded, and not waited for for ever."""

from __future__ import annotations

import asyncio
import zlib

from aiohttp import web
from aiohttp.http_exceptions import TransferEncodingError

from gateway.api.server import ServerOptions
from gateway.errors import GatewayError, InvalidRequest, PayloadTooLarge, RequestTimeout, UnsupportedMedia

INFLATED_IN_PLACE = 64 << 10
_PLAIN = frozenset({"", "identity"})
_ENCODINGS = _PLAIN | {"gzip", "x-gzip", "deflate"}
_BROKEN = "The request body is not what its Content-Encoding says, or is cut off."


async def read_body(request: web.BaseRequest, options: ServerOptions) -> bytes:
    """The whole body, decompressed; raises what is wrong with it. A body that is there already costs no timer."""
    headers = request.headers
    encoding = headers.get("content-encoding", "").lower()
    if encoding not in _ENCODINGS:
        raise UnsupportedMedia(param="content-encoding")
    if headers.get("content-type", "").startswith("multipart/"):
        raise UnsupportedMedia(param="content-type")
    try:
        body = await _collect(request, options)
    except TimeoutError:
        raise RequestTimeout from None
    except (web.RequestPayloadError, TransferEncodingError) as error:
        raise InvalidRequest("The request body is not what its Transfer-Encoding says.") from error
    if encoding in _PLAIN:
        return body
    if len(body) < INFLATED_IN_PLACE:
        return inflate(body, encoding, options)
    return await asyncio.to_thread(inflate, body, encoding, options)


def inflate(body: bytes, encoding: str, options: ServerOptions) -> bytes:
    """A gzip or deflate body, decompressed as far as the limit allows."""
    bare = encoding == "deflate" and (len(body) < 2 or body[0] & 0x0F != 8 or int.from_bytes(body[:2]) % 31)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS | 32)
    try:
        plain = inflater.decompress(body, options.max_body + 1)
    except zlib.error:
        raise InvalidRequest(_BROKEN, param="content-encoding") from None
    if len(plain) > options.max_body:
        raise _too_large(options)
    if not inflater.eof or inflater.unused_data:
        raise InvalidRequest(_BROKEN, param="content-encoding")
    return plain


async def _collect(request: web.BaseRequest, options: ServerOptions) -> bytes:
    content = request.content
    if content.is_eof() and content.exception() is None:
        # Not read_nowait: it would call back into the protocol to resume a reading that was never paused.
        data = b"".join(getattr(content, "_buffer", ()))
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
