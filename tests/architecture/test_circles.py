"""No file knows one that knows it: imports under TYPE_CHECKING and in functions count."""

from __future__ import annotations

import pytest

from tests.architecture.circles import circles
from tests.architecture.layers import gateway_imports, module_of
from tests.architecture.sources import GATEWAY, files

SOURCES = list(files(GATEWAY, "*.py"))
MODULES = {module_of(path) for path, _ in SOURCES} | {"gateway.native"}


def test_no_file_knows_one_that_knows_it() -> None:
    imports = {
        (own := module_of(path)): {target for _, target in gateway_imports(own, path, source, MODULES)} - {"gateway"}
        for path, source in SOURCES
    }

    assert circles(imports) == []


@pytest.mark.parametrize(
    ("imports", "found"),
    [
        ({}, []),
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b", "c"}, "b": {"c"}, "c": {"elsewhere"}}, []),
        ({"a": {"a"}}, [["a"]]),
        ({"a": {"b"}, "b": {"a"}}, [["a", "b"]]),
        ({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}, [["a", "b", "c"]]),
        ({"a": {"b"}, "b": {"a", "c"}, "c": {"d"}, "d": {"c"}}, [["a", "b"], ["c", "d"]]),
    ],
)
def test_a_circle_is_found(imports: dict[str, set[str]], found: list[list[str]]) -> None:
    assert circles(imports) == found
