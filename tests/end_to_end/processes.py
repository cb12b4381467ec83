"""The processes of one gateway, by the part that each plays."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PARTS = {"gateway.supervisor": "supervisor", "gateway.control": "controller", "gateway.app": "worker"}


def parts(supervisor: int) -> dict[str, int]:
    """The supervisor and its children, as long as they live."""
    found = {}
    for pid in [supervisor, *children(supervisor)]:
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            module = words[words.index(b"-m") + 1].decode() if b"-m" in words else ""
            if module in PARTS and not zombie(pid):
                found[PARTS[module]] = pid
    return found


def children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def alive(pid: int) -> bool:
    with suppress(OSError):
        return not zombie(pid)
    return False


def kill(*pids: int) -> None:
    """SIGKILL to all, and returns once they are gone."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(alive, pids)))


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Returns once the condition holds; fails when it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
