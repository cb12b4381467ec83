"""From a file and the environment to a configuration, or to all that is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.config.load import ConfigError, load
from gateway.config.providers import aliases, providers
from gateway.config.schema import Config

SECRET = "sk-very-secret"


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
        folder, "server: {port: 5000, drain: 0}\nlimits: {requests_per_minute: 7}\nmodels: {fast: openai/gpt-4o-mini}\n"
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
    assert problems(folder, text) == [problem]


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
        ("- a\n- b", "expected a mapping"),
        ("just text", "expected a mapping"),
        ("server: {port: 1", "not valid YAML"),
        ("a: !!python/object/apply:os.system ['true']", "not valid YAML"),
        ("server: 5", "server:"),
        ("providers: [openai]", "providers:"),
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


@pytest.mark.parametrize(
    ("written", "environ", "read"),
    [
        ("${KEY}", {"KEY": "v"}, "v"),
        ("a-${KEY}-b", {"KEY": "v"}, "a-v-b"),
        ("${KEY:-fallback}", {}, "fallback"),
        ("${KEY:-fallback}", {"KEY": "v"}, "v"),
        ("${KEY:-}x", {}, "x"),
        ("os.environ/KEY", {"KEY": "v"}, "v"),
        ("${A}${B}", {"A": "1", "B": "${A}"}, "1${A}"),
        ("$KEY", {"KEY": "v"}, "$KEY"),
    ],
)
def test_strings_may_refer_to_the_environment(folder: Path, written: str, environ: dict[str, str], read: str) -> None:
    config = loaded(folder, f"admin_key: '{written}'", environ)

    assert config.admin_key is not None
    assert config.admin_key.get_secret_value() == read


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
        "GATEWAY_PORT": "4444",
        "GATEWAY_DATA_DIR": "/data",
        "GATEWAY_ADMIN_KEY": "from the environment",
        "GATEWAY_SECRET": "another",
    }

    config = loaded(folder, "server: {port: 1, drain: 5}\nadmin_key: from the file\n", environ)

    assert (config.server.port, config.server.drain, config.data_dir) == (4444, 5, Path("/data"))
    assert config.admin_key is not None
    assert config.secret is not None
    assert (config.admin_key.get_secret_value(), config.secret.get_secret_value()) == (
        "from the environment",
        "another",
    )
    assert load(None, environ).server.port == 4444
    assert load(None, {"GATEWAY_PORT": ""}).server.port == 4000


def test_an_override_that_is_wrong_is_a_problem() -> None:
    with pytest.raises(ConfigError, match=r"server\.port"):
        load(None, {"GATEWAY_PORT": "many"})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4000/v1", "http://localhost:4000/v1", "http://[::1]:4000/v1", "http://10.1.2.3:4000/v1"]
)
def test_a_provider_that_is_the_gateway_itself_is_refused(folder: Path, url: str) -> None:
    (problem,) = problems(folder, f"server: {{host: 10.1.2.3}}\nproviders: {{me: {{base_url: '{url}'}}}}")

    assert problem.startswith("providers.me.base_url: this is the gateway itself")


def test_the_gateways_neighbour_is_a_provider(folder: Path) -> None:
    assert loaded(folder, "providers: {vllm: {base_url: 'http://127.0.0.1:8000/v1'}}")


@pytest.mark.parametrize(
    "url", ["ftp://host/v1", "host/v1", "http://", "//host", "http://host:notaport/v1", "http://[::1/v1"]
)
def test_a_base_url_that_is_none_is_refused(folder: Path, url: str) -> None:
    (problem,) = problems(folder, f"providers: {{p: {{base_url: '{url}'}}}}")

    assert problem.startswith("providers.p.base_url: must be an http or https URL")


def test_a_provider_that_is_not_built_in_needs_an_address(folder: Path) -> None:
    (problem,) = problems(folder, "providers: {mine: {api_key: x}}")

    assert problem.startswith("providers.mine.base_url: missing; only openai, deepseek, xai")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("gpt-4o", "must be 'provider/model', not 'gpt-4o'"),
        ("openai/", "must be 'provider/model'"),
        ("opnai/gpt-4o", "no provider 'opnai'; did you mean 'openai'?"),
        ("zzzzz/gpt-4o", "no provider 'zzzzz'"),
    ],
)
def test_an_alias_must_lead_somewhere(folder: Path, target: str, said: str) -> None:
    (problem,) = problems(folder, f"models: {{fast: '{target}'}}")

    assert problem.startswith("models.fast: ")
    assert said in problem


def test_an_alias_keeps_the_slashes_of_its_model(folder: Path) -> None:
    config = loaded(folder, "models: {llama: openrouter/meta/llama-3, gone: groq/x}")
    known = providers(config, {"OPENROUTER_API_KEY": SECRET})

    found = aliases(config, known)

    assert {alias: (target.provider.name, target.model) for alias, target in found.items()} == {
        "llama": ("openrouter", "meta/llama-3")
    }


def test_every_provider_whose_key_is_set_is_offered_the_files_first(folder: Path) -> None:
    config = loaded(folder, "providers: {mine: {base_url: 'https://h/v1'}, groq: {api_key: g}}")
    environ = {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": "https://proxy/v1", "OLLAMA_BASE_URL": "http://o:1/v1"}

    found = {provider.name: (provider.base_url, provider.api_key) for provider in providers(config, environ)}

    assert list(found) == ["mine", "groq", "openai", "ollama"]
    assert found["openai"] == ("https://proxy/v1", SECRET)
    assert found["groq"] == ("https://api.groq.com/openai/v1", "g")
    assert found["ollama"] == ("http://o:1/v1", "")


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
    ],
)
def test_secrets_are_in_no_problem(folder: Path, text: str) -> None:
    assert SECRET not in "\n".join(problems(folder, text))
