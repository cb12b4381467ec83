"""From a file and the environment to a configuration, or to all that is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.config.load import load, load_for_tools
from gateway.config.problem import ConfigError
from gateway.config.providers import providers
from gateway.config.schema import Config

SECRET = "sk-very-secret-indeed"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def loaded(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    file = folder / "gateway.yaml"
    file.write_text(text)
    return load(file, environ or {})


def problems(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as wrong:
        loaded(folder, text, environ)
    assert str(wrong.value) == "\n".join(wrong.value.problems)
    return wrong.value.problems


def test_no_file_at_all_is_a_working_set_up() -> None:
    config = load(None, {})

    assert config == Config()
    assert (config.server.host, config.server.port, config.auth.anonymous) == ("127.0.0.1", 4000, "auto")
    assert (config.cache.exact.enabled, config.data_dir, config.admin_key) == (True, None, None)
    assert [provider.name for provider in providers(config, {})] == ["demo"]


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n", "{}"])
def test_an_empty_file_is_no_file(folder: Path, text: str) -> None:
    assert loaded(folder, text) == Config()


def test_what_the_file_says_holds(folder: Path) -> None:
    config = loaded(
        folder,
        "server: {port: 5000, drain: 0}\nlimits: {requests_per_minute: 7}\nmodels: {fast: openai/gpt-4o-mini}\n",
        {"OPENAI_API_KEY": SECRET},
    )

    assert (config.server.port, config.server.drain, config.limits.requests_per_minute) == (5000, 0, 7)
    assert config.models == {"fast": "openai/gpt-4o-mini"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("sever: {}", "sever: unknown key; did you mean 'server'?"),
        ("server: {prot: 1}", "server.prot: unknown key; did you mean 'port'?"),
        ("cache: {exact: {tll: 5}}", "cache.exact.tll: unknown key; did you mean 'ttl'?"),
        ("providers: {openai: {api_kei: x}}", "providers.openai.api_kei: unknown key; did you mean 'api_key'?"),
        (
            "providers: {openai: {timeouts: {conect: 1}}}",
            "providers.openai.timeouts.conect: unknown key; did you mean 'connect'?",
        ),
        ("prices: {m: {input: 1, output: 1, cache: 1}}", "prices.m.cache: unknown key; did you mean 'cache_read'?"),
        ("limits: {zzz: 1}", "limits.zzz: unknown key; known here: concurrency, requests_per_minute"),
    ],
)
def test_an_unknown_key_is_an_error_that_names_the_nearest(folder: Path, text: str, problem: str) -> None:
    assert problems(folder, text)[0] == problem


def test_all_problems_are_told_at_once(folder: Path) -> None:
    found = problems(
        folder,
        "sever: {}\nserver: {port: 99999, drain: -1}\nadmin_key: ${MISSING}\nauth: {anonymous: sometimes}\n"
        "cache: {exact: {ttl: 0}}\n",
    )

    assert sorted(problem.partition(":")[0] for problem in found) == [
        "admin_key",
        "auth.anonymous",
        "cache.exact.ttl",
        "server.drain",
        "server.port",
        "sever",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n- b", "must hold settings"),
        ("just text", "must hold settings"),
        ("server: {port: 1", "not valid YAML"),
        ("a: !!python/object/apply:os.system ['true']", "a value that begins with '!' must be in quotes"),
        ("server: 5", "server:"),
        ("providers: [openai]", "providers:"),
        ("1: 2", "1: unknown key"),
        ("providers: {'bad name!': {base_url: 'http://h/v1'}}", "providers"),
    ],
)
def test_what_is_no_configuration_is_one_clear_problem(folder: Path, text: str, said: str) -> None:
    (problem,) = problems(folder, text)

    assert said in problem
    assert "\n" not in problem


def test_a_file_that_is_not_there_or_not_text_is_a_problem(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.yaml: No such file"):
        load(folder / "missing.yaml", {})
    (folder / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"binary\.yaml: not valid YAML"):
        load(folder / "binary.yaml", {})


def test_numbers_may_refer_to_the_environment_too(folder: Path) -> None:
    assert loaded(folder, "server: {port: '${PORT}'}", {"PORT": "4321"}).server.port == 4321


@pytest.mark.parametrize("written", ["${ABSENT}", "os.environ/ABSENT"])
def test_a_variable_that_is_not_set_is_a_problem_with_its_place(folder: Path, written: str) -> None:
    text = f"providers: {{openai: {{api_key: '{written}', models: ['a', '{written}']}}}}"

    assert problems(folder, text) == [
        "providers.openai.api_key: the environment variable ABSENT is not set",
        "providers.openai.models.1: the environment variable ABSENT is not set",
    ]


def test_the_environment_overrides_the_file(folder: Path) -> None:
    environ = {
        "GATEWAY_HOST": "::1",
        "GATEWAY_PORT": "4444",
        "GATEWAY_LOG_LEVEL": "DEBUG",
        "GATEWAY_DATA_DIR": str(folder / "data"),
        "GATEWAY_ADMIN_KEY": "from the environment",
        "GATEWAY_SECRET": "another one of those",
    }

    config = loaded(folder, "server: {port: 1, drain: 5}\nadmin_key: from the file, too\n", environ)

    assert (config.server.host, config.server.port, config.server.drain) == ("::1", 4444, 5)
    assert (config.data_dir, config.log.level) == (folder / "data", "debug")
    assert config.admin_key is not None
    assert config.secret is not None
    assert (config.admin_key.get_secret_value(), config.secret.get_secret_value()) == (
        "from the environment",
        "another one of those",
    )
    assert load(None, environ).server.port == 4444
    assert load(None, {"GATEWAY_PORT": ""}).server.port == 4000


def test_flags_win_over_the_environment(folder: Path) -> None:
    environ = {"GATEWAY_HOST": "::1", "GATEWAY_PORT": "4444", "GATEWAY_LOG_LEVEL": "error"}

    config = load(None, environ, {"--host": "0.0.0.0", "--port": 5, "--log-level": None})

    assert (config.server.host, config.server.port, config.log.level) == ("0.0.0.0", 5, "error")


@pytest.mark.parametrize("value", ["many", "99999", "-1", "4000.5", "nan", "0x10", "4" * 5000])
def test_an_override_that_is_wrong_is_a_problem_that_names_it(value: str) -> None:
    with pytest.raises(ConfigError, match=r"^server\.port \(from GATEWAY_PORT\): "):
        load(None, {"GATEWAY_PORT": value})
    with pytest.raises(ConfigError, match=r"^server\.port \(from --port\): "):
        load(None, {}, {"--port": value})


def test_an_override_of_a_section_that_is_none_is_one_problem(folder: Path) -> None:
    (problem,) = problems(folder, "server: 5", {"GATEWAY_PORT": "4444"})

    assert problem.startswith("server: ")


def test_one_mistake_does_not_hide_another(folder: Path) -> None:
    text = "sever: {}\nadmin_key: '${UNSET}'\nmodels: {fast: nobody/x}\nproviders: {mine: {base_url: 'host/v1'}}\n"

    found = problems(folder, text, {"OPENAI_BASE_URL": "http://bad..host", "OPENAI_API_KEY": "k", "GATEWAY_PORT": "x"})

    assert [problem.partition(":")[0] for problem in sorted(found)] == [
        "OPENAI_BASE_URL",
        "admin_key",
        "models.fast",
        "providers.mine.base_url",
        "server.port (from GATEWAY_PORT)",
        "sever",
    ]


def test_the_same_fault_is_named_once(folder: Path) -> None:
    assert len(problems(folder, "providers: {mine: {api_key: '${UNSET}', base_url: 'http://h/v1'}}")) == 1
    assert len(problems(folder, "providers: {mine: {base_url: 7}}")) == 1
    assert len(problems(folder, "prices: {m: {output: 1}}")) == 1


def test_so_many_problems_are_cut_off(folder: Path) -> None:
    found = problems(folder, "".join(f"wrong{number}: 1\n" for number in range(500)))

    assert (len(found), found[-1]) == (51, "and 450 more")


def test_tools_need_no_keys_of_providers(folder: Path) -> None:
    file = folder / "gateway.yaml"
    file.write_text(f"data_dir: '{folder}'\nproviders: {{openai: {{api_key: '${{UNSET}}'}}}}\nmodels: {{a: groq/x}}\n")

    assert load_for_tools(file, {}).data_dir == folder
    with pytest.raises(ConfigError, match="UNSET"):
        load(file, {})


@pytest.mark.parametrize("text", ["sever: {}", "data_dir: ${UNSET}", "server: {port: 99999}"])
def test_tools_need_a_valid_file(folder: Path, text: str) -> None:
    (folder / "gateway.yaml").write_text(text)

    with pytest.raises(ConfigError):
        load_for_tools(folder / "gateway.yaml", {})


def test_secrets_are_in_no_repr(folder: Path) -> None:
    config = loaded(folder, f"admin_key: {SECRET}\nsecret: {SECRET}\nproviders: {{openai: {{api_key: {SECRET}}}}}")
    found = providers(config, {"XAI_API_KEY": SECRET})

    assert SECRET not in repr(config) + str(config) + repr(found) + str(config.model_dump()) + config.model_dump_json()


@pytest.mark.parametrize(
    "text",
    [
        f"admin_key: [{SECRET}]",
        f"admin_key: {{a: {SECRET}}}",
        f"providers: {{openai: {SECRET}}}",
        f"providers: {{openai: {{api_key: [{SECRET}]}}}}",
        f"server: {{port: {SECRET}}}",
        f"auth: {{anonymous: {SECRET}}}",
        f"providers: {{p: {{base_url: 'ftp://user:{SECRET}@host'}}}}",
        f"admin_key: {SECRET}\nsecret: '{SECRET}\nport: 1",
        f"admin_key: {SECRET}: {SECRET}",
        f"admin_key: *{SECRET}",
        f"admin_key: !{SECRET} x",
        f"admin_key: {SECRET[:15]}",
        f"secret: {SECRET[:15]}",
        f"providers: {{openai: {{api_key: 'Bearer {SECRET}'}}}}",
        f"providers: {{p: {{base_url: 'http://user:{SECRET}@host/v1'}}}}",
        f"providers: {{p: {{base_url: 'http://host:{SECRET}/v1'}}}}",
        f"providers: {{p: {{base_url: 'http://host/v1?key={SECRET}'}}}}",
    ],
)
def test_secrets_are_in_no_problem(folder: Path, text: str) -> None:
    assert SECRET[:15] not in "\n".join(problems(folder, text))
