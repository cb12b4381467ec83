"""No Rust file uses another that, by whatever way round, uses it."""

import pytest

from tests.architecture.rust import circles, functions, graph
from tests.architecture.sources import files

CRATES = ("core", "python")


def crate(name: str) -> dict[str, str]:
    sources = files(f"rust/{name}/src", "*.rs")
    return {path: text for path, text in sources if "/tests/" not in path and not path.endswith("/tests.rs")}


@pytest.mark.parametrize("name", CRATES)
def test_there_is_no_circle(name: str) -> None:
    assert circles(graph(crate(name))) == []


def sources(**texts: str) -> dict[str, str]:
    return {f"rust/x/src/{name.replace('__', '/')}.rs": text for name, text in texts.items()}


def found(**texts: str) -> list[list[str]]:
    return [[path.removeprefix("rust/x/src/") for path in loop] for loop in circles(graph(sources(**texts)))]


@pytest.mark.parametrize(
    "texts",
    [
        {"lib": "mod a; mod b;", "a": "use crate::b::B;", "b": "use super::a::A;"},
        {"lib": "mod a; mod b;", "a": "use super::{b, c};", "b": "fn f() { crate::a::f(); }"},
        {"lib": "mod a; mod b;", "a": "use crate::{b::{self, B}};", "b": "use crate::a;"},
        {"lib": "mod a; mod b; pub use b::B;", "a": "use super::B;", "b": "use super::a::A;"},
    ],
)
def test_two_files_that_use_each_other_are_a_circle(texts: dict[str, str]) -> None:
    assert found(**texts) == [["a.rs", "b.rs"]]


@pytest.mark.parametrize(
    "texts",
    [
        {"a__mod": "mod b; use b::B; pub struct A;", "a__b": "use super::A;"},
        {"a__mod": "mod b; fn f() { b::f(); }", "a__b": "use crate::a::A;"},
        {"a__mod": "mod b; pub use b::B; fn f() -> B { }", "a__b": "use super::A;"},
    ],
)
def test_a_module_that_uses_what_uses_it_is_a_circle(texts: dict[str, str]) -> None:
    assert found(lib="mod a;", **texts) == [["a/b.rs", "a/mod.rs"]]


@pytest.mark.parametrize(
    "texts",
    [
        {"lib": "mod a; mod b;", "a": "use crate::b::B;", "b": "// use crate::a;\n"},
        {"lib": "mod a; mod b;", "a": "use crate::b::B;", "b": 'const A: &str = "crate::a::f";'},
        {"lib": "mod a; mod b;", "a": "use crate::b::B;", "b": "#[cfg(test)]\nmod tests {\n    use crate::a;\n}\n"},
        {"lib": "mod a;", "a__mod": "mod b; mod c; pub use b::B;", "a__b": "", "a__c": "use super::B;"},
        {"lib": "mod a; pub use a::A;", "a": "pub struct A;"},
    ],
)
def test_what_goes_one_way_is_none(texts: dict[str, str]) -> None:
    assert found(**texts) == []


def test_a_function_ends_with_its_body() -> None:
    source = """
impl A {
    /// }
    pub fn first<'a>(&'a self, brace: char) -> [u8; 2]
    where
        Self: Sized,
    {
        if brace == '{' || "}" == r#"" }"# { return [0; 2]; }
        [1; 2]
    }

    fn second(&self);
}
const fn third() {}
"""
    assert list(functions(source)) == [("first", 4, 7), ("second", 12, 1), ("third", 14, 1)]
