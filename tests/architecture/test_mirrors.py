"""Every module of python/gateway has its mirror in tests/: cache/flights.py has tests/cache/test_flights.py."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from tests.architecture.sources import GATEWAY, ROOT, files

# A package's docstring and the line that starts the command line have nothing to test.
WITHOUT = {"__init__.py", "__main__.py"}
MODULES = [path for path, _ in files(GATEWAY, "*.py") if PurePosixPath(path).name not in WITHOUT]


def mirror(path: str) -> str:
    """python/gateway/cache/flights.py → tests/cache/test_flights.py"""
    inner = PurePosixPath(path).relative_to(GATEWAY)
    return str(PurePosixPath("tests", *inner.parts[:-1], f"test_{inner.name}"))


@pytest.mark.parametrize("path", MODULES)
def test_every_module_has_its_mirror(path: str) -> None:
    found = ROOT / mirror(path)

    assert found.is_file()
    assert "def test_" in found.read_text()


def test_there_are_modules_to_look_for() -> None:
    assert len(MODULES) > 50


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("python/gateway/cli.py", "tests/test_cli.py"),
        ("python/gateway/cache/exact.py", "tests/cache/test_exact.py"),
        ("python/gateway/control/store/sqlite.py", "tests/control/store/test_sqlite.py"),
    ],
)
def test_where_a_mirror_hangs(path: str, expected: str) -> None:
    assert mirror(path) == expected
