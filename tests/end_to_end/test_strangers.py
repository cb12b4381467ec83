"""A caller without a key leaves a number, not a row."""

from __future__ import annotations

import httpx2 as httpx

from tests.end_to_end.conftest import ask
from tests.end_to_end.gateway import Gateway
from tests.end_to_end.upstream import Upstream


def test_every_refusal_for_want_of_a_key_is_counted(gateway: Gateway) -> None:
    gateway.create_key()
    false = {"authorization": "Bearer sk-gw-x-y"}
    for path in ("/v1/models", "/v1/models/gpt-4o", "/admin/analytics/costs"):
        for headers in ({}, false):
            assert httpx.get(f"{gateway.url}{path}", headers=headers).status_code == 401
    assert httpx.post(f"{gateway.url}/v1/embeddings", json={}).status_code == 401
    assert httpx.get(f"{gateway.url}/v1/unknown").status_code == 404

    assert "gateway_unauthenticated_total 7.0" in httpx.get(f"{gateway.url}/metrics").text


def test_a_call_without_a_key_is_refused_unread_and_only_counted(gateway: Gateway, upstream: Upstream) -> None:
    gateway.create_key()

    answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=ask(), headers={"authorization": "Bearer sk-gw-x-y"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
    assert upstream.calls == []
    assert gateway.rows() == []
    assert "gateway_unauthenticated_total 1.0" in httpx.get(f"{gateway.url}/metrics").text
