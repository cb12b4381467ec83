"""Everything that runs during the bench, and where."""

import os
from contextlib import ExitStack

from benches.load import server
from benches.load.cases import Case
from benches.load.generator import BenchError
from benches.load.server import Server


class Rig:
    """The servers on one core, what loads and feeds them on another."""

    def __init__(self, running: ExitStack) -> None:
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise BenchError("two cores are needed: one for the server, one for what loads it")
        self.core, self.load_core = cores[:2]
        self.mock = running.enter_context(server.mock(self.load_core))
        self.references = {
            which: running.enter_context(server.reference(which, self.core, self.mock.url))
            for which in ("handler", "proxy")
        }
        self.gateway = running.enter_context(server.gateway(self.core, self.mock.url))

    def both(self, case: Case) -> tuple[Server, Server]:
        return self.gateway, self.references[case.reference]
