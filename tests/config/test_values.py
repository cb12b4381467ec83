"""What one setting may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.values import api_key, base_url, host, model_name, origin, secret
from gateway.providers.base import Outgoing, Provider
from gateway.providers.table import OPENAI, ROWS
from gateway.upstream.origin import Origin


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("HTTP://Host.Example:8080/V1/", "http://host.example:8080/V1"),
        (" http://h/v1\n", "http://h/v1"),
        ("http://[::1]:9/v1", "http://[::1]:9/v1"),
        ("http://under_score-1/v1", "http://under_score-1/v1"),
        ("http://h:/v1", "http://h/v1"),
        ("http://h", "http://h"),
        ("http://h./a%20b/", "http://h./a%20b"),
    ],
)
def test_a_base_url_has_a_normal_form(written: str, normal: str) -> None:
    assert base_url(written) == normal == base_url(normal)


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("", "must be an http or https URL"),
        ("ftp://host/v1", "must be an http or https URL"),
        ("host/v1", "must be an http or https URL"),
        ("api.openai.com:443/v1", "must be an http or https URL"),
        ("http://", "must be an http or https URL"),
        ("//host", "must be an http or https URL"),
        ("http:///v1", "must be an http or https URL"),
        ("http://host:notaport/v1", "port from 1 to 65535"),
        ("http://host:99999/v1", "port from 1 to 65535"),
        ("http://host:-1/v1", "port from 1 to 65535"),
        ("http://host:0/v1", "must be an http or https URL"),
        ("http://[::1/v1", "must be an http or https URL"),
        ("http://[x]/v1", "must be an http or https URL"),
        ("http://bad..host/v1", "not a valid host name"),
        ("http://-host/v1", "not a valid host name"),
        (f"http://{'x' * 64}/v1", "not a valid host name"),
        (f"http://{'x.' * 200}x/v1", "not a valid host name"),
        ("http://ho st/v1", "without spaces"),
        ("http://h/v1\r\nx: y", "without spaces"),
        ("http://hôst/v1", "ASCII"),
        ("http://user:pass@host/v1", "api_key"),
        ("http://host/v1?api-version=2024-10-21", "api-version"),
        ("http://host/v1?", "api-version"),
        ("http://host/v1#x", "api-version"),
        ("http://host/v1/chat/completions", "leave that out"),
        ("http://host/v1/chat/completions/", "leave that out"),
        ("http://host/v1/embeddings", "leave that out"),
        ('http://host/v1"', "percent-encoded"),
    ],
)
def test_a_base_url_that_would_fail_later_is_refused(url: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        base_url(url)


@given(st.text(max_size=40) | st.text("htps:/.@?#[]0 %-_aé\n", max_size=40).map(lambda rest: f"http://{rest}"))
def test_an_accepted_url_can_be_sent_to(text: str) -> None:
    try:
        url = base_url(text)
    except ValueError:
        return
    origin = Origin(Provider("p", url, OPENAI), memoryview(b""), clock=lambda: 0.0)
    head = origin.head(Outgoing("/models", (), b""), 0)
    assert origin.host
    assert 0 < origin.port < 65536
    assert head.count(b"\r\n\r\n") == 1


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
def test_the_built_in_addresses_keep_the_rules(row: object) -> None:
    assert base_url(row.base_url) == row.base_url  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text", ["127.0.0.1", "0.0.0.0", "::", "::1", "[::1]", "localhost", " localhost ", "fe80::1%lo"]
)
def test_hosts_to_listen_on(text: str) -> None:
    assert host(text) == text.strip().strip("[]")


@pytest.mark.parametrize("text", ["", " ", "http://h", "h:80", "a b", "bad..host", "h\n.", "*", "é"])
def test_what_is_no_host(text: str) -> None:
    with pytest.raises(ValueError, match="host name or an IP address"):
        host(text)


def test_a_providers_key_is_stripped() -> None:
    assert api_key(" sk-1\r\n") == "sk-1"


@pytest.mark.parametrize(
    "text",
    ["", " \n", "a b", "a\nb", "a\x00", "ключ", "kéy", "Bearer sk-1", "${KEY}", "os.environ/KEY", "x" * 9000, "\ud800"],
)
def test_a_providers_key_that_cannot_be_sent_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        api_key(text)
    assert text.strip() == "" or text not in str(refused.value) or text in ("${KEY}", "os.environ/KEY")


@given(st.text(max_size=20))
def test_an_accepted_key_makes_one_header(text: str) -> None:
    try:
        key = api_key(text)
    except ValueError:
        return
    assert f"Bearer {key}".encode("latin-1").isascii()
    assert key.split() == [key]


def test_secrets_of_our_own() -> None:
    assert secret(" admin-key-of-the-tests\n") == "admin-key-of-the-tests"
    for text in (
        "",
        "   ",
        "x" * 15,
        " " * 20 + "x",
        "x" * 2000,
        "${ADMIN_KEY_VARIABLE}",
        "os.environ/ADMIN-KEY",
        "x" * 16 + "\n" + "y",
    ):
        with pytest.raises(ValueError, match=r"is empty|must|reference"):
            secret(text)


def test_names_of_models() -> None:
    for text in ("gpt-4o", "openai/gpt-4o", "ft:gpt-4o:acme::x", "模型", "a b", "x" * 256):
        assert model_name(text) == text
    for text in ("", " ", " a", "a\n", "a\x1bb", "x" * 257, "é" * 129, "\ud800", "a\u202eb"):
        with pytest.raises(ValueError, match="must"):
            model_name(text)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("*", "*"),
        ("https://Chat.Example", "https://chat.example"),
        ("https://chat.example:443/", "https://chat.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_an_origin_is_as_browsers_send_it(written: str, normal: str) -> None:
    assert origin(written) == normal == origin(normal)


@pytest.mark.parametrize(
    "text",
    ["", "null", "chat.example", "file://x", "https://", "https://h/app", "https://u@h", "https://h\r\nx", "h:p"],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be an origin such as https://chat\.example"):
        origin(text)
