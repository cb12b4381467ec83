"""The access log, as an operator sees it."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx2 as httpx

from tests.end_to_end.conftest import ask
from tests.end_to_end.gateway import Gateway
from tests.end_to_end.processes import wait_until

PATH = "/v1/chat/completions"


def lines(gateway: Gateway) -> list[dict[str, object]]:
    return [json.loads(line) for line in gateway.log().splitlines() if line.startswith('{"id":')]


def test_each_request_is_a_line_with_its_key(launch: Callable[..., Gateway]) -> None:
    gateway = launch("server: {access_log: true}")
    key = gateway.create_key()
    headers = {"authorization": f"Bearer {key}", "x-request-id": "mine"}

    with httpx.Client(base_url=gateway.url, headers=headers) as client:
        answers = [client.post(PATH, json=ask(stream=stream)) for stream in (False, True, False)]
        client.get("/nowhere?secret=1")
    wait_until(lambda: len(lines(gateway)) >= 4)

    logged = lines(gateway)[-4:]
    assert [(line["status"], line["path"], line["method"]) for line in logged] == [(200, PATH, "POST")] * 3 + [
        (404, "/nowhere", "GET")
    ]
    public = key.split("-")[2]
    assert [line["key"] for line in logged] == [public, public, public, None]
    assert {line["request_id"] for line in logged} == {"mine"}
    assert [line["id"] for line in logged[:3]] == [answer.headers["x-gateway-id"] for answer in answers]
    assert all(line["bytes"] > len(answer.content) for line, answer in zip(logged, answers, strict=False))
    assert "secret" not in str(logged)


def test_there_is_none_by_default(launch: Callable[..., Gateway]) -> None:
    gateway = launch()
    httpx.post(f"{gateway.url}{PATH}", json=ask())

    assert lines(gateway) == []
