"""OpenAI's dialect: what is asked where, and what a refusal means to the client."""

from __future__ import annotations

import pytest

from gateway.errors import UpstreamTimeout
from gateway.native import Canon, Grammar
from gateway.providers.base import Provider, Target
from gateway.providers.openai import OpenAI, Verbatim

SECRET = "sk-upstream-secret"
ACME = Provider("acme", "http://acme.test/v1", OpenAI(), api_key=SECRET, key_variable="ACME_API_KEY")
KEYLESS = Provider("home", "http://home.test/v1", OpenAI())
BODY = b'{"model":"acme/m","messages":[{"role":"user","content":"hi"}],"seed":7}'


def test_the_clients_bytes_go_out_with_the_model_replaced() -> None:
    outgoing = OpenAI().encode(Canon(b"x" * 32).read(BODY), Target(ACME, "m"))

    assert (outgoing.method, outgoing.path) == ("POST", "/chat/completions")
    assert outgoing.headers == (("authorization", f"Bearer {SECRET}"),)
    assert outgoing.body == BODY.replace(b"acme/m", b"m")


@pytest.mark.parametrize(
    ("grammar", "body", "path"),
    [
        ("chat", BODY, "/chat/completions"),
        ("completions", b'{"model":"m","prompt":"hi"}', "/completions"),
        ("embeddings", b'{"model":"m","input":"hi"}', "/embeddings"),
    ],
)
def test_each_grammar_has_its_path(grammar: str, body: bytes, path: str) -> None:
    request = Canon(b"x" * 32).read(body, Grammar.built_in(grammar))

    assert OpenAI().encode(request, Target(ACME, "m")).path == path


def test_a_provider_without_a_key_is_sent_none() -> None:
    assert OpenAI().encode(Canon(b"x" * 32).read(BODY), Target(KEYLESS, "m")).headers == ()


def test_answers_are_taken_as_they_are() -> None:
    decoder = OpenAI().decoder(Canon(b"x" * 32).read(BODY))

    assert isinstance(decoder, Verbatim)
    assert (decoder.feed(b"data"), decoder.end()) == (b"data", b"")


@pytest.mark.parametrize(
    ("status", "seen", "code"),
    [
        (400, 400, "bad"),
        (404, 404, "bad"),
        (409, 409, "bad"),
        (413, 413, "bad"),
        (415, 415, "bad"),
        (422, 422, "bad"),
        (429, 429, "bad"),
        (401, 502, "upstream_authentication"),
        (403, 502, "upstream_authentication"),
        (302, 502, "upstream_error"),
        (418, 502, "upstream_error"),
        (500, 502, "upstream_error"),
        (503, 503, "upstream_error"),
        (529, 503, "upstream_error"),
    ],
)
def test_what_a_client_can_fix_keeps_its_status_and_words(status: int, seen: int, code: str) -> None:
    error = OpenAI().failure(ACME, status, {}, b'{"error":{"message":"no good","code":"bad","param":"p"}}')

    assert (error.status, error.code) == (seen, code)
    assert (error.message == "no good") == (seen == status and status < 500)
    assert error.param == ("p" if error.message == "no good" else None)


@pytest.mark.parametrize("status", [408, 504, 524])
def test_late_is_late(status: int) -> None:
    assert isinstance(OpenAI().failure(ACME, status, {}, b""), UpstreamTimeout)


def test_a_429_without_words_is_openais_own() -> None:
    error = OpenAI().failure(ACME, 429, {"retry-after": "7", "set-cookie": "a=b"}, b"<html>")

    assert (error.type, error.code, error.headers) == ("requests", "rate_limit_exceeded", {"retry-after": "7"})
    assert error.message == "acme refused the request with status 429."


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        (ACME, "acme refused the gateway's API key (status 401). Check ACME_API_KEY or providers.acme.api_key."),
        (KEYLESS, "home wants an API key, and the gateway has none (status 401). Check providers.home.api_key."),
    ],
    ids=["a key", "no key"],
)
def test_a_refused_key_says_which_setting_to_check(provider: Provider, message: str) -> None:
    error = OpenAI().failure(provider, 401, {}, f'{{"error":{{"message":"bad {SECRET}"}}}}'.encode())

    assert error.message == message


def test_the_key_is_in_no_field() -> None:
    body = '{"error":{"message":"KEY","type":"KEY","param":"KEY","code":"KEY"}}'.replace("KEY", SECRET)
    error = OpenAI().failure(ACME, 400, {"retry-after": SECRET}, body.encode())

    assert SECRET not in error.body().decode()
    assert error.headers == {}


@pytest.mark.parametrize(
    "body",
    [b'{"data":[{"id":"a"},{"id":"b"},{"x":1},7]}', b'[{"id":"a"},{"id":"b"}]'],
)
def test_lists_of_models(body: bytes) -> None:
    assert OpenAI().listed(body) == ["a", "b"]
    assert OpenAI().listing(ACME).method == "GET"
