"""The same call again: answered from memory, in either shape, and shared while it is in flight."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2 as httpx
import pytest
from openai import OpenAI

from tests.end_to_end import reading
from tests.end_to_end.answers import RICH, TWO_CHOICES, Both, body, choice, gives, gives_stream, part
from tests.end_to_end.conftest import ask
from tests.end_to_end.gateway import Gateway
from tests.end_to_end.test_hang_up import until
from tests.end_to_end.upstream import RESET, STREAM_HEAD, Upstream, completion, event

PATH = "/v1/chat/completions"
TOOL = {"type": "function", "function": {"name": "clock"}}


@pytest.fixture
def upstream(shared_upstream: Upstream) -> Upstream:
    return shared_upstream.reset()


@pytest.fixture
def gateway(shared_gateway: Gateway, upstream: Upstream) -> Gateway:
    return shared_gateway


@pytest.fixture
def call(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A body that no other test sends."""
    return ask(request.node.name)


def post(client: httpx.Client, body: dict[str, Any], **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(PATH, json=body, headers=named)


def cached(client: httpx.Client, body: dict[str, Any], **headers: str) -> str:
    """How a call that succeeds was answered: `hit`, `miss`, …"""
    response = post(client, body, **headers)
    assert response.status_code == 200, response.text
    return response.headers["x-gateway-cache"]


# Hits


def test_the_same_call_again_is_a_hit(client: httpx.Client, upstream: Upstream, call: dict[str, Any]) -> None:
    miss, hit = post(client, call), post(client, call)
    assert [response.headers["x-gateway-cache"] for response in (miss, hit)] == ["miss", "hit"]
    assert hit.content == miss.content
    assert hit.headers["x-gateway-provider"] == "openai"
    assert hit.headers["x-gateway-cost-usd"] == "0"
    assert "x-gateway-attempts" not in hit.headers
    assert len(upstream.calls) == 1


def test_the_ledger_knows_what_the_hit_saved(gateway: Gateway, client: httpx.Client, call: dict[str, Any]) -> None:
    post(client, call), post(client, call)
    paid, saved = gateway.rows()
    assert (paid["cache"], saved["cache"]) == ("miss", "hit")
    assert paid["cost_pico"] == saved["saved_pico"] > 0
    assert (saved["cost_pico"], saved["saved_by"]) == (0, "exact")


@pytest.mark.parametrize("stream_first", [False, True], ids=["whole first", "stream first"])
@pytest.mark.parametrize("answer", RICH.values(), ids=RICH)
def test_a_hit_in_either_shape_says_the_same(
    gateway: Gateway, upstream: Upstream, call: dict[str, Any], answer: Both, stream_first: bool
) -> None:
    upstream.answer = answer
    options: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
    with OpenAI(base_url=f"{gateway.url}/v1", api_key="anything", max_retries=0) as sdk:
        create = sdk.chat.completions.create
        heard = [
            reading.streamed(create(**call, **options)) if stream else reading.whole(create(**call))
            for stream in (stream_first, stream_first, not stream_first)
        ]
    assert heard[0] == heard[1] == heard[2]
    assert len(upstream.calls) == 1


def test_logprobs_survive_token_by_token(client: httpx.Client, upstream: Upstream, call: dict[str, Any]) -> None:
    upstream.answer = RICH["logprobs"]
    post(client, {**call, "stream": True})
    whole = post(client, call).json()
    assert whole["choices"][0]["logprobs"] == RICH["logprobs"].whole["choices"][0]["logprobs"]


def test_a_streamed_hit_ends_with_done_and_hides_usage(client: httpx.Client, call: dict[str, Any]) -> None:
    post(client, call)
    response = post(client, {**call, "stream": True})
    assert response.headers["x-gateway-cache"] == "hit"
    *events, done = response.text.removesuffix("\n\n").split("\n\n")
    assert done == "data: [DONE]"
    payloads = [json.loads(line.removeprefix("data: ")) for line in events]
    assert all(payload["choices"] and "usage" not in payload for payload in payloads)
    assert {payload["object"] for payload in payloads} == {"chat.completion.chunk"}


@pytest.mark.parametrize(
    "spelling",
    [
        {"stream": False},
        {"stream": None},
        {"user": "somebody else"},
        {"metadata": {"trace": "2"}},
        {"store": True},
        {"temperature": None},
    ],
    ids=str,
)
def test_what_cannot_change_the_answer_does_not_change_the_key(
    client: httpx.Client, call: dict[str, Any], spelling: dict[str, Any]
) -> None:
    post(client, call)
    assert cached(client, {**call, **spelling}) == "hit"


def test_order_whitespace_and_escapes_do_not_matter(client: httpx.Client, call: dict[str, Any]) -> None:
    post(client, {**call, "temperature": 1.0, "seed": 7})
    turned = dict(reversed([*call.items(), ("temperature", 1), ("seed", 7)]))
    spelled = json.dumps(turned, indent=3).replace("order", "\\u006frder")
    response = client.post(PATH, content=spelled)
    assert response.headers["x-gateway-cache"] == "hit"


@pytest.mark.parametrize(
    "field",
    [
        {"response_format": {"type": "json_object"}},
        {"stop": "."},
        {"seed": 1},
        {"temperature": 0.5},
        {"top_p": 0.5},
        {"max_tokens": 5},
        {"n": 2},
        {"tools": [TOOL]},
        {"tools": [TOOL], "tool_choice": "none"},
        {"reasoning_effort": "low"},
        {"logprobs": True},
        {"logit_bias": {"50256": -100}},
        {"model": "openai/gpt-4o-mini"},
        {"messages": [{"role": "system", "content": "Be brief."}]},
        {"invented_by_a_provider": {"deep": [1]}},
    ],
    ids=str,
)
def test_what_can_change_the_answer_is_in_the_key(
    client: httpx.Client, call: dict[str, Any], field: dict[str, Any]
) -> None:
    post(client, call)
    messages = [*field.get("messages", []), *call["messages"]]
    assert cached(client, {**call, **field, "messages": messages}) == "miss"


# The caller's own terms


def test_no_cache_asks_again_and_keeps_the_new_answer(
    client: httpx.Client, upstream: Upstream, call: dict[str, Any]
) -> None:
    post(client, call)
    upstream.answer = completion("Fresh.")
    assert cached(client, call, cache_control="no-cache") == "bypass"
    kept = post(client, call)
    assert kept.headers["x-gateway-cache"] == "hit"
    assert kept.json()["choices"][0]["message"]["content"] == "Fresh."


def test_no_store_leaves_nothing_behind(client: httpx.Client, call: dict[str, Any]) -> None:
    assert cached(client, call, cache_control="no-store") == "miss"
    assert cached(client, call) == "miss"
    assert cached(client, call, cache_control="no-store") == "hit"


def test_max_age_zero_refuses_what_is_kept(client: httpx.Client, call: dict[str, Any]) -> None:
    post(client, call)
    assert cached(client, call, cache_control="max-age=0") == "miss"
    assert cached(client, call, cache_control="max-age=3600") == "hit"


@pytest.mark.parametrize("directive", ["no-cache", "no-store"])
def test_the_bodys_directives_do_the_same(client: httpx.Client, call: dict[str, Any], directive: str) -> None:
    steered = {**call, "cache": {directive: True}}
    first, then = ("bypass", "hit") if directive == "no-cache" else ("miss", "miss")
    assert cached(client, steered) == first
    assert cached(client, call) == then


def test_an_answer_kept_for_no_time_is_not_kept(client: httpx.Client, call: dict[str, Any]) -> None:
    assert cached(client, {**call, "cache": {"ttl": 0}}) == "miss"
    assert cached(client, {**call, "cache": {"ttl": 60}}) == "miss"
    assert cached(client, call) == "hit"


def test_an_answer_expires(client: httpx.Client, call: dict[str, Any]) -> None:
    assert cached(client, {**call, "cache": {"ttl": 0.001}}) == "miss"
    until(lambda: cached(client, call) == "miss")


def test_namespaces_are_apart(client: httpx.Client, call: dict[str, Any]) -> None:
    assert cached(client, {**call, "cache": {"namespace": "a"}}) == "miss"
    assert cached(client, {**call, "cache": {"namespace": "b"}}) == "miss"
    assert cached(client, call) == "miss"
    assert cached(client, {**call, "cache": {"namespace": "a"}}) == "hit"


def test_the_cache_member_is_never_sent_upstream(
    client: httpx.Client, upstream: Upstream, call: dict[str, Any]
) -> None:
    post(client, {"cache": {"ttl": 5, "namespace": "n"}, **call})
    post(client, {**call, "stream": True, "cache": {"no-store": True}})
    post(client, {**call, "cache": None, "seed": 1})
    assert len(upstream.calls) == 3
    assert not any("cache" in received.json for received in upstream.calls)


@pytest.mark.parametrize(
    ("cache", "param"),
    [
        ({"tll": 5}, "cache.tll"),
        ({"ttl": "5"}, "cache.ttl"),
        ({"ttl": -1}, "cache.ttl"),
        ({"no-store": 1}, "cache.no-store"),
        ({"namespace": 5}, "cache.namespace"),
        ("no-store", "cache"),
        (["no-store"], "cache"),
        (True, "cache"),
    ],
    ids=str,
)
def test_a_directive_that_cannot_be_obeyed_is_refused(
    client: httpx.Client, upstream: Upstream, call: dict[str, Any], cache: Any, param: str
) -> None:
    response = post(client, {**call, "cache": cache})
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)
    assert upstream.calls == []


