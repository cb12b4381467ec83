"""What can be known at start is said at start, on what is resolved: file, environment, flags and the machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.config.checks import notices, problems
from gateway.config.load import load
from gateway.config.problem import ConfigError
from gateway.config.schema import Config

KEYED = {"OPENAI_API_KEY": "k"}


def told(raw: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> list[str]:
    return [str(problem) for problem in problems(Config.model_validate(raw), environ or {})]


def in_circles(found: list[str]) -> bool:
    return any("this is the gateway itself" in problem for problem in found)


OWN = [
    "127.0.0.1",
    "localhost",
    "[::1]",
    "127.1",
    "0x7f000001",
    "2130706433",
    "127.9.9.9",
    "0.0.0.0",
    "[::ffff:127.0.0.1]",
]


@pytest.mark.parametrize("host", OWN)
def test_the_gateways_own_url_is_refused_in_any_spelling(host: str) -> None:
    (problem,) = told({"providers": {"me": {"base_url": f"http://{host}:4000/v1"}}})

    assert problem == "providers.me.base_url: this is the gateway itself; every call would go round in a circle"


def test_the_gateways_own_url_is_refused_wherever_it_comes_from() -> None:
    environ = {"OLLAMA_BASE_URL": "http://localhost:4000/v1"}

    (problem,) = told({}, environ)
    assert problem.startswith("OLLAMA_BASE_URL: this is the gateway itself")
    assert not told({"server": {"port": 4001}}, environ)
    assert not told({"server": {"port": 0}}, environ)
    (problem,) = told({"providers": {"openai": {}}}, {**KEYED, "OPENAI_BASE_URL": "http://localhost:4000/v1"})
    assert problem.startswith("OPENAI_BASE_URL: this is the gateway itself")


def test_it_is_judged_by_the_port_that_won(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text("server: {port: 4000}\nproviders: {me: {base_url: 'http://127.0.0.1:5000'}}\n")

    assert load(file, {}).server.port == 4000
    for environ, flags in (({"GATEWAY_PORT": "5000"}, {}), ({}, {"--port": 5000})):
        with pytest.raises(ConfigError, match="this is the gateway itself"):
            load(file, environ, flags)
    with pytest.raises(ConfigError, match="this is the gateway itself"):
        load(None, {"OLLAMA_BASE_URL": "http://localhost:80", "GATEWAY_PORT": "80"})
    with pytest.raises(ConfigError, match="this is the gateway itself"):
        load(None, {"OLLAMA_BASE_URL": "https://localhost"}, {"--port": 443})


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])
def test_all_local_addresses_are_its_own_where_it_listens_on_all(
    everywhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = []

    class Probe(socket.socket):
        def bind(self, address: Any) -> None:
            bound.append(address[0])
            if address[0] != "10.1.2.3":
                raise OSError("cannot assign requested address")

    monkeypatch.setattr("gateway.config.checks.socket.socket", Probe)
    ours = {"providers": {"me": {"base_url": "http://10.1.2.3:4000"}}}
    theirs = {"providers": {"me": {"base_url": "http://10.9.9.9:4000"}}}

    assert in_circles(told({"server": {"host": everywhere}, **ours}))
    assert not in_circles(told({"server": {"host": everywhere}, **theirs}))
    assert not in_circles(told(ours))
    assert in_circles(told({"server": {"host": "10.1.2.3"}, **ours}))
    assert bound == ["10.1.2.3", "10.9.9.9"]


def test_neighbours_are_providers() -> None:
    assert not told({"providers": {"vllm": {"base_url": "http://127.0.0.1:8000/v1"}}})
    assert not told({"providers": {"other": {"base_url": "http://no-such-host.invalid:4000/v1"}}})


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        ({**KEYED, "OPENAI_BASE_URL": "api.openai.com/v1"}, "OPENAI_BASE_URL"),
        ({**KEYED, "OPENAI_BASE_URL": "http://h/v1/chat/completions"}, "OPENAI_BASE_URL"),
        ({**KEYED, "OPENAI_BASE_URL": "http://user:pw@h/v1"}, "OPENAI_BASE_URL"),
        ({"OLLAMA_BASE_URL": "http://bad..host"}, "OLLAMA_BASE_URL"),
        ({"OPENAI_API_KEY": "ключ"}, "OPENAI_API_KEY"),
        ({"OPENAI_API_KEY": "a\nb"}, "OPENAI_API_KEY"),
        ({"OPENAI_API_KEY": "${KEY}"}, "OPENAI_API_KEY"),
    ],
)
def test_variables_follow_the_rules_of_the_file(environ: dict[str, str], variable: str) -> None:
    (problem,) = told({}, environ)

    assert problem.startswith(f"{variable}: ")


def test_a_variable_that_the_file_overrules_does_not_matter() -> None:
    assert not told({"providers": {"openai": {"api_key": "k", "base_url": "http://h"}}}, {"OPENAI_API_KEY": "a b"})


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"mine": {"api_key": "x"}}, "providers.mine.base_url: missing; only openai, deepseek, xai"),
        ({"openai": {}}, "providers.openai.api_key: missing; set it here, or OPENAI_API_KEY in the environment"),
        ({"demo": {"base_url": "http://h"}}, "providers.demo: this is the name of the built-in demo"),
    ],
)
def test_a_provider_must_be_whole(section: dict[str, Any], said: str) -> None:
    (problem,) = told({"providers": section})

    assert problem.startswith(said)


@pytest.mark.parametrize(
    "section", [{"openai": {"base_url": "http://h"}}, {"ollama": {}}, {"openai": {"api_key": "k"}}]
)
def test_what_needs_no_key_needs_none(section: dict[str, Any]) -> None:
    assert not told({"providers": section})


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("gpt-4o", "must be 'provider/model', not 'gpt-4o'"),
        ("openai/", "must be 'provider/model'"),
        ("openai/ x", "must be 'provider/model'"),
        ("opnai/gpt-4o", "no provider 'opnai'; did you mean 'openai'?"),
        ("zzzzz/gpt-4o", "no provider 'zzzzz'"),
        ("groq/llama", "groq is not set up; set GROQ_API_KEY"),
        ("ollama/llama", "ollama is not set up; set OLLAMA_BASE_URL"),
    ],
)
def test_an_alias_must_lead_somewhere(target: str, said: str) -> None:
    (problem,) = told({"models": {"fast": target}}, KEYED)

    assert problem.startswith("models.fast: ")
    assert said in problem


def test_aliases_that_do() -> None:
    assert not told({"models": {"a": "openai/gpt-4o", "b": "demo/demo"}}, KEYED)


def test_the_data_directory_must_be_usable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    assert not told({"data_dir": tmp_path / "new" / "deeper"})
    assert "is not a directory" in told({"data_dir": tmp_path / "file" / "data"})[0]
    assert "is not a directory" in told({"data_dir": tmp_path / "file"})[0]
    assert told({"data_dir": "~no-such-user-here/data"})[0].startswith("data_dir: cannot be found")


def test_a_data_directory_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)

    (problem,) = told({"data_dir": tmp_path})

    assert problem.startswith(f"data_dir: cannot be written: {tmp_path}")


def test_the_demo_alone_is_said() -> None:
    (notice,) = notices(Config(), {})

    assert "the built-in demo answers" in notice
    assert notices(Config(), KEYED) == []


@pytest.mark.parametrize("variable", ["ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "COHERE_API_KEY"])
def test_a_key_of_a_provider_that_is_not_supported_is_said(variable: str) -> None:
    first, *rest = notices(Config(), {variable: "k"})

    assert first.startswith(f"{variable} is set, but ")
    assert "base_url: https://" in first
    assert len(rest) == 1


def test_following_that_advice_ends_it() -> None:
    config = Config.model_validate(
        {"providers": {"anthropic": {"base_url": "https://api.anthropic.com/v1", "api_key": "k"}}}
    )

    assert notices(config, {"ANTHROPIC_API_KEY": "k"}) == []


def test_an_address_without_its_key_is_said() -> None:
    assert notices(Config(), {"OPENAI_BASE_URL": "http://h"})[0].startswith(
        "OPENAI_BASE_URL is set, but not OPENAI_API_KEY, so openai is not used"
    )


@pytest.mark.parametrize("host", ["169.254.169.254", "2852039166", "[fe80::1]", "[::ffff:169.254.169.254]"])
def test_a_link_local_address_is_refused_unless_it_is_allowed(host: str) -> None:
    section = {"base_url": f"http://{host}/v1"}

    (problem,) = told({"providers": {"meta": section}})
    assert problem.startswith("providers.meta.base_url: a link-local address")
    assert problem.endswith("set providers.meta.link_local: true")
    assert told({"providers": {"meta": {**section, "link_local": True}}}) == []


def test_a_link_local_address_is_refused_wherever_it_comes_from() -> None:
    (problem,) = told({}, {**KEYED, "OPENAI_BASE_URL": "http://169.254.169.254/v1"})

    assert problem.startswith("OPENAI_BASE_URL: a link-local address")
