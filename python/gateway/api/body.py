"""Request bodies: decompressed, and bounded while they are."""

from __future__ import annotations

import asyncio
import zlib

from gateway.api.request import Request, ServerOptions, too_large
from gateway.errors import InvalidRequest, UnsupportedMedia

INFLATED_IN_PLACE = 64 << 10
_PLAIN = frozenset({"", "identity"})
_ENCODINGS = _PLAIN | {"gzip", "x-gzip", "deflate"}
_BROKEN = "The request body is not what its Content-Encoding says, or is cut off."


async def read_body(request: Request, options: ServerOptions) -> bytes:
    """The whole body, decompressed; raises what is wrong with it."""
    encoding = request.header("content-encoding").lower()
    if encoding not in _ENCODINGS:
        raise UnsupportedMedia(param="content-encoding")
    if request.header("content-type").startswith("multipart/"):
        raise UnsupportedMedia(param="content-type")
    body = await request.body(options)
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
        raise too_large(options)
    if not inflater.eof or inflater.unused_data:
        raise InvalidRequest(_BROKEN, param="content-encoding")
    return plain
