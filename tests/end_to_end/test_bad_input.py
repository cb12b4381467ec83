"""What no client should send: always a 4xx in OpenAI's shape that names the field, and the next request is answered."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.end_to_end.conftest import ask
from tests.end_to_end.gateway import Gateway
from tests.end_to_end.upstream import Upstream
from tests.end_to_end.wire import Wire

PATH = "/v1/chat/completions"
GOOD = ask("Bad input comes next.")
MIB = 1 << 20


@pytest.fixture
def upstream(shared_upstream: Upstream) -> Upstream:
    return shared_upstream.reset()


@pytest.fixture
def gateway(shared_gateway: Gateway, upstream: Upstream) -> Iterator[Gateway]:
    """A gateway that must have taken no harm, and told no traceback, when the test is over."""
    told = len(shared_gateway.log())
    yield shared_gateway
    after = httpx.post(f"{shared_gateway.url}{PATH}", json=GOOD, timeout=30)
    assert after.status_code == 200
    assert "Traceback" not in shared_gateway.log()[told:]


def refused(response: httpx.Response, status: int = 400) -> dict[str, Any]:
    """The error object of a response in OpenAI's shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return dict(error)


def with_fields(**fields: Any) -> bytes:
    return json.dumps({**GOOD, **fields}).encode()


def raw(text: str) -> bytes:
    """A good body with more members, spelled as given."""
    return b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hi"}],' + text.encode() + b"}"


# The body as a whole

