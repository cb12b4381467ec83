from __future__ import annotations

import base64
import hashlib
import re

import orjson
import pytest

from gateway.control.pages import HEADERS, HTML, JSON, State, page

WELL = State("0.1.0", "http://127.0.0.1:4000", ("openai", "groq"), {}, "demo", open_to_guests=False)
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


def html(state: State) -> str:
    kind, body = page(state, BROWSER)
    assert kind == HTML
    return body.decode()


def test_it_says_what_it_is_how_it_is_and_where_to_go() -> None:
    shown = html(WELL)

    for said in ("0.1.0", "All is well.", "openai, groq", 'href="/v1/models"', 'href="/metrics"', "$GATEWAY_KEY"):
        assert said in shown


def test_what_is_wrong_is_said() -> None:
    troubled = State("0.1.0", "http://x", ("demo",), {"ledger": "the disk is full"}, "demo", open_to_guests=True)

    assert "ledger: the disk is full" in html(troubled)
    assert orjson.loads(page(troubled, "")[1])["status"] == "degraded"


@pytest.mark.parametrize("accept", ["", "*/*", "application/json"])
def test_programs_get_json(accept: str) -> None:
    kind, body = page(WELL, accept)

    assert kind == JSON
    assert orjson.loads(body)["providers"] == ["openai", "groq"]


def test_nothing_in_it_is_taken_for_markup_or_code() -> None:
    hostile = State("<b>", "http://<script>alert(1)</script>", ("<i>",), {"<u>": "<s>"}, "<a>", open_to_guests=True)

    shown = html(hostile)
    for tag in ("<script", "<b>", "<i>", "<u>", "<s>"):
        assert tag not in shown.replace("<style>", "")


def test_guests_are_shown_a_call_without_a_key() -> None:
    assert "Authorization" not in html(State("1", "http://x", ("demo",), {}, "demo", open_to_guests=True))


def test_a_browser_runs_nothing_and_shows_only_the_pages_own_style() -> None:
    (style,) = re.findall("<style>(.*?)</style>", html(WELL), re.DOTALL)
    named = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert HEADERS["content-security-policy"].startswith(f"default-src 'none'; style-src 'sha256-{named}';")
    assert "unsafe" not in HEADERS["content-security-policy"]
    assert " style=" not in html(WELL)
