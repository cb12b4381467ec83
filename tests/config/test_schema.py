"""Whatever an operator writes is a configuration that can be started with, or a list of problems: never a traceback."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.cache.exact import Exact
from gateway.config.checks import notices
from gateway.config.datadir import data_dir
from gateway.config.load import load
from gateway.config.problem import ConfigError
from gateway.config.providers import aliases, providers
from gateway.config.schema import Config
from gateway.ledger.prices import own_rate
from gateway.native import Canon, Limits, Unit

NAMES = [
    "server",
    "host",
    "port",
    "max_body",
    "ttl",
    "drain",
    "data_dir",
    "admin_key",
    "secret",
    "auth",
    "anonymous",
    "providers",
    "openai",
    "ollama",
    "mine",
    "base_url",
    "api_key",
    "dialect",
    "models",
    "prices",
    "timeouts",
    "connect",
    "idle",
    "input",
    "output",
    "cache",
    "exact",
    "enabled",
    "capacity",
    "largest",
    "sampled",
    "limits",
    "requests_per_minute",
    "concurrency",
    "log",
    "level",
    "demo",
]
STRINGS = [
    "", " ", "${X}", "${X:-}", "os.environ/A-B", "http://127.0.0.1:4000", "HTTP://h/v1", "http://h:99999", "bad..host",
    "openai/gpt-4o", "demo/demo", "auto", "info", "~", "~nobody", "\x00", "\ud800", "\u202e", "x" * 300, "0123456789abcdef",
]  # fmt: skip
NUMBERS = [0, 1, -1, 4000, 99999, 1 << 53, 1 << 63, 1 << 64, 10**400, 0.5, 1e308, math.inf, math.nan, 5e-324]
scalars = st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.sampled_from(STRINGS) | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)


def compiled(config: Config, environ: dict[str, str]) -> None:
    """What a start makes of the settings."""
    exact = config.cache.exact
    Exact(
        capacity=exact.capacity,
        ttl=exact.ttl,
        largest=exact.largest,
        clock=lambda: 1_700_000 * 10**12,
    )
    table = Limits()
    table.gate([(table.bucket("b", amount=config.limits.requests_per_minute or 1, per_ns=60 * 10**9), Unit.REQUESTS)])
    table.gate([(table.gauge("g", limit=config.limits.concurrency or 1), Unit.PLACES)])
    if config.secret is not None:
        Canon(config.secret.get_secret_value().encode())
    for price in config.prices.values():
        own_rate(price.model_dump(exclude_none=True))
    aliases(config, providers(config, environ))
    data_dir(config, environ)
    notices(config, environ)


def valid_or_told(path: Path, environ: dict[str, str], flags: dict[str, Any]) -> Config | None:
    config, problems = None, []
    try:
        config = load(path, environ, flags)
    except ConfigError as error:
        problems = error.problems
    assert (config is None) == bool(problems)
    assert all(problem.isprintable() for problem in problems)
    if config is not None:
        compiled(config, environ)
    return config


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(raw=st.dictionaries(st.sampled_from(NAMES), values, max_size=5))
def test_settings_of_random_types(tmp_path: Path, raw: dict[str, Any]) -> None:
    file = tmp_path / "random.yaml"
    file.write_bytes(yaml.safe_dump(raw, allow_unicode=False).encode("utf-8", "surrogatepass"))

    valid_or_told(file, {"X": "x"}, {})


@st.composite
def nearly_right(draw: st.DrawFn) -> dict[str, Any]:
    """A complete configuration with one value in it replaced."""
    raw: dict[str, Any] = {
        "server": {"host": "127.0.0.1", "port": 4000, "max_body": 1 << 20, "drain": 1},
        "admin_key": "an admin key of 20+",
        "secret": "a secret of 16 or more",
        "providers": {"mine": {"base_url": "http://h/v1", "api_key": "k", "models": ["m"], "timeouts": {"idle": 5}}},
        "models": {"fast": "mine/m"},
        "prices": {"mine/m": {"input": 1, "output": 2}},
        "cache": {"exact": {"enabled": True, "capacity": 1 << 20, "largest": 1 << 10, "ttl": 5}},
        "limits": {"requests_per_minute": 5, "concurrency": 5},
        "log": {"level": "info"},
    }
    section: Any = raw
    while True:
        key = draw(st.sampled_from(sorted(section) if isinstance(section, dict) else range(len(section))))
        if not isinstance(section[key], dict | list) or draw(st.integers(0, 3)) == 0:
            section[key] = draw(values)
            return raw
        section = section[key]


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(raw=nearly_right())
def test_one_value_replaced(tmp_path: Path, raw: dict[str, Any]) -> None:
    file = tmp_path / "random.yaml"
    file.write_bytes(yaml.safe_dump(raw, allow_unicode=False).encode("utf-8", "surrogatepass"))

    valid_or_told(file, {}, {})


VARIABLES = ["GATEWAY_HOST", "GATEWAY_PORT", "GATEWAY_DATA_DIR", "GATEWAY_ADMIN_KEY", "GATEWAY_SECRET", "GATEWAY_LOG_LEVEL",
             "OPENAI_API_KEY", "OPENAI_BASE_URL", "OLLAMA_BASE_URL", "ANTHROPIC_API_KEY", "XDG_DATA_HOME", "X"]  # fmt: skip


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    environ=st.dictionaries(st.sampled_from(VARIABLES), st.sampled_from(STRINGS) | st.text(max_size=30), max_size=5),
    port=st.none() | st.integers(-2, 1 << 17),
    host=st.none() | st.sampled_from(STRINGS) | st.text(max_size=10),
)
def test_any_environment_and_flags(tmp_path: Path, environ: dict[str, str], port: int | None, host: str | None) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text("admin_key: ${X:-}\n" if port else "")

    config = valid_or_told(file, environ, {"--port": port, "--host": host})

    assert config is None or port is None or config.server.port == port


@pytest.mark.parametrize(
    "text",
    [
        "admin_key: ''",
        "admin_key: ${X:-}",
        "admin_key: os.environ/EMPTY",
        "admin_key: os.environ/A-B",
        "admin_key: '   '",
        "admin_key: short",
        "secret: ''",
        "secret: ${X:-}",
        "secret: short",
        "providers: {openai: {api_key: ''}}",
        "providers: {openai: {api_key: '${X:-}'}}",
        "server: {port: 99999}",
        "server: {port: -1}",
        "server: {port: yes}",
        "server: {host: ''}",
        "server: {max_body: 1}",
        "server: {max_body: 9007199254740993}",
        "server: {keepalive: .inf}",
        "server: {drain: .nan}",
        "cache: {exact: {ttl: .inf}}",
        "cache: {exact: {ttl: 1e300}}",
        "cache: {exact: {capacity: 1}}",
        "limits: {requests_per_minute: 9223372036854775808}",
        "limits: {requests_per_minute: 9007199254740993}",
        "limits: {concurrency: 9223372036854775808}",
        "prices: {m: {input: .inf, output: 1}}",
        "providers: {mine: {base_url: 'http://h', timeouts: {idle: .inf}}}",
        "providers: {'a b': {base_url: 'http://h'}}",
        f"providers: {{{'x' * 65}: {{base_url: 'http://h'}}}}",
        f"models: {{{'x' * 257}: demo/demo}}",
        'models: {"a\\nb": demo/demo}',
        f"models: {{a: 'demo/{'x' * 257}'}}",
        "data_dir: ''",
        "log: {level: loud}",
    ],
)
def test_what_would_fail_later_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(text)

    with pytest.raises(ConfigError) as refused:
        load(file, {"EMPTY": ""})

    assert refused.value.problems[0].startswith(text.partition(":")[0])


@pytest.mark.parametrize(
    "text", ["server:", "server: {port: }", "providers: {ollama: }", "cache: {exact: }", "log: {level: INFO}"]
)
def test_what_is_left_empty_has_its_default(tmp_path: Path, text: str) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text(text)

    assert load(file, {}).model_copy(update={"providers": {}}) == Config()
