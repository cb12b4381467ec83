"""Which provider answers a model's name."""

from __future__ import annotations

import pytest

from gateway.errors import ModelNotFound
from gateway.policy.route import Router
from gateway.providers.base import Provider, Target
from gateway.providers.table import OPENAI

DEMO = Provider("demo", "demo:", OPENAI)
REAL = Provider("openai", "https://h/v1", OPENAI)


def router(*providers: Provider, stand_ins: dict[str, Provider] | None = None) -> Router:
    aliases = {"fast": Target(REAL, "gpt-4o-mini")}
    return Router(providers, aliases, lambda provider, model: model == f"{provider.name}-model", stand_ins or {})


@pytest.mark.parametrize(
    ("name", "provider", "model"),
    [
        ("fast", REAL, "gpt-4o-mini"),
        ("openai/gpt-4o", REAL, "gpt-4o"),
        ("openai/meta/llama", REAL, "meta/llama"),
        ("demo-model", DEMO, "demo-model"),
    ],
)
def test_a_name_leads_to_one_step(name: str, provider: Provider, model: str) -> None:
    (step,) = router(DEMO, REAL).plan(name)

    assert step.target == Target(provider, model)


@pytest.mark.parametrize("name", ["unknown", "openai/", "/gpt-4o", "groq/llama", ""])
def test_what_nobody_serves_is_not_found(name: str) -> None:
    with pytest.raises(ModelNotFound):
        router(DEMO, REAL).plan(name)


def test_a_stand_in_answers_for_a_provider_that_is_not_configured() -> None:
    (stood_in,) = router(DEMO, stand_ins={"openai": DEMO}).plan("openai/gpt-4o")
    (real,) = router(REAL, stand_ins={"openai": DEMO}).plan("openai/gpt-4o")

    assert stood_in.target == Target(DEMO, "gpt-4o")
    assert real.target == Target(REAL, "gpt-4o")


def test_names_are_looked_up_once_also_those_that_nobody_serves_and_the_latest_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.policy.route.CACHED_NAMES", 100)
    asked: list[str] = []

    def knows(provider: Provider, model: str) -> bool:
        asked.append(model)
        return model == "served"

    some = Router([DEMO], {}, knows)
    for number in range(1_000):
        with pytest.raises(ModelNotFound):
            some.plan(f"invented-{number}")
        some.plan("served")
    with pytest.raises(ModelNotFound, match="invented-999"):
        some.plan("invented-999")
    assert len(asked) == 1_001, "each name once, however many others there were"

    with pytest.raises(ModelNotFound):
        some.plan("invented-0")
    assert len(asked) == 1_002, "long not asked for, and forgotten"
    some.forget()
    some.plan("served")
    assert asked[-1] == "served"
