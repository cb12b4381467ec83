"""Which providers there are."""

from __future__ import annotations

import pytest

from gateway.config.providers import DEMO, aliases, providers, stand_ins, url_origin
from gateway.config.schema import Config

SECRET = "sk-very-secret"


def test_without_any_the_demo_answers() -> None:
    assert providers(Config(), {}) == [DEMO]
    assert providers(Config(), {"OPENAI_API_KEY": " \n", "OLLAMA_BASE_URL": " "}) == [DEMO]


def test_every_provider_whose_key_is_set_is_offered_the_files_first() -> None:
    config = Config.model_validate({"providers": {"mine": {"base_url": "https://h/v1"}, "groq": {"api_key": "g"}}})
    environ = {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": "HTTPS://proxy/v1/", "OLLAMA_BASE_URL": "http://o:1/v1"}

    found = {provider.name: (provider.base_url, provider.api_key) for provider in providers(config, environ)}

    assert list(found) == ["mine", "groq", "openai", "ollama"]
    assert found["openai"] == ("https://proxy/v1", SECRET)
    assert found["groq"] == ("https://api.groq.com/openai/v1", "g")
    assert found["ollama"] == ("http://o:1/v1", "")


@pytest.mark.parametrize("key", [f"{SECRET}\n", f"\t{SECRET} \r\n"])
def test_keys_are_stripped_wherever_they_come_from(key: str) -> None:
    (from_environment,) = providers(Config(), {"OPENAI_API_KEY": key})
    (from_file,) = providers(Config.model_validate({"providers": {"openai": {"api_key": key}}}), {})

    assert from_environment.api_key == from_file.api_key == SECRET


def test_a_key_that_would_split_a_request_is_never_used() -> None:
    with pytest.raises(ValueError, match="visible ASCII"):
        providers(Config(), {"OPENAI_API_KEY": "sk\r\nx-injected: 1"})


def test_an_alias_keeps_the_slashes_of_its_model() -> None:
    config = Config.model_validate({"models": {"llama": "openrouter/meta/llama-3", "play": "demo/demo"}})
    known = providers(config, {"OPENROUTER_API_KEY": SECRET})

    found = aliases(config, known)

    assert {alias: (target.provider.name, target.model) for alias, target in found.items()} == {
        "llama": ("openrouter", "meta/llama-3"),
        "play": ("demo", "demo"),
    }


def test_the_demo_stands_in_only_while_nothing_is_configured() -> None:
    assert {"openai", "anthropic", "ollama"} <= set(stand_ins([DEMO]))
    assert set(stand_ins([DEMO]).values()) == {DEMO}
    assert stand_ins(providers(Config(), {"OPENAI_API_KEY": SECRET})) == {}


def test_where_an_address_comes_from() -> None:
    config = Config.model_validate(
        {"providers": {"groq": {"base_url": "http://h/v1"}, "mine": {"base_url": "http://h"}}}
    )
    environ = {"OPENAI_BASE_URL": "http://a", "GROQ_BASE_URL": "http://b"}

    assert url_origin("openai", config, environ) == ("OPENAI_BASE_URL",)
    assert url_origin("groq", config, environ) == ("providers", "groq", "base_url")
    assert url_origin("mine", config, environ) == ("providers", "mine", "base_url")
