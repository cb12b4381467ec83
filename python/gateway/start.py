"""Starting a deployment: everything that can fail is done before the first process is."""

from __future__ import annotations

import math
import os
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

from gateway.config import handover
from gateway.config.datadir import DataDirUnusable, holder_is_gone, keep_address, listen_for_workers, lock
from gateway.config.schema import Config
from gateway.inheritance import Inheritance
from gateway.supervisor import become_supervisor

BACKLOG = 1024
PATIENCE_SECONDS = 10.0
"""Beyond `server.drain`: how long the remains of a killed gateway get to finish, and half of what a child gets."""


def start(config: Config, data_dir: Path) -> NoReturn:
    """Becomes the supervisor of a gateway; raises OSError or `DataDirUnusable` where that cannot be."""
    claim = _claim(data_dir, config.server.drain + PATIENCE_SECONDS)
    with listen(config.server.host, config.server.port) as listener, listen_for_workers(data_dir) as control:
        keep_address(data_dir, url(listener))
        become_supervisor(
            Inheritance(
                data_dir=str(data_dir),
                address=url(listener),
                patience=math.ceil(config.server.drain + 2 * PATIENCE_SECONDS),
                listener=listener.fileno(),
                control=control.fileno(),
                config=_in_memory(handover.dump(config)),
                lock=claim,
            )
        )


def listen(host: str, port: int) -> socket.socket:
    """A socket on which clients can connect; raises OSError with what to do about it."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with ExitStack() as unless_bound:
            listener = unless_bound.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            unless_bound.pop_all()
    except OSError as error:
        raise OSError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --host or --port."
        ) from error
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def url(listener: socket.socket) -> str:
    """Where a listening socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _claim(data_dir: Path, patience: float) -> int:
    """The lock on the data directory; waits for a gateway that was killed and is finishing its calls."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return lock(data_dir)
        except DataDirUnusable:
            if not holder_is_gone(data_dir) or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def _in_memory(data: bytes) -> int:
    """A file without a name that holds `data`."""
    descriptor = os.memfd_create("gateway-config")
    os.write(descriptor, data)
    return descriptor
