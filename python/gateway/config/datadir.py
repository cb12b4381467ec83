"""Where the state of a deployment lives, and who may use it."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.config.schema import Config

_GREETED = b" greeted"
LONGEST_SOCKET_PATH = 100
"""Bytes; the kernel's own limit is 108."""


class DataDirUnusable(Exception):
    """The data directory is another gateway's, or holds a database that cannot be used."""


def data_dir(config: Config, environ: Mapping[str, str]) -> Path:
    """Where the state of a deployment lives: `data_dir`, else the user's data directory."""
    if config.data_dir is not None:
        return config.data_dir.expanduser()
    base = environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "llm-gateway"


def lock(folder: Path) -> int:
    """Claims a data directory for as long as the returned descriptor is open somewhere; raises `DataDirUnusable`.

    The file names the process that claimed it, which `holder` reads.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        claim = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DataDirUnusable(f"The data directory {folder} cannot be used: {error.strerror}.") from error
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(claim)
        raise DataDirUnusable(
            f"Another gateway is using {folder}. Stop it, or give this one a directory of its own with GATEWAY_DATA_DIR."
        ) from None
    os.ftruncate(claim, 0)
    os.pwrite(claim, str(os.getpid()).encode(), 0)
    return claim


def greeted(claim: int) -> bool:
    """Whether this start of the gateway has been announced, which `note_greeting` notes."""
    return os.pread(claim, 64, 0).endswith(_GREETED)


def note_greeting(claim: int) -> None:
    if not greeted(claim):
        os.pwrite(claim, _GREETED, os.fstat(claim).st_size)


def holder_is_gone(folder: Path) -> bool:
    """Whether the process that claimed a directory has died: then what it started is ending, too."""
    try:
        os.kill(int((folder / "lock").read_text().partition(" ")[0]), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        return False
    return False


def ever_used(folder: Path) -> bool:
    """Whether a gateway has ever run on a directory."""
    return any((folder / name).exists() for name in ("lock", "ledger.db"))


def keep_address(folder: Path, url: str) -> None:
    """Notes where the gateway of this directory listens, for `gateway health`."""
    (folder / "address").write_text(url)


def kept_address(folder: Path) -> str | None:
    """Where the gateway of this directory listens, or did when it ran last; None if none ever ran."""
    try:
        return (folder / "address").read_text()
    except (OSError, UnicodeDecodeError):
        return None


@contextmanager
def control_path(folder: Path) -> Iterator[str]:
    """The path of the controller's socket, short enough for the kernel however long the directory's is; good in the block."""
    path = folder / "control.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        yield str(path)
        return
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{opened}/control.sock"
    finally:
        os.close(opened)


def listen_for_workers(folder: Path) -> socket.socket:
    """The controller's listening socket, for this user only."""
    listener = socket.socket(socket.AF_UNIX)
    with control_path(folder) as path:
        with suppress(FileNotFoundError):
            os.unlink(path)
        before = os.umask(0o177)
        try:
            listener.bind(path)
        finally:
            os.umask(before)
    listener.listen(64)
    return listener
