"""References to the environment, and what wins over the file."""

from __future__ import annotations

import pytest

from gateway.config.environment import Unresolved, expand, overrides, place, remove, resolved
from gateway.config.problem import Problem


@pytest.mark.parametrize(
    ("written", "environ", "read"),
    [
        ("${KEY}", {"KEY": "v"}, "v"),
        ("a-${KEY}-b", {"KEY": "v"}, "a-v-b"),
        ("${KEY:-fallback}", {}, "fallback"),
        ("${KEY:-fallback}", {"KEY": "v"}, "v"),
        ("${KEY:-}x", {}, "x"),
        ("${KEY:-a$b}", {}, "a$b"),
        ("os.environ/KEY", {"KEY": "v"}, "v"),
        ("os.environ/A-B", {"A-B": "v"}, "v"),
        ("${A}${B}", {"A": "1", "B": "${A}"}, "1${A}"),
        ("$KEY", {"KEY": "v"}, "$KEY"),
        ("$", {}, "$"),
    ],
)
def test_strings_may_refer_to_the_environment(written: str, environ: dict[str, str], read: str) -> None:
    assert expand(written, environ) == read


@pytest.mark.parametrize(
    "written",
    ["${ABSENT}", "os.environ/ABSENT", "os.environ/A-B", "${A-B}", "${}", "${", "x${A B}", "${A:-${B}}", "${1}"],
)
def test_what_leads_nowhere_never_stays_as_it_is(written: str) -> None:
    with pytest.raises(Unresolved):
        expand(written, {"A": "1"})


def test_nested_values_are_resolved_and_their_faults_placed() -> None:
    found: list[Problem] = []

    value = resolved({"a": ["${X}", {"b": "${Y}"}], "c": 1, "d": None}, {"X": "x"}, (), found)

    assert value == {"a": ["x", {"b": ""}], "c": 1, "d": None}
    assert [str(problem) for problem in found] == ["a.1.b: the environment variable Y is not set"]


def test_the_strongest_comes_last_and_empty_variables_are_none() -> None:
    environ = {"GATEWAY_PORT": "1", "GATEWAY_HOST": "", "GATEWAY_CONFIG": "x"}

    found = list(overrides(environ, {"--port": 0, "--host": None}))

    assert found == [("GATEWAY_PORT", ("server", "port"), "1"), ("--port", ("server", "port"), 0)]


def test_a_value_is_placed_with_its_sections() -> None:
    raw: dict[str, object] = {"log": None, "cache": 5}

    place(raw, ("server", "port"), 1)
    place(raw, ("log", "level"), "info")
    place(raw, ("cache", "exact"), 1)
    place(raw, ("secret",), "s")

    assert raw == {"server": {"port": 1}, "log": {"level": "info"}, "cache": 5, "secret": "s"}


def test_what_is_removed_is_the_value_or_what_is_around_it() -> None:
    raw = {"a": {"b": [1, 2], "c": 3}, "d": 4}

    remove(raw, ("a", "b", 0))
    remove(raw, ("d", "nowhere"))
    assert raw == {"a": {"b": [2], "c": 3}}
    remove(raw, ("nowhere",))
    assert raw == {}
