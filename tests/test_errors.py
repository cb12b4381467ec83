"""The tree of errors: the docstring's table and the classes say the same, both ways."""

from __future__ import annotations

import importlib
import pkgutil
import re

import orjson
import pytest

import gateway
from gateway import errors
from gateway.errors import GatewayError, RateLimited, UpstreamRefused

ROW = re.compile(
    r"^(?P<indent>[│├└─ ]*)(?P<name>[A-Z]\w+) +(?P<status>\d{3}|\(its\)) +(?P<code>\w+|\(none\))", re.MULTILINE
)


def table() -> dict[str, tuple[str, str, int]]:
    return {m["name"]: (m["status"], m["code"], len(m["indent"]) // 4) for m in ROW.finditer(errors.__doc__ or "")}


def subclasses(kind: type[GatewayError]) -> list[type[GatewayError]]:
    return [found for child in kind.__subclasses__() for found in (child, *subclasses(child))]


def every_error() -> list[type[GatewayError]]:
    for module in pkgutil.walk_packages(gateway.__path__, "gateway."):
        if module.name != "gateway.__main__":
            importlib.import_module(module.name)
    return [GatewayError, *subclasses(GatewayError)]


def test_the_docstring_lists_every_error_and_nothing_else() -> None:
    assert sorted(table()) == sorted(kind.__name__ for kind in every_error())


@pytest.mark.parametrize("name", table())
def test_an_error_is_what_the_docstring_says(name: str) -> None:
    status, code, depth = table()[name]
    kind = next(kind for kind in every_error() if kind.__name__ == name)

    assert status in ("(its)", str(kind.status))
    assert code == (kind.code or "(none)")
    assert depth == kind.__mro__.index(GatewayError)
    assert kind.type


def test_an_error_is_openais_object() -> None:
    error = RateLimited("Too fast.", param="model")

    assert orjson.loads(error.body()) == {
        "error": {"message": "Too fast.", "type": "requests", "param": "model", "code": "rate_limit_exceeded"}
    }


def test_a_code_of_its_own_does_not_change_the_class() -> None:
    RateLimited(code="another")

    assert RateLimited().code == "rate_limit_exceeded"


def test_what_a_provider_says_of_its_error_is_kept_as_text() -> None:
    refused = UpstreamRefused(429, "Slow down.", fields={"code": 429, "param": None, "type": None}, headers={})

    assert refused.fields() == {"message": "Slow down.", "type": "upstream_error", "param": None, "code": "429"}
