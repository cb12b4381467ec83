from __future__ import annotations

from gateway.control.greeting import greeting

WORKER = {"providers": ["demo"], "models": ["demo"], "open_to_guests": True}


def test_a_newcomer_reads_where_it_listens_and_what_to_send() -> None:
    said = greeting("http://127.0.0.1:4000", WORKER, None)

    assert "listens on http://127.0.0.1:4000" in said
    assert "calls from this machine need none" in said
    assert '"model": "demo"' in said
    assert "Authorization" not in said


def test_a_new_admin_key_is_shown_once_and_not_put_into_examples() -> None:
    said = greeting("http://0.0.0.0:4000", {**WORKER, "open_to_guests": False}, "sk-gw-admin-1")

    assert "Admin key: sk-gw-admin-1" in said
    assert 'curl http://127.0.0.1:4000/v1/chat/completions \\\n  -H "Authorization: Bearer $GATEWAY_KEY"' in said
    assert "every call needs one" in said


def test_without_a_new_admin_key_the_example_names_a_variable() -> None:
    assert "Bearer $GATEWAY_KEY" in greeting("http://[::]:4000", {**WORKER, "open_to_guests": False}, None)
