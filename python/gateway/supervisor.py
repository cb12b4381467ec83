"""`gateway serve`: starts the controller and the worker, restarts what dies, ends them on SIGTERM and SIGINT.

It holds what outlives both: the listening socket, the controller's socket, the lock on the data directory, and one end of a
pipe. The children hold the other end: when it breaks, the supervisor is gone, and they drain and end by themselves.

It is a process of its own, with nothing imported that could fail or grow.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NoReturn

from gateway.inheritance import UNUSABLE, Inheritance

HEARD = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
DEAF = {signal.SIGINT}
"""What children do not hear: Ctrl-C reaches the whole group, and it is the supervisor that ends them."""
LONGEST_WAIT = 3600.0
STEADY_SECONDS = 5.0
"""A child that lived so long is started again at once; one that did not, after a pause."""
PAUSES = (0.0, 0.1, 0.2, 0.4, 0.8)
GIVE_UP = 5
"""Early ends in a row by the child's own doing, after which the gateway gives up: the next start would fail too."""


@dataclass(slots=True)
class Child:
    """One process that is to live as long as the supervisor does."""

    module: str
    inherits: tuple[int, ...]
    pid: int = 0
    started: float = 0.0
    early_deaths: int = 0
    due: float | None = 0.0
    """When it is to be started; None while it runs, or once it is not needed any more."""

    def start(self, arguments: list[str]) -> None:
        command = [*python(self.module), *arguments]
        keep = [(os.POSIX_SPAWN_DUP2, number, number) for number in self.inherits]
        self.pid = os.posix_spawn(
            sys.executable, command, os.environ, file_actions=keep, setsigmask=DEAF, setsigdef=HEARD
        )
        self.started, self.due = time.monotonic(), None

    def signal(self, signum: int) -> None:
        if self.pid:
            os.kill(self.pid, signum)

    def died(self, now: float) -> None:
        """Plans the next start: within a second, however often it dies."""
        self.pid = 0
        self.early_deaths = 0 if now - self.started > STEADY_SECONDS else self.early_deaths + 1
        self.due = now + PAUSES[min(self.early_deaths, len(PAUSES) - 1)]


@dataclass(slots=True)
class Supervisor:
    """Keeps its children alive until it is stopped, and ends when they have."""

    inheritance: Inheritance
    children: list[Child] = field(default_factory=list)
    stopping: bool = False
    status: int = 0
    deadline: float = float("inf")
    """When children that have not ended are made to."""

    def run(self) -> int:
        """Returns the exit status, once every child has ended."""
        signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        lifeline, _ = os.pipe()  # the other end is closed by this process's death
        given = replace(self.inheritance, lifeline=lifeline)
        self.children = [
            Child("gateway.control", (given.control, given.config, given.lock, lifeline)),
            Child("gateway.app", (given.listener, lifeline)),
        ]
        while not self.stopping or any(child.pid for child in self.children):
            now = time.monotonic()
            for child in self.children:
                if child.due is not None and child.due <= now and not self.stopping:
                    child.start(given.arguments())
            self._await_news(now)
        return self.status

    def _await_news(self, now: float) -> None:
        due = [child.due for child in self.children if child.due is not None and not self.stopping]
        heard = signal.sigtimedwait(HEARD, max(0.0, min([*due, self.deadline, now + LONGEST_WAIT]) - now))
        if heard is None and time.monotonic() >= self.deadline:
            self._make_them_end()
        elif heard is not None and heard.si_signo == signal.SIGCHLD:
            self._reap()
        elif heard is not None and heard.si_signo == signal.SIGHUP:
            _say("SIGHUP is ignored: a changed configuration takes a restart")
        elif heard is not None:
            self._stop(0)

    def _reap(self) -> None:
        while (found := _ended()) is not None:
            pid, status = found
            child = next((child for child in self.children if child.pid == pid), None)
            if child is None:
                continue
            child.died(time.monotonic())
            if self.stopping:
                continue
            if status == UNUSABLE or (status > 0 and child.early_deaths >= GIVE_UP):
                self._stop(1)
            else:
                _say(f"{child.module} ended unexpectedly (status {status}); starting it again")

    def _stop(self, status: int) -> None:
        """Lets the children drain; the second time, has them end what they are at."""
        if not self.stopping:
            self.deadline = time.monotonic() + self.inheritance.patience
            os.close(self.inheritance.listener)  # the worker's copy is the last: nobody connects once it is closed
            if sys.stderr.isatty():
                print(
                    "Stopping once open calls have ended. Press Ctrl-C again to end them now.",
                    file=sys.stderr,
                    flush=True,
                )
        self.stopping, self.status = True, max(self.status, status)
        for child in self.children:
            child.signal(signal.SIGTERM)

    def _make_them_end(self) -> None:
        self.deadline, self.status = float("inf"), 1
        for child in self.children:
            if child.pid:
                _say(f"{child.module} has not ended within {self.inheritance.patience} s and is killed")
            child.signal(signal.SIGKILL)


def _ended() -> tuple[int, int] | None:
    """A child that has ended, and its exit status, negative for a signal."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None


def python(module: str) -> list[str]:
    """The command that runs a module, whatever lies in the current directory."""
    return [sys.executable, "-P", "-m", module]


def _say(what: str) -> None:
    """A line in the form of the other processes' logs."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = {"at": at, "level": "warning", "from": "gateway.supervisor", "message": what}
    print(json.dumps(line), file=sys.stderr, flush=True)


def become_supervisor(inheritance: Inheritance) -> NoReturn:
    """Replaces this process. What was imported to get here goes with its old image."""
    for number in _held(inheritance):
        os.set_inheritable(number, True)
    sys.stdout.flush()
    sys.stderr.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)  # what comes while Python starts again waits for `run`
    os.execv(sys.executable, [*python("gateway.supervisor"), *inheritance.arguments()])  # noqa: S606


def _held(inheritance: Inheritance) -> tuple[int, ...]:
    return (inheritance.listener, inheritance.control, inheritance.config, inheritance.lock)


def main() -> int:
    inheritance = Inheritance.of(sys.argv[1:])
    for number in _held(inheritance):
        os.set_inheritable(number, False)  # each child is given its own
    return Supervisor(inheritance).run()


if __name__ == "__main__":
    sys.exit(main())
