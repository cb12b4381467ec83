"""The controller's process."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvloop

from gateway.config import handover, logs
from gateway.config.checks import notices
from gateway.config.datadir import DataDirUnusable, greeted, note_greeting
from gateway.control.controller import Clocks, Controller
from gateway.control.greeting import greeting
from gateway.inheritance import UNUSABLE, Inheritance
from gateway.life import Life

log = logging.getLogger("gateway.control")


async def serve(inheritance: Inheritance) -> None:
    """Runs the controller until the supervisor ends it, or is gone, and no worker lives."""
    life = Life.under_a_supervisor(inheritance.lifeline)
    config = handover.load(os.pread(inheritance.config, os.fstat(inheritance.config).st_size, 0))
    logs.configure(config.log.level)
    controller = Controller(config, Path(inheritance.data_dir), os.environ, Clocks(time.time_ns, time.monotonic))

    def greet(worker: dict[str, Any]) -> None:
        if not greeted(inheritance.lock):
            key, notes = controller.credentials.fresh_admin_key, notices(config, os.environ)
            print(greeting(inheritance.address, worker, key, notes), flush=True)
            controller.credentials.keep_admin_key()
            note_greeting(inheritance.lock)
            serves = "llm-gateway %s serves on %s, data directory %s, providers %s"
            names = ", ".join(worker["providers"])
            log.info(serves, version("llm-gateway"), inheritance.address, inheritance.data_dir, names)

    await controller.run(socket.socket(fileno=inheritance.control), life, greet)
    log.info("stopped")


def main() -> int:
    inheritance = Inheritance.of(sys.argv[1:])
    try:
        uvloop.run(serve(inheritance))
    except DataDirUnusable as error:
        print(error, file=sys.stderr)
        return UNUSABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
