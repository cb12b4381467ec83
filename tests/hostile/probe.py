"""Watches from outside whether a gateway's loop stalls, on a machine that may itself be busy.

It runs as a process of its own, so that neither the attackers' nor the provider's work slows it down:
`python -m tests.hostile.probe HOST PORT PID`.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.hostile.tree import Schedule, Tree, stolen

PAUSE = 0.01
NOTED = 0.05
BUSY, IDLE = 0.1, 1.0
"""Seconds after which a pause is a stall: of a loop that works, and of one that waits for something else."""
REQUEST = b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


@dataclass(frozen=True)
class Pause:
    """An answer that took long: when it was asked for (Unix seconds), how long it took without what the machine took, and for
    how much of that the gateway was at work."""

    at: float
    seconds: float
    worked: float

    @property
    def stall(self) -> bool:
        return min(self.seconds, self.worked) > BUSY or self.seconds > IDLE


class Probe:
    """Asks a gateway whether it is alive, over and over on one connection, inside its `with`.

    After it, `pauses` holds those of its `asked` questions that were not answered soon.
    """

    def __init__(self, url: str, pid: int) -> None:
        self._url, self._pid = urlsplit(url), pid
        self.pauses: list[Pause] = []
        self.asked = 0

    def __enter__(self) -> Probe:
        command = [sys.executable, "-m", "tests.hostile.probe", str(self._url.hostname), str(self._url.port)]
        self._child = subprocess.Popen(
            [*command, str(self._pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert self._child.stdout is not None
        assert self._child.stdout.readline() == "ready\n", "the probe did not reach the gateway"
        return self

    def __exit__(self, *exception: object) -> None:
        out, _ = self._child.communicate()
        told = json.loads(out)
        self.asked, self.pauses = told["asked"], [Pause(*pause) for pause in told["pauses"]]

    @property
    def stalls(self) -> list[Pause]:
        return [pause for pause in self.pauses if pause.stall]

    @property
    def worst(self) -> float:
        """The longest pause in seconds; 0 if none was worth noting."""
        return max((min(pause.seconds, pause.worked) for pause in self.pauses), default=0.0)


def watch(host: str, port: int, pid: int) -> None:
    """Asks until standard input ends; then says what it saw, as JSON."""
    pauses, asked = [], 0
    line = socket.create_connection((host, port), timeout=60)
    _ask(line)
    worker = Tree(pid).peer_of(line.getsockname()[1])
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        at, start, before, mine, gone = time.time(), time.monotonic(), _look(worker), _look(os.getpid()), stolen()
        try:
            _ask(line)
        except ConnectionError:  # its keep-alive time is over, or the gateway is
            line.close()
            line = socket.create_connection((host, port), timeout=60)
            worker = Tree(pid).peer_of(line.getsockname()[1])
            continue
        elapsed = time.monotonic() - start
        asked += 1
        if elapsed > NOTED:
            after, me = _look(worker), _look(os.getpid())
            lost = (after.waited - before.waited) + (me.waited - mine.waited) + (stolen() - gone)
            pauses.append((at, elapsed - lost, after.ran - before.ran))
    line.close()
    print(json.dumps({"asked": asked, "pauses": pauses}))


def _ask(line: socket.socket) -> None:
    line.sendall(REQUEST)
    head = b""
    while b"\r\n\r\n" not in head:
        if not (more := line.recv(65536)):
            raise ConnectionResetError
        head += more
    start, _, body = head.partition(b"\r\n\r\n")
    left = int(start.lower().partition(b"content-length:")[2].split()[0]) - len(body)
    while left > 0:
        left -= len(line.recv(65536)) or left


def _look(pid: int) -> Schedule:
    try:
        return Schedule.of(pid)
    except FileNotFoundError:
        return Schedule(0.0, 0.0)


if __name__ == "__main__":
    watch(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
