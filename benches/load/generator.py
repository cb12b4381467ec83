"""A saturated closed loop from wrk: each connection sends its next request when the last is answered."""

import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import orjson

CONNECTIONS = 64

_SCRIPT = Path(__file__).with_name("load.lua")
_ERRORS = ("connect", "read", "write", "status", "timeout")


class BenchError(Exception):
    """A bench that cannot be trusted: the server refused, broke or shortened an answer."""


@dataclass(frozen=True)
class Load:
    """What one run of wrk received."""

    requests: int
    seconds: float
    bytes: int

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def saturate(url: str, body: str, key: str, seconds: int, core: int) -> Load:
    """Load `url` from one thread on `core`; any error or answer of 400 and above fails the bench."""
    if not shutil.which("wrk"):
        raise BenchError("wrk is not installed: run `apt-get install wrk`")
    pinned = [
        "taskset",
        "-c",
        str(core),
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "--timeout",
        "10s",
    ]
    arguments = ["-s", str(_SCRIPT), url, "--", body, secrets.token_hex(6), f"Bearer {key}"]
    environment = {"PATH": os.environ["PATH"]}
    ran = subprocess.run([*pinned, *arguments], env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in ran.stdout.splitlines() if line.startswith("RESULT ")]
    if ran.returncode or not lines:
        raise BenchError(f"wrk on {url}: {ran.stdout}{ran.stderr}")
    found = orjson.loads(lines[0].removeprefix("RESULT "))
    broken = {kind: found[kind] for kind in _ERRORS if found[kind]}
    if broken or not found["requests"]:
        raise BenchError(f"wrk on {url}: {found['requests']} answers, errors {broken}")
    return Load(found["requests"], found["microseconds"] / 1e6, found["bytes"])
