"""The processes of a gateway as the kernel sees them: memory, files, time on a core."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


@dataclass(frozen=True)
class Tree:
    """A process and all that descend from it, looked up anew at every question."""

    root: int

    @property
    def pids(self) -> list[int]:
        """The root first, then its descendants."""
        children = defaultdict(list)
        for entry in PROC.iterdir():
            if entry.name.isdigit():
                with suppress(*GONE):
                    children[int(_after_name(entry / "stat")[1])].append(int(entry.name))
        found = [self.root]
        for pid in found:
            found += children[pid]
        return found

    def resident(self) -> int:
        """Bytes of memory that they hold now, together."""
        return sum(_status(pid, "VmRSS") for pid in self.pids)

    def peak(self) -> int:
        """The sum of the most that each has held so far, in bytes."""
        return sum(_status(pid, "VmHWM") for pid in self.pids)

    def forget_peak(self) -> None:
        """From here on `peak` starts from what they hold now."""
        for pid in self.pids:
            with suppress(*GONE):
                (PROC / str(pid) / "clear_refs").write_text("5")

    def files(self) -> int:
        """Open file descriptors, together."""
        count = 0
        for pid in self.pids:
            with suppress(*GONE):
                count += len(os.listdir(PROC / str(pid) / "fd"))
        return count

    def kill(self) -> None:
        """Ends them all at once."""
        for pid in reversed(self.pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def confine(self, most: int) -> None:
        """Lets each have no more than `most` bytes of memory: one that goes wild fails alone, not the machine."""
        for pid in self.pids:
            with suppress(*GONE):
                resource.prlimit(pid, resource.RLIMIT_DATA, (most, most))

    def peer_of(self, port: int) -> int:
        """The process whose socket is connected to the local port `port`; the root if it cannot be told."""
        inode = _inode_of_peer(port)
        for pid in self.pids:
            with suppress(*GONE):
                for descriptor in (PROC / str(pid) / "fd").iterdir():
                    with suppress(*GONE):
                        if inode and os.readlink(descriptor) == f"socket:[{inode}]":
                            return pid
        return self.root


@dataclass(frozen=True)
class Schedule:
    """Seconds that a process has run (all threads), and that its main thread has waited for a core."""

    ran: float
    waited: float

    @classmethod
    def of(cls, pid: int) -> Schedule:
        ran = 0.0
        for thread in (PROC / str(pid) / "task").iterdir():
            with suppress(*GONE):
                ran += int((thread / "schedstat").read_text().split()[0]) / 1e9
        return cls(ran, int((PROC / str(pid) / "schedstat").read_text().split()[1]) / 1e9)


class Stopwatch:
    """Measures what a process takes, without what it waited for a core: `seconds` since it was made."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._start = self._now()

    def _now(self) -> float:
        return time.monotonic() - Schedule.of(self._pid).waited - stolen()

    @property
    def seconds(self) -> float:
        return self._now() - self._start


def stolen() -> float:
    """Seconds that the machine's own host has kept its cores from it, over all cores."""
    return int((PROC / "stat").read_text().split("\n", 1)[0].split()[8]) / os.sysconf("SC_CLK_TCK")


def _after_name(stat: Path) -> list[str]:
    """The fields of a `stat` file from the state on; the name before them may hold anything."""
    return stat.read_text().rpartition(")")[2].split()


def _status(pid: int, field: str) -> int:
    with suppress(*GONE):
        text = (PROC / str(pid) / "status").read_text()
        if field in text:  # a zombie has none
            return int(text.partition(f"{field}:")[2].split()[0]) * 1024
    return 0


def _inode_of_peer(port: int) -> str:
    for line in (PROC / "net" / "tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[2].endswith(f":{port:04X}"):
            return fields[9]
    return ""
