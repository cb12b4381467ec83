"""A provider that fails: the client gets the right error, nothing broken is kept, and the ledger says what happened."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2 as httpx
import orjson
import pytest

from tests.end_to_end.conftest import ask
from tests.end_to_end.gateway import Gateway
from tests.end_to_end.upstream import (
    END,
    HANG,
    RESET,
    STREAM_HEAD,
    Received,
    Upstream,
    chunk,
    delta,
    event,
    response,
    whole,
)

QUICK = "providers: {openai: {timeouts: {connect: 1, headers: 0.5, idle: 0.5}}}\n"
QUICK_IN_MID_STREAM = "providers: {openai: {timeouts: {idle: 0.5}}}\n"


@pytest.fixture
def upstream(shared_upstream: Upstream) -> Upstream:
    return shared_upstream.reset()


@pytest.fixture
def gateway(shared_gateway: Gateway, upstream: Upstream) -> Gateway:
    return shared_gateway


def post(gateway: Gateway, question: str, **fields: Any) -> httpx.Response:
    return httpx.post(f"{gateway.url}/v1/chat/completions", json=ask(question, **fields), timeout=20)


def stream(gateway: Gateway, question: str) -> tuple[bytes, bool]:
    """What a streamed call brings, and whether its chunked encoding was ended."""
    body = orjson.dumps(ask(question, stream=True))
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        )
        data = b""
        while not data.endswith(b"0\r\n\r\n") and (read := client.recv(65536)):
            data += read
    return data, data.endswith(b"0\r\n\r\n")


def only_row(gateway: Gateway) -> dict[str, Any]:
    (row,) = gateway.rows()
    return row


def script(*steps: Any) -> Callable[[Received], AsyncIterator[Any]]:
    async def play(_: Received) -> AsyncIterator[Any]:
        for step in steps:
            yield step

    return play


# In one write: with pauses between them, a timeout could come before the first content.
BEGUN = (STREAM_HEAD + event(delta("", role="assistant")) + event(delta("Half an ans")),)

WHOLE_FAULTS = {
    "reset": (script(RESET), 502, "upstream_interrupted"),
    "closed": (script(response(200, b"")[:20], RESET), 502, "upstream_interrupted"),
    "not http": (script(b"220 smtp.example.com ESMTP\r\n\r\n"), 502, "upstream_invalid_response"),
    "not json": (script(response(200, b"<html>busy</html>")), 502, "upstream_invalid_response"),
    "empty": (script(response(200, b"")), 502, "upstream_invalid_response"),
    "cut json": (script(response(200, b'{"id":"x","choices":[{"mess')), 502, "upstream_invalid_response"),
    "cut body": (script(response(200, b"x" * 100)[:-50], RESET), 502, "upstream_interrupted"),
    "an error in a 200": (script(response(200, b'{"error":{"message":"no","code":"oops"}}')), 502, "oops"),
    "hangs": (script(HANG), 504, "upstream_timeout"),
    "hangs in its body": (script(response(200, b"x" * 100)[:-50], HANG), 504, "upstream_timeout"),
    "500": (script(response(500, b'{"error":{"message":"sk-upstream-secret at 10.0.0.1"}}')), 502, "upstream_error"),
    "503": (script(response(503, b"overloaded")), 503, "upstream_error"),
    "401": (
        script(response(401, b'{"error":{"message":"bad key sk-upstream-secret"}}')),
        502,
        "upstream_authentication",
    ),
    "400": (script(response(400, b'{"error":{"message":"no such voice","param":"voice","code":"bad"}}')), 400, "bad"),
    "404": (script(response(404, b'{"error":{"message":"gone","code":"model_not_found"}}')), 404, "model_not_found"),
    "redirect": (script(response(302, b"", location="http://elsewhere")), 502, "upstream_error"),
}


@pytest.mark.parametrize("fault", WHOLE_FAULTS)
def test_a_fault_before_any_content_is_an_error_of_its_own(shared: Any, upstream: Upstream, fault: str) -> None:
    upstream.answer, status, code = WHOLE_FAULTS[fault]
    gateway = shared(QUICK if "hangs" in fault else "")

    answers = [post(gateway, fault), post(gateway, fault)]

    for answer in answers:
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (status, code)
        assert set(error) == {"message", "type", "param", "code"}
        assert "sk-upstream-secret" not in answer.text
        assert "Traceback" not in answer.text
    assert len(upstream.calls) >= 2, "a failure must not be kept"
    assert {(row["outcome"], row["status"], row["error"]) for row in gateway.rows()} == {
        ("failed", status, code)
    } or status < 500
    assert "sk-upstream-secret" not in gateway.log()


STREAM_FAULTS = {
    "reset": ((*BEGUN, RESET), "upstream_interrupted"),
    "clean end without a finish": ((*BEGUN, END), "upstream_interrupted"),
    "invalid json": ((*BEGUN, event(b'{"id": nonsense')), "upstream_invalid_response"),
    "an error event": ((*BEGUN, event({"error": {"message": "overloaded", "code": "busy"}}), END), "busy"),
    "hangs": ((*BEGUN, HANG), "upstream_timeout"),
    "broken chunks": ((*BEGUN, b"zz\r\n"), "upstream_invalid_response"),
}


@pytest.mark.parametrize("fault", STREAM_FAULTS)
def test_a_fault_in_mid_stream_is_an_error_event_and_no_clean_end(shared: Any, upstream: Upstream, fault: str) -> None:
    steps, code = STREAM_FAULTS[fault]
    upstream.answer = script(*steps)
    gateway = shared(QUICK_IN_MID_STREAM if "hangs" in fault else "")

    data, ended = stream(gateway, f"{fault} in mid-stream")

    assert b"200 OK" in data
    assert b"Half an ans" in data
    events = [orjson.loads(line[6:]) for line in data.split(b"\n") if line.startswith(b"data: {")]
    errors = [event["error"] for event in events if "error" in event]
    assert [error["code"] for error in errors] == [code]
    assert b"[DONE]" not in data
    assert not ended
    row = only_row(gateway)
    assert (row["outcome"], row["error"], row["partial"]) == ("failed", code, 1)
    assert row["output_tokens"] > 0

    upstream.answer = lambda _: whole("All of it.")
    again = post(gateway, f"{fault} in mid-stream").json()
    assert again["choices"][0]["message"]["content"] == "All of it.", "nothing broken may be kept"


def test_a_stream_that_fails_before_its_first_content_is_a_plain_error(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer = script(
        STREAM_HEAD, event(delta("", role="assistant")), event({"error": {"message": "quota", "code": "quota"}})
    )

    answer = post(gateway, "plain error", stream=True)

    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "quota"


def test_a_provider_that_refuses_connections(launch: Any, upstream: Upstream) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        gateway = launch(OPENAI_BASE_URL=f"http://127.0.0.1:{unused.getsockname()[1]}/v1")

        answer = post(gateway, "unreachable")

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_unreachable")
    assert "127.0.0.1" not in answer.text


@pytest.mark.parametrize("url", ["http://nowhere.invalid/v1", "https://127.0.0.1:{port}/v1"])
def test_a_provider_without_a_name_or_without_tls(launch: Any, upstream: Upstream, url: str) -> None:
    gateway = launch(QUICK, OPENAI_BASE_URL=url.format(port=upstream.port))

    answer = post(gateway, "nowhere")

    assert answer.status_code in (502, 504)
    assert "invalid/v1" not in answer.text
    assert "127.0.0.1" not in answer.text


def test_what_a_provider_read_and_did_not_answer_is_not_sent_again(gateway: Gateway, upstream: Upstream) -> None:
    assert post(gateway, "kept alive, once").status_code == 200
    upstream.answer = script(0.3, RESET)

    answer = post(gateway, "kept alive, again")

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_interrupted")
    assert len(upstream.calls) == 2, "it would be paid for twice"


def test_429_is_passed_on_with_its_retry_after(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer = script(response(429, b'{"error":{"message":"slow down"}}', retry_after="7"))

    answer = post(gateway, "retry after")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json()["error"]["code"] == "rate_limit_exceeded"


def test_one_event_of_five_megabytes_passes(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer = script(
        STREAM_HEAD, event(delta("x" * 5_000_000)), event(delta(finish="stop")), event(b"[DONE]"), END
    )

    answer = post(gateway, "five megabytes", stream=True)

    assert answer.text.count("x") > 5_000_000


def test_a_split_in_every_place_changes_nothing(gateway: Gateway, upstream: Upstream) -> None:
    data = b"".join(b"data: " + orjson.dumps(delta(text)) + b"\n\n" for text in ("Grüße, ", "世界", " 👋"))
    data += b"data: " + orjson.dumps(delta(finish="stop")) + b"\n\ndata: [DONE]\n\n"
    upstream.answer = script(STREAM_HEAD, *[chunk(data[at : at + 1]) for at in range(len(data))], END)

    answer = post(gateway, "split", stream=True)

    texts = [
        orjson.loads(line[6:])["choices"][0]["delta"].get("content") or ""
        for line in answer.text.split("\n")
        if "{" in line
    ]
    assert "".join(texts) == "Grüße, 世界 👋"
