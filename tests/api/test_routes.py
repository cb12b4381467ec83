"""What is served where."""

from __future__ import annotations

import pytest

from gateway.api.request import Request
from gateway.api.routes import SHOWN, Routes, allowed
from gateway.errors import MethodNotAllowed, NotFound
from tests.api.notes import at_once, refusing
from tests.api.test_wire import Taking

ROUTES = Routes(
    {
        "/": {"GET": at_once},
        "/v1/models": {"GET": at_once},
        "/v1/models/": {"GET": refusing},
        "/v1/chat/completions": {"POST": at_once},
        "/both": {"GET": at_once, "PUT": refusing},
    }
)


def asked(method: str, target: str) -> Request:
    return Request("req_1", Taking(), method, target, lambda name: "")


@pytest.mark.parametrize(
    ("method", "target", "endpoint"),
    [
        ("GET", "/v1/models", at_once),
        ("GET", "/v1/models?limit=1", at_once),
        ("GET", "/v1/models/a%2Fb", refusing),
        ("POST", "/v1/chat/completions", at_once),
        ("POST", "/v1/chat/completions/", at_once),
        ("HEAD", "/v1/models", at_once),
        ("PUT", "/both", refusing),
        ("GET", "/?a", at_once),
    ],
)
def test_a_request_finds_its_endpoint(method: str, target: str, endpoint: object) -> None:
    assert ROUTES.find(asked(method, target)) is endpoint


@pytest.mark.parametrize(
    "target", ["//", "/v1", "/v1/chat", "/V1/models", "/v1/models%2F", "/v1//models", "/%00", "*", "", "/both/x"]
)
def test_what_is_not_served_is_said_with_what_is(target: str) -> None:
    with pytest.raises(NotFound) as refusal:
        ROUTES.find(asked("POST", target))

    message = (
        f"POST {target} is not supported. Supported are GET /v1/models, GET /v1/models/, POST /v1/chat/completions."
    )
    assert refusal.value.message == message


def test_an_error_repeats_little_of_a_path() -> None:
    with pytest.raises(NotFound) as refusal:
        ROUTES.find(asked("GET", "/" + "a" * 8_000))

    assert len(refusal.value.message) < SHOWN + 200


@pytest.mark.parametrize(("method", "target"), [("GET", "/v1/chat/completions"), ("HEAD", "/v1/chat/completions")])
def test_a_method_that_is_not_served_is_told_which_are(method: str, target: str) -> None:
    with pytest.raises(MethodNotAllowed) as refusal:
        ROUTES.find(asked(method, target))

    assert refusal.value.message == f"{method} {target} is not supported. Use POST."
    assert refusal.value.headers == {"allow": "POST, OPTIONS"}


def test_the_methods_of_a_path() -> None:
    both = ROUTES.methods("/both")

    assert both is not None
    assert allowed(both) == "GET, PUT, HEAD, OPTIONS"
    assert ROUTES.methods("/none") is None
