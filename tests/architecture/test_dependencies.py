"""What is installed is used, and what is used is installed."""

from __future__ import annotations

import ast
import re
import sys
import tomllib

from tests.architecture.layers import named
from tests.architecture.sources import GATEWAY, ROOT, files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
IMPORTED_AS = {"pyyaml": "yaml"}


def module(requirement: str) -> str:
    """The module that a requirement such as `genai-prices>=1` is imported as."""
    name = re.split(r"[\[<>=~! ]", requirement)[0].lower()
    return IMPORTED_AS.get(name, name.replace("-", "_"))


def imported() -> set[str]:
    """The top-level names that the gateway imports, its own and the standard library's left out."""
    found = {
        name.partition(".")[0]
        for _, source in files(GATEWAY, "*.py")
        for _, name in named(ast.parse(source), "gateway")
    }
    return found - set(sys.stdlib_module_names) - {"gateway"}


def test_every_dependency_is_imported() -> None:
    assert {module(requirement) for requirement in PROJECT["dependencies"]} - imported() == set()


def test_every_import_is_a_dependency() -> None:
    assert imported() - {module(requirement) for requirement in PROJECT["dependencies"]} == set()


def test_what_serves_nothing_yet_is_an_extra() -> None:
    extras = PROJECT["optional-dependencies"]

    assert {"numpy", "redis", "xxhash"} <= {module(line) for name in ("vectors", "redis") for line in extras[name]}
    assert "numpy" in {module(line) for line in extras["dev"]}, "the stub and the tests need it"
