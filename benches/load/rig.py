"""Everything that runs during the bench, and where."""

import os
from contextlib import ExitStack
from pathlib import Path

from benches.load import server
from benches.load.cases import Case
from benches.load.generator import BenchError
from benches.load.server import Server


class Rig:
    """The servers on one core, what loads and feeds them on another.

    `other` is another checkout of the gateway, built, to be compared with instead of bare aiohttp.
    """

    def __init__(self, running: ExitStack, other: Path | None = None) -> None:
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise BenchError("two cores are needed: one for the server, one for what loads it")
        self.core, self.load_core = cores[:2]
        self.mock = running.enter_context(server.mock(self.load_core))
        if other is None:
            self.references = {
                which: running.enter_context(server.reference(which, self.core, self.mock.url))
                for which in ("handler", "proxy")
            }
        else:
            their = running.enter_context(server.gateway(self.core, self.mock.url, other))
            self.references = {"handler": their, "proxy": their}
        self.gateway = running.enter_context(server.gateway(self.core, self.mock.url))

    def both(self, case: Case) -> tuple[Server, Server]:
        return self.gateway, self.references[case.reference]
