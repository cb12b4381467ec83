"""Where clients put their keys."""

from __future__ import annotations

import pytest

from gateway.api.credentials import credential


def sent(**headers: str) -> str:
    found = {name.replace("_", "-"): value for name, value in headers.items()}
    return credential(lambda name: found.get(name, ""))


@pytest.mark.parametrize("value", ["Bearer key", "bearer key", "BEARER   key ", "key", " key"])
def test_authorization(value: str) -> None:
    assert sent(authorization=value) == "key"


@pytest.mark.parametrize("name", ["x_api_key", "api_key", "x_goog_api_key"])
def test_other_headers(name: str) -> None:
    assert sent(**{name: " key "}) == "key"


def test_authorization_comes_first() -> None:
    assert sent(authorization="Bearer one", x_api_key="two", api_key="three") == "one"
    assert sent(x_api_key="two", api_key="three") == "two"


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "bearer   "])
def test_none(value: str) -> None:
    assert sent(authorization=value) in ("", "Bearer")


def test_another_scheme_is_taken_as_it_is() -> None:
    assert sent(authorization="Basic dXNlcg==") == "Basic dXNlcg=="
