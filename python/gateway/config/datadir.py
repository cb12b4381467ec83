"""Where the state of a deployment lives, and who may use it."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gateway.config.keystore import KeyStore
from gateway.config.schema import Config


class DataDirUnusable(Exception):
    """The data directory is another gateway's, or holds a database that cannot be used."""


def data_dir(config: Config, environ: Mapping[str, str]) -> Path:
    """Where the state of a deployment lives: `data_dir`, else the user's data directory."""
    if config.data_dir is not None:
        return config.data_dir.expanduser()
    base = environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "llm-gateway"


def open_keys(folder: Path) -> KeyStore:
    """The keys in a data directory; raises `DataDirUnusable`."""
    path = folder / "keys.db"
    with usable(path):
        return KeyStore(path)


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Turns what SQLite says into what the operator can do."""
    try:
        yield
    except sqlite3.Error as error:
        raise DataDirUnusable(f"{path} cannot be used: {error}. Free, mend or restore it, or move it away.") from error


def lock(folder: Path) -> IO[str]:
    """Claims a data directory for this process, for as long as the file is open; raises `DataDirUnusable`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    claim = (folder / "lock").open("w")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataDirUnusable(
            f"Another gateway is using {folder}. Stop it, or give this one a directory of its own with GATEWAY_DATA_DIR."
        ) from None
    return claim
