"""The three processes of `gateway serve`: each may die, the others go on, and nothing is left over."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import orjson
import pytest

from gateway import supervisor
from gateway.inheritance import UNUSABLE, Inheritance
from gateway.supervisor import GIVE_UP, Child, Supervisor
from tests.end_to_end.conftest import ask, client, gateway, launch, upstream
from tests.end_to_end.gateway import ADMIN_KEY, Gateway
from tests.end_to_end.processes import alive, kill, parts, wait_until
from tests.end_to_end.test_hang_up import raw
from tests.end_to_end.upstream import STREAM_HEAD, Received, Upstream, completion, delta, event

__all__ = ["client", "gateway", "launch", "upstream"]

ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}


def call(client: httpx.Client, content: str = "Hi") -> httpx.Response:
    return client.post("/v1/chat/completions", json=ask(content))


def reasons(client: httpx.Client) -> dict[str, str]:
    return dict(client.get("/health/ready").json().get("reasons", {}))


@pytest.fixture
def half(upstream: Upstream) -> threading.Event:
    """Streams half an answer, and the rest once the event is set."""
    go_on = threading.Event()

    async def play(_: Received) -> AsyncIterator[Any]:
        yield STREAM_HEAD
        yield event(delta("Half."))
        while not go_on.is_set():
            yield 0.01
        yield event(delta(" Whole.", finish="stop"))
        yield event(b"[DONE]")
        yield b"0\r\n\r\n"

    upstream.answer = play
    return go_on


def read_until(connection: socket.socket, mark: bytes) -> bytes:
    data = b""
    connection.settimeout(30)
    while mark not in data and (read := connection.recv(65536)):
        data += read
    return data


@pytest.mark.parametrize("begun", ["supervisor", "controller", "worker"])
def test_ctrl_c_while_it_starts_ends_it_without_a_traceback(tmp_path: Path, begun: str) -> None:
    environ = {**os.environ, "GATEWAY_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-m", "gateway", "serve", "--port", "0"]
    started = subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    command_line = Path(f"/proc/{started.pid}/cmdline")
    wait_until(lambda: b"gateway.supervisor" in command_line.read_bytes())
    wait_until(lambda: begun == "supervisor" or minds_ctrl_c(parts(started.pid).get(begun)))

    os.killpg(started.pid, signal.SIGINT)

    output, _ = started.communicate(timeout=60)
    assert (started.returncode, "Traceback" in output, "KeyboardInterrupt" in output) == (0, False, False), output


def minds_ctrl_c(pid: int | None) -> bool:
    """Whether a process has got so far that SIGINT does something else than end it."""
    status = Path(f"/proc/{pid}/status").read_text() if pid else ""
    masks = [
        int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("SigBlk", "SigIgn", "SigCgt"))
    ]
    return any(mask >> (signal.SIGINT - 1) & 1 for mask in masks)


def test_ctrl_c_ends_a_command_without_a_traceback(tmp_path: Path) -> None:
    """While it imports, which takes longest."""
    (tmp_path / "typer.py").write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n")
    command = [sys.executable, "-m", "gateway", "version"]
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])

    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_DFL
        ),  # ignored where the tests run in the background
    )

    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_without_the_controller_calls_go_on_and_another_takes_up_the_books(
    gateway: Gateway, client: httpx.Client
) -> None:
    answered = [call(client, f"before {n}").headers["x-request-id"] for n in range(3)]
    worker, controller = gateway.parts["worker"], gateway.parts["controller"]
    os.kill(controller, signal.SIGSTOP)  # so that it is away for as long as this takes
    kill(controller)
    answered += [call(client, f"after {n}").headers["x-request-id"] for n in range(3)]

    wait_until(lambda: gateway.parts.get("controller", controller) != controller)
    wait_until(lambda: reasons(client) == {})

    assert gateway.parts["worker"] == worker
    assert [row["id"] for row in gateway.rows()] == answered
    assert client.get("/metrics").status_code == 200


def test_readiness_says_that_the_controller_is_away(gateway: Gateway, client: httpx.Client) -> None:
    supervisor = gateway.parts["supervisor"]
    os.kill(supervisor, signal.SIGSTOP)  # nobody starts another
    try:
        os.kill(gateway.parts["controller"], signal.SIGKILL)
        wait_until(lambda: "controller" in reasons(client))

        metrics = client.get("/metrics")
        assert (metrics.status_code, metrics.headers["retry-after"]) == (503, "1")
        assert metrics.json()["error"]["code"] == "controller_away"
        assert call(client).status_code == 200
    finally:
        os.kill(supervisor, signal.SIGCONT)
    wait_until(lambda: reasons(client) == {})


def test_a_dead_worker_is_replaced_and_its_open_calls_are_closed_as_interrupted(
    gateway: Gateway, upstream: Upstream, half: threading.Event
) -> None:
    controller, worker = gateway.parts["controller"], gateway.parts["worker"]
    with raw(gateway, orjson.dumps(ask("Long", stream=True))) as connection:
        read_until(connection, b"Half.")
        kill(worker)
        half.set()

        with sqlite3.connect(gateway.data_dir / "ledger.db") as db:
            wait_until(lambda: db.execute("SELECT outcome FROM calls").fetchall() == [("interrupted",)])
        db.close()

    upstream.answer = completion("Hello.")
    # The socket stayed open meanwhile: this call waited in its backlog.
    assert httpx.post(f"{gateway.url}/v1/chat/completions", json=ask("Next"), timeout=60).status_code == 200
    assert gateway.parts["controller"] == controller
    assert gateway.parts["worker"] != worker


def test_without_the_supervisor_the_others_finish_what_is_open_and_end(gateway: Gateway, half: threading.Event) -> None:
    controller, worker = gateway.parts["controller"], gateway.parts["worker"]
    with raw(gateway, orjson.dumps(ask("Long", stream=True))) as connection:
        read_until(connection, b"Half.")
        gateway.kill("supervisor")
        half.set()
        assert read_until(connection, b"0\r\n\r\n").endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")

    wait_until(lambda: not alive(worker) and not alive(controller))
    assert [row["outcome"] for row in gateway.rows()] == ["ok"]


def test_a_new_gateway_waits_for_the_remains_of_a_killed_one(gateway: Gateway, half: threading.Event) -> None:
    with raw(gateway, orjson.dumps(ask("Long", stream=True))) as connection:
        read_until(connection, b"Half.")
        gateway.kill("supervisor")
        threading.Timer(0.5, half.set).start()

        gateway.start()

        read_until(connection, b"[DONE]")
    assert [row["outcome"] for row in gateway.rows()] == ["ok"]


def test_the_second_interrupt_ends_it_now_and_the_first_says_what_it_waits_for(
    gateway: Gateway, half: threading.Event
) -> None:
    with raw(gateway, orjson.dumps(ask("Long", stream=True))) as connection:
        read_until(connection, b"Half.")
        gateway.process.send_signal(signal.SIGINT)
        wait_until(lambda: "1 open call(s)" in gateway.log())
        assert gateway.process.poll() is None

        gateway.process.send_signal(signal.SIGINT)

        assert gateway.process.wait(30) == 0
        assert b"shutting_down" in read_until(connection, b"shutting_down")
    (row,) = gateway.rows()
    assert (row["outcome"], row["error"], row["partial"]) == ("interrupted", "shutting_down", 1)


def test_after_sigterm_no_process_is_left(gateway: Gateway, client: httpx.Client) -> None:
    call(client)
    pids = gateway.parts.values()

    assert gateway.stop() == 0

    assert not any(map(alive, pids))


def serve(environ: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway", "serve", *options]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_a_busy_port_is_said_before_anything_is_made(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = serve({**environ, "GATEWAY_DATA_DIR": str(tmp_path / "data")}, "--port", str(port))

    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data" / "keys.db").exists(), "a fresh admin key would be lost unseen"


def test_an_admin_key_is_shown_once_even_if_the_controller_is_restarted(launch: Callable[..., Gateway]) -> None:
    gateway = launch(GATEWAY_ADMIN_KEY="")
    assert gateway.log().count("Admin key:") == 1
    controller = gateway.parts["controller"]

    kill(controller)
    wait_until(lambda: gateway.parts.get("controller", controller) != controller)
    wait_until(lambda: httpx.get(f"{gateway.url}/health/ready").status_code == 200)

    assert gateway.log().count("Admin key:") == 1
    assert gateway.log().count("listens on") == 1


def test_a_key_works_when_the_command_that_made_it_returns(gateway: Gateway, client: httpx.Client) -> None:
    for _ in range(5):
        key = gateway.create_key()
        assert client.get("/v1/models", headers={"authorization": f"Bearer {key}"}).status_code == 200
        gateway.cli("keys", "revoke", key.split("-")[2])
        assert client.get("/v1/models", headers={"authorization": f"Bearer {key}"}).status_code == 401


def test_a_worker_without_a_controller_ends_with_its_supervisor(gateway: Gateway) -> None:
    worker = gateway.parts["worker"]
    gateway.kill("supervisor", "controller")

    wait_until(lambda: not alive(worker))


SPELLINGS = (
    "{}", "{}/", "/{}", "//x{}", "/admin/..{}", "/admin/%2e%2e{}", "/admin/.%2E{}", "/admin//..{}", "http://controller{}",
)  # fmt: skip


def test_internal_routes_are_out_of_clients_reach(gateway: Gateway) -> None:
    """In bytes, since a client library would tidy the paths up."""
    url = urlsplit(gateway.url)
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"gateway-process": "1", **ADMIN}.items())
    for path in ("/link", "/keys/changed"):
        for around in SPELLINGS:
            for method in ("GET", "POST"):
                target = around.format(path)
                request = f"{method} {target} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n{lines}\r\n"
                with socket.create_connection((url.hostname, url.port)) as line:
                    line.sendall(request.encode())
                    status = line.makefile("rb").readline().split()[1]
                assert status in (b"404", b"405"), (method, target)


def test_a_worker_that_does_not_end_is_made_to(launch: Callable[..., Gateway]) -> None:
    gateway = launch("server: {drain: 0}\n")
    os.kill(gateway.parts["worker"], signal.SIGSTOP)

    assert gateway.stop() == 1

    assert "gateway.app has not ended within 20 s and is killed" in gateway.log()


def test_what_lies_in_the_current_directory_is_not_imported(gateway: Gateway, tmp_path: Path) -> None:
    gateway.stop()
    for name in ("uvloop", "secrets", "logging", "orjson"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken from the current directory')")
    command = [Path(sys.executable).parent / "gateway", "serve", "--port", "0"]
    log = (tmp_path / "log").open("wb")
    with subprocess.Popen(command, cwd=tmp_path, env=gateway.environ, stdout=log, stderr=log) as process:
        wait_until(lambda: b"Try it:" in (tmp_path / "log").read_bytes() or process.poll() is not None)
        process.terminate()
    log.close()

    assert b"current directory" not in (tmp_path / "log").read_bytes()


def test_sighup_stops_nothing(gateway: Gateway, client: httpx.Client) -> None:
    gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "SIGHUP is ignored" in gateway.log())

    assert call(client).status_code == 200


@pytest.mark.parametrize(("lived", "pauses"), [(10.0, [0.0, 0.0, 0.0]), (0.1, [0.1, 0.2, 0.4, 0.8, 0.8, 0.8])])
def test_a_child_that_dies_early_is_started_again_after_a_pause_of_less_than_a_second(
    lived: float, pauses: list[float]
) -> None:
    child = Child("gateway.app", ())
    found = []
    for _ in pauses:
        child.started, child.due = 100.0, None
        child.died(now=100.0 + lived)
        assert child.due is not None
        found.append(round(child.due - child.started - lived, 3))

    assert found == pauses


@pytest.mark.parametrize(
    ("status", "deaths", "stops"),
    [(UNUSABLE, 1, True), (1, 1, False), (1, GIVE_UP, True), (-signal.SIGKILL, GIVE_UP + 5, False), (0, 1, False)],
)
def test_starting_is_given_up_where_the_next_would_fail_likewise(
    monkeypatch: pytest.MonkeyPatch, status: int, deaths: int, stops: bool
) -> None:
    child = Child("gateway.control", (), pid=7, early_deaths=deaths - 1)
    supervised = Supervisor(Inheritance("", "", 1, *([-1] * 5)), [child])
    ended = iter([(7, status), None])
    monkeypatch.setattr(supervisor, "_ended", lambda: next(ended))
    monkeypatch.setattr(os, "close", lambda _: None)
    child.started = time.monotonic()

    supervised._reap()

    assert (supervised.stopping, supervised.status) == (stops, int(stops))


def test_ended_children_are_reaped_with_how_they_ended() -> None:
    quick = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    os.waitid(os.P_PID, quick.pid, os.WEXITED | os.WNOWAIT)

    assert supervisor._ended() == (quick.pid, 3)
    quick.returncode = 3