UNREADABLE = {
    "empty": b"",
    "blank": b" \n",
    "words": b"Hello?",
    "cut off": json.dumps(GOOD).encode()[:-1],
    "trailing comma": raw('"n":1,'),
    "two documents": json.dumps(GOOD).encode() * 2,
    "single quotes": b"{'model':'gpt-4o-mini'}",
    "comment": raw('"n":1 /* one */'),
    "NaN": raw('"seed":NaN'),
    "Infinity": raw('"seed":-Infinity'),
    "leading zero": raw('"n":01'),
    "bare control character": raw('"user":"a\x01b"'),
    "invalid UTF-8": raw('"user":"?"').replace(b"?", b"\xff\xfe"),
    "overlong UTF-8": raw('"user":"?"').replace(b"?", b"\xc0\xaf"),
    "UTF-16": json.dumps(GOOD).encode("utf-16"),
    "array": b"[]",
    "string": b'"model"',
    "number": b"5",
    "null": b"null",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_not_a_json_object(client: httpx.Client, upstream: Upstream, body: bytes) -> None:
    error = refused(client.post(PATH, content=body))
    assert error["type"] == "invalid_request_error"
    assert upstream.calls == []


# Fields

MESSAGE = {"role": "user", "content": "Hi"}
WRONG = [
    (b"{}", "model"),
    (b'{"model":"gpt-4o-mini"}', "messages"),
    (json.dumps({"messages": GOOD["messages"]}).encode(), "model"),
    (with_fields(model=None), "model"),
    (with_fields(model=5), "model"),
    (with_fields(model=["gpt-4o-mini"]), "model"),
    (with_fields(model=""), "model"),
    (with_fields(messages=None), "messages"),
    (with_fields(messages="Hi"), "messages"),
    (with_fields(messages={"role": "user"}), "messages"),
    (with_fields(messages=[]), "messages"),
    (with_fields(messages=["Hi"]), "messages[0]"),
    (with_fields(messages=[MESSAGE, None]), "messages[1]"),
    (with_fields(messages=[{"content": "Hi"}]), "messages[0].role"),
    (with_fields(messages=[{"role": 1, "content": "Hi"}]), "messages[0].role"),
    (with_fields(messages=[{"role": "user", "content": 5}]), "messages[0].content"),
    (with_fields(stream="yes"), "stream"),
    (with_fields(stream=1), "stream"),
    (with_fields(stream=True, stream_options=True), "stream_options"),
    (with_fields(stream=True, stream_options={"include_usage": 1}), "stream_options.include_usage"),
    (with_fields(temperature="hot"), "temperature"),
    (with_fields(model="m" * 257), "model"),
    (with_fields(model="a\r\nx: y"), "model"),
    (with_fields(Model="gpt-4o"), "Model"),
    (raw('"me\u017f\u017fages":[]'), "me\u017f\u017fages"),
    (with_fields(top_p=[1]), "top_p"),
    (with_fields(n=0), "n"),
    (with_fields(n="2"), "n"),
    (with_fields(n=1.5), "n"),
    (with_fields(max_tokens="many"), "max_tokens"),
    (with_fields(max_completion_tokens=-1), "max_completion_tokens"),
    (with_fields(tools={}), "tools"),
    (with_fields(tools=[5]), "tools[0]"),
    (with_fields(response_format="json"), "response_format"),
    (with_fields(stop=5), "stop"),
    (with_fields(seed="x"), "seed"),
    (with_fields(cache="no-store"), "cache"),
    (raw('"model":"openai/gpt-4o"'), "model"),
    (raw('"\\u006dodel":"openai/gpt-4o"'), "model"),
    (raw('"messages":[]'), "messages"),
    (raw('"temperature":0,"temperature":1'), "temperature"),
    (raw('"metadata":{"a":1,"a":2}'), "metadata"),
    (raw('"temperature":1e400'), "temperature"),
    (raw('"deep":{"er":[1e400]}'), "deep"),
    (raw('"user":"\\ud83d"'), "user"),
    (raw('"user":"\\udc00\\ud800"'), "user"),
    (raw('"n":' + "9" * 200_000), "n"),
    (raw('"seed":' + "9" * 20_000), "seed"),
    (raw('"cache":{"ttl":' + "9" * 400 + "}"), "cache"),
]


@pytest.mark.parametrize(("body", "param"), WRONG, ids=lambda value: value[-60:] if isinstance(value, bytes) else value)
def test_the_field_at_fault_is_named(client: httpx.Client, upstream: Upstream, body: bytes, param: str) -> None:
    error = refused(client.post(PATH, content=body))
    assert error["param"] == param
    assert upstream.calls == []


def test_an_unknown_model(client: httpx.Client, upstream: Upstream) -> None:
    error = refused(client.post(PATH, content=with_fields(model="gpt-unheard-of")), 404)
    assert (error["param"], error["code"]) == ("model", "model_not_found")
    assert upstream.calls == []


NESTED = {
    "arrays": b"[" * 5_000_000,
    "objects": b'{"a":' * 1_000_000,
    "a field": b'{"model":"gpt-4o-mini","messages":' + b"[" * 5_000_000,
    "closed": b'{"tools":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("body", NESTED.values(), ids=NESTED)
def test_deep_nesting(client: httpx.Client, body: bytes) -> None:
    refused(client.post(PATH, content=body))


def test_200_000_keys(client: httpx.Client, upstream: Upstream) -> None:
    many = {f"key{number}": number for number in range(200_000)}
    refused(client.post(PATH, content=with_fields(**many)))
    assert upstream.calls == []


# Sizes and encodings


def chunks(body: bytes) -> Iterator[bytes]:
    """As a generator, a body is sent chunked."""
    yield from (body[start : start + MIB] for start in range(0, len(body), MIB))


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
def test_50_mb(gateway: Gateway, client: httpx.Client, upstream: Upstream, chunked: bool) -> None:
    body = with_fields(user="u" * 50 * MIB)
    before = peak(gateway)
    error = refused(client.post(PATH, content=chunks(body) if chunked else body), 413)
    assert error["code"] == "request_too_large"
    assert "33,554,432" in error["message"]
    assert upstream.calls == []
    assert peak(gateway) - before < 96 * MIB


def test_a_large_body_within_the_limit(client: httpx.Client, upstream: Upstream) -> None:
    body = with_fields(user="u" * 20 * MIB)
    assert client.post(PATH, content=body).status_code == 200
    assert client.post(PATH, content=chunks(body)).headers["x-gateway-cache"] == "hit"


def test_small_chunks(client: httpx.Client) -> None:
    body = with_fields(user="in small pieces")
    pieces = (body[start : start + 7] for start in range(0, len(body), 7))
    assert client.post(PATH, content=pieces).status_code == 200


ENCODED: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
def test_compressed_bodies_are_read(client: httpx.Client, upstream: Upstream, encoding: str, chunked: bool) -> None:
    body = with_fields(user=f"{encoding} {chunked}", seed=len(encoding) + chunked)
    sent = ENCODED[encoding](body)
    response = client.post(PATH, content=chunks(sent) if chunked else sent, headers={"content-encoding": encoding})
    assert response.status_code == 200, response.text
    assert upstream.calls[0].body == body
    assert "content-encoding" not in upstream.calls[0].headers


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
@pytest.mark.parametrize("damage", ["garbage", "cut off", "flipped", "plain JSON", "empty"])
def test_broken_compression(
    client: httpx.Client, upstream: Upstream, encoding: str, chunked: bool, damage: str
) -> None:
    whole = ENCODED[encoding](with_fields(user="u" * 5_000))
    middle = len(whole) // 2
    sent = {
        "garbage": b"\x00garbage" * 50,
        "cut off": whole[:middle],
        "flipped": whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :],
        "plain JSON": with_fields(),
        "empty": b"",
    }[damage]
    response = client.post(PATH, content=chunks(sent) if chunked else sent, headers={"content-encoding": encoding})
    refused(response)
    assert upstream.calls == []


@pytest.mark.parametrize("encoding", ENCODED)
def test_a_gigabyte_in_a_megabyte(gateway: Gateway, client: httpx.Client, encoding: str) -> None:
    bomb = gigabyte(zlib.MAX_WBITS | (16 if encoding == "gzip" else 0))
    assert len(bomb) < 2 * MIB
    before = peak(gateway)
    refused(client.post(PATH, content=bomb, headers={"content-encoding": encoding}), 413)
    assert peak(gateway) - before < 96 * MIB


def gigabyte(wbits: int) -> bytes:
    """A gigabyte of spaces: after a full flush each mebibyte compresses to the same bytes again."""
    press = zlib.compressobj(9, wbits=wbits)
    first, again = (press.compress(b" " * MIB) + press.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * 1023


def peak(gateway: Gateway) -> int:
    """The most memory that the process has held so far, in bytes."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x-unheard-of"])
def test_an_encoding_that_is_not_understood(client: httpx.Client, encoding: str) -> None:
    error = refused(client.post(PATH, content=with_fields(), headers={"content-encoding": encoding}), 415)
    assert error["param"] == "content-encoding"


def test_a_form(client: httpx.Client) -> None:
    assert refused(client.post(PATH, files={"file": b"x"}), 415)["param"] == "content-type"


# Loops


def test_a_call_that_goes_round_ends_after_three_gateways(client: httpx.Client, upstream: Upstream) -> None:
    hops, sent = 0, []
    while True:  # the provider is the gateway: what it gets comes back in
        answer = client.post(PATH, content=with_fields(seed=1_000 + hops), headers={"x-gateway-hops": str(hops)})
        if answer.status_code != 200:
            break
        hops = int(upstream.calls[-1].headers["x-gateway-hops"])
        sent.append(hops)

    assert sent == [1, 2, 3]
    error = refused(answer)
    assert error["code"] == "request_loop"
    assert "base_url" in error["message"]


# Paths and methods


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_a_wrong_method(client: httpx.Client, method: str) -> None:
    response = client.request(method, PATH)
    error = refused(response, 405)
    assert (error["code"], error["message"]) == ("method_not_allowed", f"{method} {PATH} is not supported. Use POST.")
    assert response.headers["allow"] == "POST, OPTIONS"


def test_what_a_path_answers(client: httpx.Client) -> None:
    response = client.options(PATH)
    assert (response.status_code, response.headers["allow"], response.text) == (204, "POST, OPTIONS", "")
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("path", ["/v1", "/v2/chat/completions", "/v1/chat", "/v1/embeddingz", "/%00", "/v1/../etc"])
def test_an_unknown_path(client: httpx.Client, path: str) -> None:
    response = client.post(path, json=GOOD)
    assert refused(response, 404)["code"] == "not_found"
    assert response.headers["x-request-id"]


# HTTP itself


@pytest.fixture
def wire(gateway: Gateway) -> Iterator[Wire]:
    with Wire(gateway) as connection:
        yield connection


BODY = with_fields()
HEAD = f"POST {PATH} HTTP/1.1\nhost: localhost\ncontent-type: application/json"


def test_the_wire_itself(wire: Wire) -> None:
    for _ in range(2):
        wire.send(f"{HEAD}\ncontent-length: {len(BODY)}", BODY)
        assert wire.answer().status_code == 200


SMUGGLED = {
    "content-length and chunked": f"content-length: {len(BODY)}\ntransfer-encoding: chunked",
    "chunked and content-length": "transfer-encoding: chunked\ncontent-length: 5",
    "two lengths": f"content-length: {len(BODY)}\ncontent-length: 5",
    "two lengths in one": f"content-length: {len(BODY)}, 5",
    "a signed length": f"content-length: +{len(BODY)}",
    "a negative length": "content-length: -5",
    "a length in words": "content-length: five",
    "chunked twice": "transfer-encoding: chunked, chunked",
    "not chunked last": "transfer-encoding: chunked, identity",
    "an unknown coding": "transfer-encoding: xchunked",
    "a space before the colon": f"content-length : {len(BODY)}",
    "a folded line": f"x-folded: a\n b\ncontent-length : {len(BODY)}",
    "a null in a header": f"x-null: a\0b\ncontent-length: {len(BODY)}",
}


@pytest.mark.parametrize("framing", SMUGGLED.values(), ids=SMUGGLED)
def test_ambiguous_framing_is_refused_and_nothing_after_it_is_read(
    wire: Wire, upstream: Upstream, framing: str
) -> None:
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY) if "chunked" in framing else BODY
    wire.send(f"{HEAD}\n{framing}", body + b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n")
    refused(wire.answer())
    assert wire.closed
    assert upstream.calls == []


BOMBS = {
    "one long value": "x-long: " + "a" * 100_000,
    "one long name": "x" * 100_000 + ": a",
    "many headers": "\n".join(f"x-{number}: a" for number in range(20_000)),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_header_bombs(wire: Wire, upstream: Upstream, bomb: str) -> None:
    wire.send(f"{HEAD}\n{bomb}\ncontent-length: {len(BODY)}", BODY)
    response = wire.answer()
    refused(response, response.status_code)
    assert response.status_code in (400, 431)
    assert wire.closed
    assert upstream.calls == []


def test_a_long_target(wire: Wire) -> None:
    wire.send(f"GET /{'a' * 100_000} HTTP/1.1\nhost: localhost")
    response = wire.answer()
    refused(response, response.status_code)
    assert response.status_code in (400, 404, 414)


@pytest.mark.parametrize("line", ["Hello?", "GET", "GET / HTTP/9.9", "\x16\x03\x01 TLS", "GET  /  HTTP/1.1"])
def test_what_is_not_http(wire: Wire, line: str) -> None:
    wire.send(line)
    refused(wire.answer())
    assert wire.closed


def test_an_absolute_target_is_answered_here(wire: Wire, upstream: Upstream) -> None:
    body = with_fields(user="absolute", seed=1)
    wire.send(f"POST http://elsewhere.example{PATH} HTTP/1.1\nhost: localhost\ncontent-length: {len(body)}", body)
    assert wire.answer().status_code == 200
    assert len(upstream.calls) == 1


def test_a_client_that_waits_for_100_continue(wire: Wire) -> None:
    wire.send(f"{HEAD}\nexpect: 100-continue\ncontent-length: {len(BODY)}")
    assert wire.answer().status_code == 100
    wire.write(BODY)
    assert wire.answer().status_code == 200


def test_a_body_that_is_too_large_is_not_waited_for(wire: Wire) -> None:
    wire.send(f"{HEAD}\nexpect: 100-continue\ncontent-length: {50 * MIB}")
    refused(wire.answer(), 413)
    assert wire.closed


@pytest.mark.parametrize("header", ["", "\nconnection: keep-alive"], ids=["plain", "keep-alive"])
def test_http_1_0(wire: Wire, header: str) -> None:
    wire.send(f"POST {PATH} HTTP/1.0{header}\ncontent-length: {len(BODY)}", BODY)
    response = wire.answer()
    assert response.status_code == 200
    assert response.headers["connection"] == "close"
    assert wire.closed


def test_http_1_0_streams_until_it_closes(wire: Wire) -> None:
    body = with_fields(stream=True)
    wire.send(f"POST {PATH} HTTP/1.0\ncontent-length: {len(body)}", body)
    response = wire.answer()
    assert "transfer-encoding" not in response.headers
    assert response.text.startswith("data: {")
    assert response.text.endswith("data: [DONE]\n\n")


def test_requests_sent_ahead_are_answered_in_order(wire: Wire) -> None:
    head = f"{HEAD}\ncontent-length: ".replace("\n", "\r\n").encode()
    bodies = [with_fields(model=model) for model in ("unheard-of-1", "unheard-of-2", "gpt-4o-mini")]
    wire.write(b"".join(head + b"%d\r\n\r\n%b" % (len(body), body) for body in bodies))
    first, second, third = (wire.answer() for _ in bodies)
    assert "unheard-of-1" in refused(first, 404)["message"]
    assert "unheard-of-2" in refused(second, 404)["message"]
    assert third.status_code == 200
