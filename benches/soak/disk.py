"""A small disk for the ledger's store, and what can happen to it. Mounting needs root."""

import resource
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benches.load.generator import BenchError
from benches.load.server import Server

SIZE = 256 << 20


@dataclass(frozen=True)
class Disk:
    path: Path

    @staticmethod
    @contextmanager
    def mounted() -> Iterator["Disk"]:
        """A disk of `SIZE` bytes in memory."""
        with tempfile.TemporaryDirectory(prefix="bench-disk-") as folder:
            _run("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder)
            try:
                yield Disk(Path(folder))
            finally:
                _run("umount", "--lazy", folder)


Fault = Callable[[Disk, Server], AbstractContextManager[None]]


@contextmanager
def locked(disk: Disk, gateway: Server) -> Iterator[None]:
    """Another process holds the store's lock."""
    db = sqlite3.connect(disk.path / "ledger.db", isolation_level=None, timeout=10)
    db.execute("BEGIN IMMEDIATE")
    yield
    db.execute("ROLLBACK")
    db.close()


@contextmanager
def full(disk: Disk, gateway: Server) -> Iterator[None]:
    """There is no room left."""
    filler = disk.path / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError:
            pass
    yield
    filler.unlink()


@contextmanager
def failing(disk: Disk, gateway: Server) -> Iterator[None]:
    """Every write of the controller's is an I/O error, as on a device that is gone."""
    (controller,) = gateway.pids("gateway.control")
    before = resource.prlimit(controller, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    yield
    with suppress(ProcessLookupError):  # it was told to stop meanwhile
        resource.prlimit(controller, resource.RLIMIT_FSIZE, before)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"`{' '.join(command)}`: {done.stderr.strip()}")
