"""A load whose every call can be told from all others in the ledger, and what the ledger must say of it."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx
import orjson

from tests.end_to_end.conftest import ask
from tests.end_to_end.upstream import Received, Upstream, streamed, whole

INPUT, CACHED, OUTPUT = 150_000, 75_000, 600_000  # gpt-4o-mini, picodollars a token
NUMBERED = 100_000


def numbered(number: int, stream: bool) -> dict[str, Any]:
    """A call that its `max_tokens` tells from all others, and so does its reserved cost."""
    return ask(f"Call {number:06d}", max_tokens=NUMBERED + number, stream=stream)


def usage_of(number: int) -> dict[str, Any]:
    """What the provider says that call used; its `prompt_tokens` tell it from all others."""
    prompt, completion, cached = NUMBERED + number, 1 + number % 97, number % 13
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def price_of(number: int) -> int:
    cached = number % 13
    return (NUMBERED + number - cached) * INPUT + cached * CACHED + (1 + number % 97) * OUTPUT


def number_of(body: bytes) -> int:
    return int(orjson.loads(body)["max_tokens"]) - NUMBERED


def reserved_for(body: bytes) -> int:
    return len(body) // 4 * INPUT + (NUMBERED + number_of(body)) * OUTPUT


async def priced(request: Received) -> AsyncIterator[Any]:
    """Answers slowly enough to be killed in the middle."""
    number = number_of(request.body)
    if request.json.get("stream"):
        async for step in streamed("one two three four", usage=usage_of(number), pause=0.005):
            yield step
    else:
        yield 0.01
        async for step in whole("one two three four", usage=usage_of(number)):
            yield step


@dataclass
class Load:
    """Clients that call, and go on calling whatever dies, until `over`.

    `sent` counts the bodies they sent. Every call has a request id of its own, which begins with its number; `answered` maps
    the id of each call whose end was seen to its number and how the cache took part in it; `left` counts hang-ups.
    """

    numbers: Iterator[int]
    url: str = ""
    sent: Counter[bytes] = field(default_factory=Counter)
    faults: list[BaseException] = field(default_factory=list)
    answered: dict[str, tuple[int, str]] = field(default_factory=dict)
    left: int = 0
    over: bool = False
    news: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def running(self, clients: int) -> Iterator[None]:
        threads = [threading.Thread(target=self.run, args=(seed,)) for seed in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over = True
            for thread in threads:
                thread.join()

    def wait_for(self, more: int) -> None:
        """Returns once so many further calls are answered."""
        enough = len(self.answered) + more
        with self.news:
            assert self.news.wait_for(lambda: self.faults or len(self.answered) >= enough, 120)
            assert not self.faults

    def run(self, seed: int) -> None:
        try:
            self._run(seed)
        except BaseException as fault:
            with self.news:
                self.faults.append(fault)
                self.news.notify_all()

    def _run(self, seed: int) -> None:
        chance = random.Random(seed)
        body, number = b"", 0
        while not self.over:
            with suppress(httpx.HTTPError), httpx.Client(base_url=self.url, timeout=60) as client:
                while not self.over:
                    if not body or chance.random() < 0.7:
                        with self.news:
                            number = next(self.numbers)
                        body = orjson.dumps(numbered(number, chance.random() < 0.5))
                    self._call(client, body, number, hang_up=chance.random() < 0.1)
            time.sleep(0.02)

    def _call(self, client: httpx.Client, body: bytes, number: int, hang_up: bool) -> None:
        with self.news:
            self.sent[body] += 1
            request_id = f"{number}-{self.sent.total()}"
        headers = {"content-type": "application/json", "x-request-id": request_id}
        with client.stream("POST", "/v1/chat/completions", content=body, headers=headers) as response:
            if hang_up and b'"stream":true' in body:
                next(response.iter_raw(), b"")
                self.left += 1
                raise httpx.ReadError("left on purpose")
            text = response.read()
        if response.status_code == 503 and b"shutting_down" in text:
            raise httpx.RemoteProtocolError("the gateway is going")
        assert response.status_code == 200, text
        if b'"stream":true' in body and b'"error"' in text:
            raise httpx.RemoteProtocolError("cut off, and told so")
        ended = text.endswith(b"data: [DONE]\n\n") if b'"stream":true' in body else bool(orjson.loads(text)["usage"])
        assert ended
        with self.news:
            assert response.headers["x-request-id"] == request_id
            self.answered[response.headers["x-gateway-id"]] = (number, response.headers["x-gateway-cache"])
            self.news.notify_all()


def check_books(load: Load, rows: list[dict[str, Any]], upstream: Upstream) -> None:
    """Every answered call once, at its right cost; every other one that was sent on, once, and not as if it had ended well."""
    by_id = {row["id"]: row for row in rows}
    assert len(by_id) == len(rows)
    for request_id, (number, cache) in load.answered.items():
        row = by_id[request_id]
        assert (row["outcome"], row["cache"]) == ("ok", cache)
        assert row["cost_pico"] == (0 if cache in ("hit", "coalesced") else price_of(number))
        assert row["saved_pico"] == (price_of(number) if cache in ("hit", "coalesced") else 0)
    reserved = Counter({reserved_for(body): count for body, count in load.sent.items()})
    assert Counter(row["cost_pico"] for row in rows if row["error"] == "interrupted") <= reserved
    # A kill between the journal and the wire leaves a row of a call that the provider never saw; never the other way round.
    booked: Counter[int] = Counter()
    for row in rows:
        booked[int(row["request_id"].partition("-")[0])] += row["attempts"]
    unbooked = Counter(number_of(call.body) for call in upstream.calls) - booked
    assert not unbooked, [unbooked, *(row for row in rows if int(row["request_id"].partition("-")[0]) in unbooked)]
    for row in rows:
        if row["outcome"] == "ok" and row["cache"] == "miss":
            assert row["cost_pico"] == price_of(row["input_tokens"] - NUMBERED)
    assert {row["outcome"] for row in rows} <= {"ok", "interrupted", "hung_up"}
    assert any(row["cache"] == "hit" for row in rows)
