"""The values that dialects work on."""

from __future__ import annotations

from gateway.providers.base import Provider
from gateway.providers.table import OPENAI


def test_a_provider_says_where_its_key_is_set() -> None:
    assert Provider("acme", "", OPENAI).key_setting == "providers.acme.api_key"
    named = Provider("acme", "", OPENAI, key_variable="ACME_API_KEY")
    assert named.key_setting == "ACME_API_KEY or providers.acme.api_key"


def test_a_key_is_not_shown_with_its_provider() -> None:
    assert "sk-secret" not in repr(Provider("acme", "", OPENAI, api_key="sk-secret"))
