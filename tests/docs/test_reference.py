"""The reference names everything that the outside sees, and the example file every setting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from gateway import errors
from gateway.api.formats import FORMATS
from gateway.config.load import load
from gateway.config.schema import Config
from gateway.control.analytics import GROUPS
from gateway.control.metrics import Metrics
from gateway.ledger.row import COLUMNS

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs/reference.md").read_text()
EXAMPLE = (ROOT / "gateway.example.yaml").read_text()
CODE = "\n".join(path.read_text() for path in (ROOT / "python/gateway").rglob("*.py"))


def settings(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        found = re.findall(r"\w+Config", str(field.annotation))
        for section in found:
            yield from settings(getattr(__import__("gateway.config.schema", fromlist=[section]), section))


def every_error() -> Iterator[type[errors.GatewayError]]:
    waiting: list[Any] = [errors.GatewayError]
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        yield error


def test_the_example_as_it_is_changes_nothing() -> None:
    assert load(ROOT / "gateway.example.yaml", {}) == Config()


def test_what_the_example_has_in_comments_is_a_valid_configuration(tmp_path: Path) -> None:
    """Comments have a space behind the `#`, settings none, or as many as they are indented by."""
    whole = tmp_path / "whole.yaml"
    whole.write_text(re.sub(r"^#(?! \S)", "", EXAMPLE, flags=re.MULTILINE))
    environ = {"GATEWAY_ADMIN_KEY": "x" * 16, "GATEWAY_SECRET": "y" * 16, "GATEWAY_DATA_DIR": str(tmp_path)}

    config = load(whole, environ)

    assert config.models == {"cheap": "local/qwen3-8b"}
    assert config.server == Config().server
    assert (config.limits.requests_per_minute, list(config.prices)) == (600, ["local/qwen3-8b"])


@pytest.mark.parametrize("name", sorted(set(settings(Config))))
def test_every_setting_is_in_the_example(name: str) -> None:
    assert re.search(rf"^[\s#]*{name}:", EXAMPLE, re.MULTILINE)


def test_a_made_up_setting_would_be_missed() -> None:
    assert "header_timeout" in set(settings(Config))
    assert not re.search(r"^[\s#]*made_up:", EXAMPLE, re.MULTILINE)


def test_what_the_example_calls_defaults_are_defaults() -> None:
    written = yaml.safe_load(EXAMPLE)

    for section in ("server", "auth", "cache"):
        assert Config.model_validate({section: written[section]}) == Config()


@pytest.mark.parametrize("error", list(every_error()), ids=lambda error: error.__name__)
def test_every_error_code_is_documented(error: type[errors.GatewayError]) -> None:
    assert errors.RequestTimeout in list(every_error())
    code = error.code or "null"
    assert re.search(rf"\| {error.status} \|.*`{code}`", REFERENCE)


@pytest.mark.parametrize("code", sorted(set(re.findall(r'code="(\w+)"', CODE) + re.findall(r'"code": "(\w+)"', CODE))))
def test_every_special_code_is_documented(code: str) -> None:
    assert f"`{code}`" in REFERENCE


@pytest.mark.parametrize("header", sorted(set(re.findall(r"\b(x-(?:gateway|ratelimit|request)-[a-z-]+)", CODE))))
def test_every_response_header_is_documented(header: str) -> None:
    assert f"`{header}`" in REFERENCE


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_is_documented(column: str) -> None:
    assert f"`{column}`" in REFERENCE


def test_every_column_has_one_line() -> None:
    ledger = REFERENCE.partition("## The ledger")[2].partition("## Metrics")[0]
    named = [
        name for line in re.findall(r"^\| (`.*?`) \|", ledger, re.MULTILINE) for name in re.findall(r"`(\w+)`", line)
    ]

    assert sorted(named) == sorted(COLUMNS)


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_is_documented(group: str) -> None:
    assert f"`{group}`" in REFERENCE


def test_every_metric_is_documented() -> None:
    names = {family.name for family in Metrics().collect()} | set(re.findall(r'"(gateway_\w+)"', CODE))

    assert {name for name in names if not re.search(rf"`{name}(_total)?`", REFERENCE)} == set()


def test_every_path_is_documented() -> None:
    paths = set(re.findall(r'"(/[\w/.-]+)": \{', (ROOT / "python/gateway/app.py").read_text()))

    assert "/v1/models" in paths
    calls = {path for format in FORMATS for path in format.paths if path.startswith("/v1/")}
    assert {path for path in paths | calls if path not in REFERENCE} == set()
