from collections.abc import Callable

import pytest

from tests.architecture.limits import (
    long_file,
    long_functions,
    long_rust_functions,
    notes,
    vague_names,
    wide_signatures,
)
from tests.architecture.sources import GATEWAY, files

PYTHON = [*files(GATEWAY, "*.py"), *files("benches", "*.py")]
RUST = list(files("rust", "*.rs"))
STUBS = list(files(GATEWAY, "*.pyi"))

Check = Callable[[str, str], list[str]]


def ids(sources: list[tuple[str, str]]) -> list[str]:
    return [path for path, _ in sources]


@pytest.mark.parametrize("check", [long_file, long_functions, wide_signatures])
@pytest.mark.parametrize(("path", "source"), PYTHON, ids=ids(PYTHON))
def test_python_keeps_the_limits(path: str, source: str, check: Check) -> None:
    assert check(path, source) == []


@pytest.mark.parametrize(("path", "source"), RUST, ids=ids(RUST))
def test_rust_keeps_the_limits(path: str, source: str) -> None:
    is_test = "/tests/" in path or path.endswith("/tests.rs")
    assert is_test or long_file(path, source) + long_rust_functions(path, source) == []


@pytest.mark.parametrize(("path", "source"), PYTHON + RUST + STUBS, ids=ids(PYTHON + RUST + STUBS))
def test_names_and_notes(path: str, source: str) -> None:
    assert vague_names(path) + notes(path, source) == []


def function(lines: int, head: str = "def f():") -> str:
    return "\n".join([head, *["    pass"] * (lines - 1)]) + "\n"


def rust_function(lines: int, head: str = "fn f() {") -> str:
    return "\n".join([head, *["    g();"] * (lines - 2), "}"]) + "\n"


TESTS = "#[cfg(test)]\nmod tests {\n" + "    // line\n" * 200 + "}\n"


@pytest.mark.parametrize(
    ("check", "path", "source"),
    [
        (long_file, "a.py", "pass\n" * 301),
        (long_file, "a.rs", "// line\n" * 301 + TESTS),
        (long_file, "a.rs", "#[cfg(test)]\nuse std::fmt;\n" + "// line\n" * 299),
        (long_file, "a.rs", "#[cfg(test)]\nmod tests;\n" + "// line\n" * 299),
        (long_functions, "a.py", function(41)),
        (long_functions, "a.py", function(41, head="async def f():")),
        (
            long_functions,
            "a.py",
            "class A:\n" + function(41).replace("def", " def").replace("    pass", "     pass"),
        ),
        (long_rust_functions, "a.rs", rust_function(41)),
        (long_rust_functions, "a.rs", "impl A {\n" + rust_function(41, head="pub(super) fn f(&self) {") + "}\n"),
        (wide_signatures, "a.py", "def f(a, b, c, d, e, f, g, h): pass"),
        (wide_signatures, "a.py", "def f(a, /, b, c, d, *e, f, g, **h): pass"),
        (wide_signatures, "a.py", "class A:\n    async def f(self, a, b, c, d, e, *, f, g, h): pass"),
        (notes, "a.py", "# TO" + "DO: more\n"),
        (notes, "a.rs", "let a = 1; // FIX" + "ME\n"),
        (notes, "a.py", '"""XX' + 'X"""\n'),
    ],
)
def test_what_is_over_is_found(check: Check, path: str, source: str) -> None:
    assert len(check(path, source)) == 1


@pytest.mark.parametrize(
    ("check", "path", "source"),
    [
        (long_file, "a.py", "pass\n" * 300),
        (long_file, "a.rs", "// line\n" * 300 + TESTS),
        (long_functions, "a.py", "@cached\n" + function(40)),
        (long_rust_functions, "a.rs", "/// Told.\n#[inline]\n" + rust_function(40) + rust_function(40)),
        (long_rust_functions, "a.rs", "#[cfg(test)]\nmod tests {\n" + rust_function(50) + "}\n"),
        (wide_signatures, "a.py", "def f(a, /, b, c, d, *e, f, **g): pass"),
        (wide_signatures, "a.py", "class A:\n    def f(self, a, b, c, d, e, f, g): pass"),
        (wide_signatures, "a.py", "class A:\n    def f(cls, /, a, b, c, d, e, f, g): pass"),
        (notes, "a.rs", "/// `XXX-XX-XXXX`, TODOS and xxx\n"),
    ],
)
def test_what_is_at_the_limit_is_not(check: Check, path: str, source: str) -> None:
    assert check(path, source) == []


@pytest.mark.parametrize("name", ["utils", "helpers", "manager", "handler", "process", "cache_utils"])
def test_vague_names_are_found(name: str) -> None:
    assert vague_names(f"python/gateway/{name}.py") != []
    assert vague_names(f"python/gateway/{name}/exact.py") != []


def test_other_names_are_none() -> None:
    assert vague_names("python/gateway/processing/handled.py") == []
