"""Who may call without a key: every program on this machine, and no web page in a browser on it."""

from __future__ import annotations

import pytest

from gateway.api.cors import Cors
from gateway.api.guests import Guests, is_loopback
from gateway.api.request import Request
from gateway.errors import GatewayError
from gateway.policy.keys import Key, Keyring, digest
from tests.api.test_wire import Taking

CALL, PAGE = "/v1/chat/completions", "/metrics"
ADMIN, SECRET = "an-admin-key-of-the-tests", "sk-gw-abc-secret"


def keyring(*, guests: bool = True) -> Keyring:
    keys = Keyring(anonymous=True)
    live = [] if guests else [Key("abc", digest(SECRET))]
    keys.replace(live, admin=digest(ADMIN), ever=not guests)
    return keys


def refusal(
    target: str = CALL, method: str = "POST", *, guests: bool = True, cors: tuple[str, ...] = (), **headers: str
) -> str | None:
    """The error code that a request gets; None if it may pass."""
    found = {"host": "127.0.0.1:4000", **{name.replace("_", "-"): value for name, value in headers.items()}}
    request = Request("req_1", Taking(), method, target, lambda name: found.get(name, ""))
    try:
        Guests(keyring(guests=guests), Cors(cors)).check(request)
    except GatewayError as error:
        return error.code
    return None


FORM = "application/x-www-form-urlencoded"
JSON = "application/json; charset=utf-8"
OWN, FOREIGN = "http://127.0.0.1:4000", "https://evil.example"


@pytest.mark.parametrize("content_type", ["", FORM, "text/plain", JSON])
def test_a_program_may_call_whatever_it_calls_its_body(content_type: str) -> None:
    assert refusal(content_type=content_type) is None
    assert refusal(content_type=content_type, authorization="Bearer none-until-you-make-one") is None


@pytest.mark.parametrize(
    "marks",
    [
        {"origin": FOREIGN},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "http://localhost:4000"},
        {"origin": OWN, "sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"},
        {"referer": f"{FOREIGN}/page"},
        {"origin": "http://[broken"},
    ],
)
@pytest.mark.parametrize("content_type", ["text/plain", JSON])
def test_a_foreign_page_may_not(marks: dict[str, str], content_type: str) -> None:
    assert refusal(content_type=content_type, **marks) == "foreign_origin"
    assert refusal(content_type=content_type, authorization="Bearer junk", **marks) == "foreign_origin"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4000", "127.0.0.1.evil.example", "10.0.0.1", "0.0.0.0"])
def test_a_name_that_was_pointed_at_this_machine_is_not_ours(host: str) -> None:
    own = f"http://{host}"

    assert refusal(host=host, origin=own, sec_fetch_site="same-origin", content_type=JSON) == "foreign_host"
    assert refusal(host=host, authorization="Bearer junk") == "foreign_host"
    assert refusal("/v1/models", "GET", host=host) == "foreign_host"
    assert refusal("/v1/models", "GET", host=host, sec_fetch_mode="navigate") == "foreign_host"


def test_a_page_of_our_own_may_with_json() -> None:
    assert refusal(origin=OWN, sec_fetch_site="same-origin", content_type=JSON) is None
    assert refusal(origin=OWN, sec_fetch_site="same-origin", content_type=FORM) == "unsupported_media_type"
    assert refusal("/", "GET", sec_fetch_site="none", sec_fetch_mode="navigate") is None


def test_a_page_that_cors_names_may_with_json() -> None:
    headers = {"origin": "https://chat.example", "sec_fetch_site": "cross-site"}

    assert refusal(cors=("https://chat.example",), content_type=JSON, **headers) is None
    assert refusal(cors=("https://chat.example",), content_type="text/plain", **headers) == "unsupported_media_type"
    assert refusal(cors=("*",), content_type=JSON, **headers) == "foreign_origin"


def test_a_key_needs_none_of_this() -> None:
    headers = {"host": "evil.example", "origin": FOREIGN}

    assert refusal(authorization=f"Bearer {ADMIN}", **headers) is None
    assert refusal(guests=False, authorization=f"Bearer {SECRET}", **headers) is None
    assert refusal(guests=False, **headers) is None  # a 401, where the key is missed
    assert refusal(authorization="Bearer sk-gw-x-y", **headers) is None


@pytest.mark.parametrize("guests", [True, False])
@pytest.mark.parametrize("page", ["/", PAGE])
def test_pages_that_need_no_key_are_for_this_machine(page: str, guests: bool) -> None:
    assert refusal(page, "GET", guests=guests) is None
    assert refusal(f"{page}?x", "GET", guests=guests, host="evil.example") == "foreign_host"
    assert refusal(page, "GET", guests=guests, origin=FOREIGN) == "foreign_origin"
    assert refusal(page, "GET", guests=guests, sec_fetch_site="cross-site", sec_fetch_mode="navigate") is None


def test_health_is_for_everybody() -> None:
    assert refusal("/health/live", "GET", host="evil.example", origin=FOREIGN) is None
    assert refusal(CALL, "OPTIONS", host="evil.example", origin=FOREIGN) is None


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:4000", "127.0.0.1", "127.8.9.10:1", "[::1]", "[::1]:4000", "[0:0:0:0:0:0:0:1]:80"]
)
def test_loopback_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "", "localhost.evil.example", "127.0.0.1:80:80", "::1", "[::1", "::1]", "[127.0.0.1]", "127.0.0.1:x", "127.1",
        "localhost@evil.example", "2130706433", "[::2]", "0", "localhost:٤", "x" * 10_000,
    ],
)  # fmt: skip
def test_other_names(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("target", ["/metrics/", "/metrics//", "//", "/?a", "/metrics/?a"])
@pytest.mark.parametrize("guests", [False, True])
def test_slashes_at_the_end_make_no_other_page(target: str, guests: bool) -> None:
    assert refusal(target, "GET", guests=guests, host="evil.example") == "foreign_host"
