"""SIGKILL loses nothing and counts nothing twice; nor does SIGTERM."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Callable

import httpx2 as httpx

from tests.end_to_end.books import Load, check_books, priced
from tests.end_to_end.gateway import Gateway
from tests.end_to_end.processes import alive, wait_until
from tests.end_to_end.upstream import Upstream

KILLS = int(os.environ.get("GATEWAY_KILLS", "12"))
SEED = int(os.environ.get("GATEWAY_KILLS_SEED", "20261121"))


def test_kills_of_any_process_under_load_lose_nothing_and_count_nothing_twice(
    launch: Callable[..., Gateway], upstream: Upstream
) -> None:
    upstream.answer = priced
    gateway = launch(f"server: {{port: {free_port()}}}\n")
    load, chance = Load(iter(range(10**6)), gateway.url), random.Random(SEED)

    with load.running(clients=6):
        for _ in range(KILLS):
            load.wait_for(10)
            part = chance.choice(("supervisor", "controller", "worker"))
            before = gateway.parts
            gateway.kill(part)
            if part == "supervisor":
                gateway.start()
                wait_until(lambda: not any(map(alive, before.values())))  # noqa: B023
            else:
                wait_until(lambda: gateway.parts.get(part, before[part]) != before[part])  # noqa: B023
                others = {name: pid for name, pid in before.items() if name != part}
                assert others.items() <= gateway.parts.items(), "the others are unaffected"
            load.wait_for(1)
    wait_until(lambda: httpx.get(f"{gateway.url}/health/ready").is_success)
    pids = gateway.parts
    assert gateway.stop() == 0
    assert not any(map(alive, pids.values()))

    check_books(load, gateway.rows(), upstream)
    assert load.left, "some clients hung up"


def test_sigterm_under_load_keeps_every_row(gateway: Gateway, upstream: Upstream) -> None:
    upstream.answer = priced
    load = Load(iter(range(10**6)), gateway.url)
    with load.running(clients=4):
        load.wait_for(30)
        assert gateway.stop() == 0
    rows = {row["id"]: row for row in gateway.rows()}
    assert set(load.answered) <= set(rows)
    assert {row["outcome"] for row in rows.values()} <= {"ok", "hung_up"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
