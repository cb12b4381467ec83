"""Processes under load: pinned to a core, waited for until ready, metered, and stopped whatever happens."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from benches.load.generator import BenchError

ROOT = Path(__file__).parents[2]

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_READY_SECONDS = 30.0
_STOP_SECONDS = 10.0
_INHERITED = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "PYENV_ROOT", "PYENV_VERSION", "TMPDIR")


@dataclass(frozen=True)
class Server:
    name: str
    port: int
    pid: int
    core: int
    key: str = "x"
    admin: str = ""
    data: Path = Path()
    """Where a gateway keeps its state."""
    process: "subprocess.Popen[bytes] | None" = None
    log: int = -1
    """A descriptor of the file that holds its output."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def said(self) -> str:
        """Its output so far."""
        return os.pread(self.log, 1 << 24, 0).decode(errors="replace")

    def wait(self) -> None:
        """Returns once it has ended."""
        assert self.process is not None
        self.process.wait(120)

    def pids(self, module: str) -> list[int]:
        """The processes of its family that run a Python module."""
        words = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in _family(self.pid)}
        return [pid for pid, line in words.items() if module.encode() in line]

    def memory(self) -> int:
        """Bytes of memory that the process and its descendants hold."""
        return sum(_resident(pid) for pid in _family(self.pid))

    def cpu_seconds(self) -> float:
        """CPU time used so far by the process and its descendants, user and system."""
        return sum(_cpu_ticks(pid) for pid in _family(self.pid)) * _TICK


@contextmanager
def mock(core: int) -> Iterator[Server]:
    port = _free_port()
    with _running("mock", core, port, ["benches.load.mock", "--port", str(port)], "/v1/models") as server:
        yield server


@contextmanager
def reference(which: str, core: int, upstream: str) -> Iterator[Server]:
    port = _free_port()
    command = ["benches.load.references", which, "--port", str(port), "--upstream", upstream]
    with _running(f"bare {which}", core, port, command, "/health/ready") as server:
        yield server


@contextmanager
def gateway(core: int, upstream: str, tree: Path = ROOT, store: Path | None = None) -> Iterator[Server]:
    """The gateway of a checkout as a user starts it: keys, limits, cache and ledger on, its data in a new directory.

    `store` is where the ledger's database is to be, if not in there.
    """
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="bench-gateway-") as data:
        if store is not None:
            (Path(data) / "ledger.db").symlink_to(store)
        settings = {
            "OPENAI_API_KEY": "x",
            "OPENAI_BASE_URL": f"{upstream}/v1",
            "GATEWAY_PORT": str(port),
            "GATEWAY_DATA_DIR": data,
            "GATEWAY_ADMIN_KEY": secrets.token_hex(16),
            "PYTHONPATH": os.pathsep.join([str(tree / "python"), str(tree)]),
        }
        key = _create_key(settings)
        with _running("gateway", core, port, ["gateway", "serve"], "/health/ready", settings) as server:
            yield replace(server, key=key, admin=settings["GATEWAY_ADMIN_KEY"], data=Path(data))


def _create_key(settings: dict[str, str]) -> str:
    limits = ["--rpm", "100000000", "--concurrency", "100000"]
    command = [sys.executable, "-m", "gateway", "keys", "create", "--quiet", "--name", "bench", *limits]
    made = subprocess.run(command, env=_environment(settings), capture_output=True, text=True, check=False, cwd="/")
    words = made.stdout.split()
    if made.returncode or not words:
        raise BenchError(f"`{' '.join(command[1:])}` made no key: {made.stdout}{made.stderr}")
    return words[-1]


@contextmanager
def _running(
    name: str, core: int, port: int, module: list[str], probe: str, settings: dict[str, str] | None = None
) -> Iterator[Server]:
    command = ["taskset", "-c", str(core), sys.executable, "-m", *module]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, env=_environment(settings or {}), stdout=log, stderr=log, cwd="/", start_new_session=True
        )
        try:
            _wait_until_ready(process, f"http://127.0.0.1:{port}{probe}")
            yield Server(name, port, process.pid, core, process=process, log=log.fileno())
        except (BenchError, OSError) as error:
            said = _tail(log.fileno())
            raise BenchError(f"{error}\nThe last output of {name}:\n{said}" if said else str(error)) from error
        finally:
            _stop(process)


def _environment(settings: dict[str, str]) -> dict[str, str]:
    """No key or address of a real provider; no configuration file either, since servers run in `/`."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return kept | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"} | settings


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise BenchError(f"{url}: the server ended with {process.returncode}")
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError), urllib.request.urlopen(url, timeout=1):
            return
        time.sleep(0.05)
    raise BenchError(f"{url} was not ready within {_READY_SECONDS:.0f} s")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The process leads a group of its own, so that what it started ends with it."""
    for signalled in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signalled)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
            return


def _tail(log: int) -> str:
    return os.pread(log, 1 << 20, max(0, os.fstat(log).st_size - 4000)).decode(errors="replace")


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _cpu_ticks(pid: int) -> int:
    """utime + stime + cutime + cstime; the second field of the line is a name that may hold spaces."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15]))


def _resident(pid: int) -> int:
    with suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0


def idle_seconds(core: int) -> float:
    """How long `core` has had nothing to run, since boot."""
    lines = Path("/proc/stat").read_text().splitlines()
    fields = next(line.split() for line in lines if line.startswith(f"cpu{core} "))
    return (int(fields[4]) + int(fields[5])) * _TICK


def _free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port: int = chosen.getsockname()[1]
        return port
