"""Calls at a steady pace, each with another question, counted. Their answers are not kept, so that memory may stay flat."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benches.load.bodies import body
from benches.load.client import Client
from benches.load.generator import BenchError
from benches.load.server import Server

PER_SECOND = 200
CLIENTS = 4


class Calls:
    """`PER_SECOND` calls a second from `CLIENTS` connections, due at fixed times whatever the one before took."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._over = threading.Event()
        self._counting = threading.Lock()
        self.answered = self.failed = 0

    @contextmanager
    def going(self) -> Iterator["Calls"]:
        threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        asked = body(unique=True, kept=False)
        while not self._over.is_set():
            try:
                with Client(self._server.port, self._server.key) as client:
                    while not self._over.wait(max(0.0, due - time.monotonic())):
                        due += CLIENTS / PER_SECOND
                        self._count(client.ask(asked).status == 200)
            except (OSError, BenchError):
                self._count(ok=False)

    def _count(self, ok: bool) -> None:
        with self._counting:
            self.answered += ok
            self.failed += not ok
