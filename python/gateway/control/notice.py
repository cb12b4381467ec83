"""Telling a running gateway that its keys have changed, so a new key works when `gateway keys create` returns."""

from __future__ import annotations

import http.client
import socket
from contextlib import closing, suppress
from pathlib import Path

from gateway.config.datadir import control_path
from gateway.inheritance import MARK

PATH = "/keys/changed"
SECONDS = 5.0


def keys_changed(data_dir: Path) -> bool:
    """Returns once every worker obeys; False where no gateway runs on this data directory."""
    refused = suppress(OSError, http.client.HTTPException)
    with refused, control_path(data_dir) as path, closing(_UnixConnection(path)) as controller:
        controller.request("POST", PATH, headers=MARK)
        return controller.getresponse().status == 204
    return False


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("controller", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self._path)
