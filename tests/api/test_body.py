"""Request bodies: decompressed, and bounded while they are."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.body import inflate, read_body
from gateway.api.request import Request, ServerOptions
from gateway.errors import InvalidRequest, PayloadTooLarge, UnsupportedMedia
from tests.api.test_wire import Taking

SMALL = ServerOptions(max_body=1_000)


class Sent(Request):
    """A request with this body."""

    __slots__ = ("_body",)

    def __init__(self, body: bytes, **headers: str) -> None:
        found = {name.replace("_", "-"): value for name, value in headers.items()}
        super().__init__("req_1", Taking(), "POST", "/", lambda name: found.get(name, ""))
        self._body = body

    async def body(self, options: ServerOptions) -> bytes:
        return self._body


def bare(body: bytes) -> bytes:
    """Deflate without zlib's wrapping, as some clients send it."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


PACKED = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}


@pytest.mark.parametrize("encoding", PACKED)
@pytest.mark.parametrize("body", [b"", b"{}", b"x" * 1_000])
async def test_a_compressed_body_is_read(encoding: str, body: bytes) -> None:
    assert await read_body(Sent(PACKED[encoding](body), content_encoding=encoding.upper()), SMALL) == body


@given(st.binary(max_size=1_000))
def test_deflate_with_and_without_its_wrapping(body: bytes) -> None:
    assert inflate(zlib.compress(body), "deflate", SMALL) == body
    assert inflate(bare(body), "deflate", SMALL) == body


@pytest.mark.parametrize("encoding", ["", "identity"])
async def test_a_plain_body_is_what_it_is(encoding: str) -> None:
    assert await read_body(Sent(b"body", content_encoding=encoding), SMALL) == b"body"


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress", "x" * 8_000])
async def test_another_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(UnsupportedMedia):
        await read_body(Sent(b"", content_encoding=encoding), SMALL)


async def test_a_form_is_refused() -> None:
    with pytest.raises(UnsupportedMedia) as refusal:
        await read_body(Sent(b"", content_type="multipart/form-data; boundary=x"), SMALL)
    assert refusal.value.param == "content-type"


@pytest.mark.parametrize("size", [1_001, 100 << 20])
def test_what_inflates_beyond_the_limit_is_refused_before_it_does(size: int) -> None:
    bomb = zlib.compress(bytes(size), 9)
    tracemalloc.start()
    with pytest.raises(PayloadTooLarge):
        inflate(bomb, "deflate", SMALL)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1 << 20


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate"]))
def test_no_bytes_are_more_than_refused(garbage: bytes, encoding: str) -> None:
    with suppress(InvalidRequest):
        assert len(inflate(garbage, encoding, SMALL)) <= 1_000


@pytest.mark.parametrize("cut", [1, 10, -1])
def test_what_is_cut_off_or_runs_on_is_refused(cut: int) -> None:
    whole = gzip.compress(b"some words that are compressed")
    with pytest.raises(InvalidRequest):
        inflate(whole[:cut], "gzip", SMALL)
    with pytest.raises(InvalidRequest):
        inflate(whole + whole, "gzip", SMALL)


async def test_a_large_body_is_inflated_beside_the_loop() -> None:
    body = bytes(range(256)) * 4_000
    packed = zlib.compress(body, 0)
    assert len(packed) > 64 << 10

    assert await read_body(Sent(packed, content_encoding="deflate"), ServerOptions()) == body