# Who shares


def test_tenants_do_not_share(launch: Callable[..., Gateway], upstream: Upstream, call: dict[str, Any]) -> None:
    gateway = launch()
    ours, colleagues, theirs = (gateway.create_key("--tenant", tenant) for tenant in ("us", "us", "them"))
    with httpx.Client(base_url=gateway.url) as client:
        seen = [cached(client, call, authorization=f"Bearer {key}") for key in (ours, colleagues, theirs, theirs)]
    assert seen == ["miss", "hit", "miss", "hit"]
    assert len(upstream.calls) == 2


# What is not kept


FAILURES = {
    "400": gives({"error": {"message": "No."}}, 400),
    "429": gives({"error": {"message": "Later."}}, 429),
    "500": gives({"error": {"message": "Oh."}}, 500),
    "not JSON": lambda request: _script(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\noops"),
    "error in a 200": gives({"error": {"message": "Oh.", "code": "oh"}}),
    "unfinished": gives(body({**choice(content="Half"), "finish_reason": None})),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_failures_are_not_kept(client: httpx.Client, upstream: Upstream, call: dict[str, Any], failure: Any) -> None:
    upstream.answer = failure
    assert post(client, call).status_code >= 400
    upstream.answer = completion("Hello there.")
    assert cached(client, call) == "miss"


CUTS = {
    "reset": [event(part(role="assistant", content="Hel")), RESET],
    "clean end without finish": [event(part(role="assistant", content="Hel")), b"0\r\n\r\n"],
    "error event": [event(part(role="assistant", content="Hel")), event({"error": {"message": "Oh."}}), b"0\r\n\r\n"],
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_cut_streams_are_not_kept(client: httpx.Client, upstream: Upstream, call: dict[str, Any], cut: Any) -> None:
    upstream.answer = lambda request: _script(STREAM_HEAD, *cut)
    with pytest.raises(httpx.RemoteProtocolError):
        post(client, {**call, "stream": True})
    upstream.answer = completion("Hello there.")
    assert cached(client, {**call, "stream": True}) == "miss"


FILTERED = {
    "whole": gives(body(choice(content="", finish="content_filter"))),
    "whole, one of two": gives(body(choice(0, "content_filter", content=""), choice(1, content="Fine."))),
    "streamed": gives_stream([part(content="I "), part(finish="content_filter")]),
    "streamed, one of two": gives_stream(
        [part(0, content="I "), part(1, content="I"), part(0, finish="content_filter"), part(1, finish="stop")]
    ),
}


@pytest.mark.parametrize("name", FILTERED)
def test_filtered_answers_are_not_kept(
    client: httpx.Client, upstream: Upstream, call: dict[str, Any], name: str
) -> None:
    upstream.answer = FILTERED[name]
    stream = {"stream": name.startswith("streamed")}
    assert [cached(client, {**call, **stream}) for _ in range(2)] == ["miss", "miss"]


def test_an_answer_that_talks_about_the_filter_is_kept(
    client: httpx.Client, upstream: Upstream, call: dict[str, Any]
) -> None:
    upstream.answer = completion('{"finish_reason":"content_filter"} means that a filter cut the answer.')
    assert [cached(client, call) for _ in range(2)] == ["miss", "hit"]


# Settings


@pytest.mark.parametrize(("setting", "shown"), [("enabled: false", "bypass"), ("largest: 100", "miss")])
def test_the_operator_can_switch_it_off(
    launch: Callable[..., Gateway], call: dict[str, Any], setting: str, shown: str
) -> None:
    with httpx.Client(base_url=launch(f"cache: {{exact: {{{setting}}}}}").url) as client:
        assert [cached(client, call) for _ in range(2)] == [shown, shown]


def test_the_operator_can_let_answers_expire(launch: Callable[..., Gateway], call: dict[str, Any]) -> None:
    with httpx.Client(base_url=launch("cache: {exact: {ttl: 0.001}}").url) as client:
        assert cached(client, call) == "miss"
        until(lambda: cached(client, call) == "miss")


def test_sampled_answers_can_be_left_alone(launch: Callable[..., Gateway], call: dict[str, Any]) -> None:
    with httpx.Client(base_url=launch("cache: {exact: {sampled: false}}").url) as client:
        assert [cached(client, call) for _ in range(2)] == ["bypass", "bypass"]
        assert [cached(client, {**call, "temperature": 0.7}) for _ in range(2)] == ["bypass", "bypass"]
        assert [cached(client, {**call, "temperature": 0}) for _ in range(2)] == ["miss", "hit"]


# Calls in flight


async def _script(*steps: Any) -> AsyncIterator[Any]:
    for step in steps:
        yield step


class Gate:
    """An upstream answer that waits, at a point of its script, until the test opens it."""

    def __init__(self) -> None:
        self._open = threading.Event()

    async def wait(self) -> None:
        await asyncio.to_thread(self._open.wait, 60)  # the script runs in the provider's thread and loop

    def open(self) -> None:
        self._open.set()

    def before(self, answer: Any) -> Callable[[Any], AsyncIterator[Any]]:
        async def script(request: Any) -> AsyncIterator[Any]:
            await self.wait()
            async for step in answer(request):
                yield step

        return script

    def between(self, first: list[Any], then: list[Any]) -> Callable[[Any], AsyncIterator[Any]]:
        async def script(request: Any) -> AsyncIterator[Any]:
            for step in first:
                yield step
            await self.wait()
            for step in then:
                yield step

        return script


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


async def together(
    gateway: Gateway, upstream: Upstream, gate: Gate, bodies: list[dict[str, Any]]
) -> list[httpx.Response]:
    """Sends all bodies at once, and lets the provider answer once every call waits in the gateway."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=gateway.url, timeout=60, limits=limits) as client:
        calls = [asyncio.create_task(client.post(PATH, json=body)) for body in bodies]
        await in_progress(client, len(bodies))
        gate.open()
        return await asyncio.gather(*calls)


async def in_progress(client: httpx.AsyncClient, count: int) -> None:
    """Returns once so many calls are being answered (and this question itself)."""
    for _ in range(2_000):
        metrics = (await client.get("/metrics")).text
        if f"\ngateway_requests_in_progress {float(count + 1)}\n" in metrics:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(
        f"never {count} calls in progress: " + metrics[metrics.index("\ngateway_requests_in_progress") :][:80]
    )


MIXES = {
    "whole": [False] * 100,
    "streamed": [True] * 100,
    "mixed, whole leads": [False, True] * 50,
    "mixed, stream leads": [True, False] * 50,
}


@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)
async def test_a_hundred_at_once_are_one_upstream_call(
    gateway: Gateway, upstream: Upstream, gate: Gate, call: dict[str, Any], mix: list[bool]
) -> None:
    upstream.answer = gate.before(TWO_CHOICES)
    responses = await together(gateway, upstream, gate, [{**call, "stream": stream} for stream in mix])
    assert [response.status_code for response in responses] == [200] * 100
    seen = [response.headers["x-gateway-cache"] for response in responses]
    assert (seen.count("miss"), seen.count("coalesced")) == (1, 99)
    assert len(upstream.calls) == 1
    for response, stream in zip(responses, mix, strict=True):
        assert said(response, stream) == ["Heads.", "Tails, and"]


async def test_the_coalesced_pay_nothing(
    gateway: Gateway, upstream: Upstream, gate: Gate, call: dict[str, Any]
) -> None:
    upstream.answer = gate.before(completion("Hello there."))
    await together(gateway, upstream, gate, [call] * 10)
    rows = gateway.rows()
    paid = [row["cost_pico"] for row in rows if row["cache"] == "miss"]
    shared = [row for row in rows if row["cache"] == "coalesced"]
    assert len(paid) == 1
    assert paid[0] > 0
    assert [(row["cost_pico"], row["saved_pico"], row["saved_by"]) for row in shared] == [(0, paid[0], "coalesced")] * 9


async def test_a_flight_that_fails_fails_all_with_one_upstream_call(
    gateway: Gateway, upstream: Upstream, gate: Gate, call: dict[str, Any]
) -> None:
    upstream.answer = gate.before(gives({"error": {"message": "Oh."}}, 500))
    responses = await together(gateway, upstream, gate, [{**call, "stream": bool(i % 2)} for i in range(20)])
    assert [response.status_code for response in responses] == [502] * 20
    assert {response.json()["error"]["code"] for response in responses} == {"upstream_error"}
    assert len(upstream.calls) == 1


async def test_no_cache_does_not_join(gateway: Gateway, upstream: Upstream, gate: Gate, call: dict[str, Any]) -> None:
    upstream.answer = gate.before(completion("Hello there."))
    own = {**call, "cache": {"no-cache": True}}
    responses = await together(gateway, upstream, gate, [call, own, own])
    assert sorted(response.headers["x-gateway-cache"] for response in responses) == ["bypass", "bypass", "miss"]
    assert len(upstream.calls) == 3


def test_who_joins_late_gets_what_has_come_and_then_the_rest(
    gateway: Gateway, upstream: Upstream, gate: Gate, call: dict[str, Any]
) -> None:
    pieces = [event(part(content=f"{number} ")) for number in range(6)]
    ending = [event(part(finish="stop")), event(b"[DONE]"), b"0\r\n\r\n"]
    upstream.answer = gate.between([STREAM_HEAD, *pieces[:3]], [*pieces[3:], *ending])
    with OpenAI(base_url=f"{gateway.url}/v1", api_key="anything", max_retries=0) as sdk:
        leader = sdk.chat.completions.create(**call, stream=True)
        early = [next(leader) for _ in range(3)]
        follower = sdk.chat.completions.create(**call, stream=True)
        heard = [next(follower) for _ in range(3)]  # while the provider has not sent the rest
        assert heard == early
        gate.open()
        both = [reading.streamed([*early, *leader]), reading.streamed([*heard, *follower])]
    assert [answer["choices"][0]["text"] for answer in both] == ["0 1 2 3 4 5 "] * 2
    assert len(upstream.calls) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_leader_that_hangs_up_does_not_hurt_a_follower(
    gateway: Gateway, upstream: Upstream, gate: Gate, call: dict[str, Any], stream: bool
) -> None:
    upstream.answer = gate.between([STREAM_HEAD, event(part(content="Half "))], _rest())
    hung_up = upstream.hung_up
    with httpx.Client(base_url=gateway.url, timeout=60) as client, ThreadPoolExecutor(1) as pool:
        with client.stream("POST", PATH, json={**call, "stream": True}) as leader:
            heard = leader.iter_raw()
            assert b"Half" in next(heard)
            follower = pool.submit(client.post, PATH, json={**call, "stream": stream})
            asyncio.run(_joined(gateway, 2))
        asyncio.run(_joined(gateway, 1))
        gate.open()
        response = follower.result()
    assert response.headers["x-gateway-cache"] == "coalesced"
    assert said(response, stream) == ["Half and half."]
    assert (len(upstream.calls), upstream.hung_up) == (1, hung_up)


async def _joined(gateway: Gateway, count: int) -> None:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=60) as client:
        await in_progress(client, count)


def _rest() -> list[Any]:
    return [event(part(content="and half.")), event(part(finish="stop")), event(b"[DONE]"), b"0\r\n\r\n"]


def said(response: httpx.Response, stream: bool) -> list[str]:
    """The text of each choice."""
    if not stream:
        return [choice["message"]["content"] for choice in response.json()["choices"]]
    texts: dict[int, str] = {}
    for line in response.text.splitlines():
        if line.startswith("data: {"):
            for piece in json.loads(line[6:])["choices"]:
                texts[piece["index"]] = texts.get(piece["index"], "") + (piece["delta"].get("content") or "")
    return [texts[index] for index in sorted(texts)]
