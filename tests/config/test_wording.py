"""Every mistake in words that need no knowledge of the schema's or the parser's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import wording
from gateway.config.load import load
from gateway.config.problem import ConfigError

JARGON = (
    "Input",
    "should be",
    "parse",
    "instance",
    "dictionary",
    "<class",
    "token",
    "<block",
    "scalar",
    "alias",
    "YAML tag",
)


def said(folder: Path, text: str) -> list[str]:
    file = folder / "my.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        load(file, {"XDG_DATA_HOME": str(folder)})
    return error.value.problems


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("server: {port: abc}", "server.port: must be a whole number"),
        ("server: {port: 1.5}", "server.port: must be a whole number"),
        ("server: {port: 99999}", "server.port: must be at most 65535"),
        ("server: {drain: .inf}", "server.drain: must be at most 31536000"),
        ("server: {cors: 5}", "server.cors: must be a list, such as [a, b]"),
        ("server: {host: [a]}", "server.host: must be text; a number needs quotes"),
        ("server: 5", "server: must be a section with settings of its own"),
        ("cache: {exact: {enabled: perhaps}}", "cache.exact.enabled: must be true or false"),
        ("data_dir: 7", "data_dir: must be the path of a directory"),
        ("auth: {anonymous: maybe}", "auth.anonymous: must be 'auto' or 'never'"),
        ("log: {level: loud}", "log.level: must be 'debug', 'info', 'warning' or 'error'"),
        ("providers: {x: [1]}", "providers.x: must be a section with settings of its own"),
        (
            "providers: {x: {base_url: 'http://h', timeouts: {idle: -1}}}",
            "providers.x.timeouts.idle: must be at least 0.001",
        ),
        ("prices: {a: {input: x, output: 1}}", "prices.a.input: must be a number"),
        ("prices: {a: {input: 1}}", "prices.a.output: missing"),
        ("limits: {requests_per_minute: 0}", "limits.requests_per_minute: must be at least 1"),
        ("models: {cheap: nope/x}", "models.cheap: no provider 'nope'"),
        ("models: {cheap: opnai/x}", "models.cheap: no provider 'opnai'; did you mean 'openai'?"),
    ],
)
def test_what_a_setting_must_be(tmp_path: Path, text: str, problem: str) -> None:
    assert said(tmp_path, text) == [problem]


@pytest.mark.parametrize("name", ["-x", "a b", "x" * 65])
def test_what_a_provider_may_be_called(tmp_path: Path, name: str) -> None:
    (problem,) = said(tmp_path, f"providers: {{'{name}': {{base_url: 'http://h/v1'}}}}")

    assert problem.endswith("must be 1 to 64 letters, digits, '.', '_' or '-', and begin with a letter or digit")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("server:\n\tport: 1", "in line 2: indent with spaces, not tabs"),
        ("secret: @b", "in line 1: a value that begins with '@', '`' or '%' must be in quotes"),
        ("a: b: c", "in line 1: a ':' too many, or wrong indentation; put values with ': ' in quotes"),
        ("secret: *hunter2", "in line 1: a value that begins with '*' must be in quotes"),
        ("a: 'x", "in line 1: a quote or bracket is not closed"),
        ("a: [1\nb: 2", "in line 2: a bracket is not closed, or a comma is missing"),
        ("server: {port: 1}}", "in line 1: wrong indentation, or a bracket too many"),
        ("a: 1\n b: 2", "in line 2: a ':' too many, or wrong indentation; put values with ': ' in quotes"),
        ('a: "\\q"', "in line 1: in double quotes, a backslash must be written twice; use single quotes"),
        ("--- a\n--- b", "in line 2: only one document is read; leave out the second '---'"),
        ("secret: !hunter2 x", "a value that begins with '!' must be in quotes in line 1"),
    ],
)
def test_what_to_do_about_a_text_that_cannot_be_parsed(tmp_path: Path, text: str, problem: str) -> None:
    (found,) = said(tmp_path, text)

    assert found.endswith(problem)
    assert "hunter2" not in found


@pytest.mark.parametrize(
    "text", ["a: 1\nb", "- a\nb: 1", "{a", "? - a\n  -b", "a: |x\n b", "%FOO\n", "a: >9x\n", "'a': 'b' c"]
)
def test_nothing_is_said_in_the_parser_s_words(tmp_path: Path, text: str) -> None:
    assert not [word for word in JARGON if any(word in problem for problem in said(tmp_path, text))]


def test_what_is_not_known_is_passed_on_or_left_vague() -> None:
    assert wording.of_setting("value_error", "Value error, must be visible", {}) == "must be visible"
    assert wording.of_text(None) == wording.of_text("something new") == "check indentation, quotes and brackets"
