from __future__ import annotations

from gateway.policy.offer import Offer
from gateway.providers.base import Provider
from gateway.providers.table import OPENAI


class Catalogue:
    def knows(self, provider: str, model: str) -> bool:
        return model in self.models(provider)

    def models(self, provider: str) -> list[str]:
        return {"openai": ["gpt-4o", "gpt-4o-mini"]}.get(provider, [])


BIG = Provider("big", "http://big", OPENAI, prices="openai")
LOCAL = Provider("local", "http://local", OPENAI, models=("small",))


def offer(*providers: Provider) -> Offer:
    return Offer(providers, {}, Catalogue())


def test_a_provider_serves_what_the_operator_says_what_it_lists_and_what_the_catalogue_has() -> None:
    found = offer(BIG, LOCAL)
    found.take({"local": ("listed",)})

    assert found.knows(LOCAL, "small")
    assert found.knows(LOCAL, "listed")
    assert found.knows(BIG, "gpt-4o")
    assert not found.knows(LOCAL, "gpt-4o")
    assert not found.knows(BIG, "unheard-of")


def test_a_provider_s_own_list_replaces_the_catalogue_s() -> None:
    found = offer(BIG)
    found.take({"big": ("gpt-5",)})

    assert found.rows() == [("gpt-5", "big"), ("big/gpt-5", "big")]


def test_a_bare_name_belongs_to_the_first_provider_that_has_it() -> None:
    found = offer(LOCAL, BIG)
    found.take({"big": ("small",)})

    assert found.rows() == [("small", "local"), ("local/small", "local"), ("big/small", "big")]


def test_a_new_list_is_in_the_next_answer() -> None:
    found = offer(LOCAL)
    before = found.rows()
    found.take({"local": ("fresh",)})

    assert ("fresh", "local") not in before
    assert ("fresh", "local") in found.rows()


def test_a_provider_that_says_nothing_now_serves_what_it_listed_before() -> None:
    """As after the controller was started again and has not asked it yet."""
    found = offer(LOCAL)
    found.take({"local": ("listed",)})
    found.take({})

    assert found.knows(LOCAL, "listed")


def test_the_first_models_are_familiar_ones() -> None:
    assert offer(BIG, LOCAL).first() == ["gpt-4o-mini", "gpt-4o", "small"]


def test_without_any_model_the_form_of_a_name_is_shown() -> None:
    assert offer(Provider("x", "http://x", OPENAI)).first() == ["provider/model"]
