"""Segments made ahead of need, by a thread, so calls do not wait for a disk; for one that falls behind, not for long."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gateway.ledger.segment import Writer, path_of

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.25
PATIENCE_SECONDS = 0.25
_BREATH_SECONDS = 0.001
"""The pause between two bites of a segment's pages: the interpreter's lock is held for each."""


class Supply:
    """Keeps one segment of `size` bytes ready in a folder, as long as all below the folder's parent stay within `limit`.

    `take`, `want` and `retire` are called by one thread; `arrived` is called, by any, whenever there is a segment again.
    """

    def __init__(self, folder: Path, *, size: int, limit: int, arrived: Callable[[], object]) -> None:
        self._folder, self._size, self._limit, self._arrived = folder, size, limit, arrived
        self._number = 0
        self._least = 0
        self._ready: Writer | None = None
        self._retired: list[Writer] = []
        self._handing = threading.Lock()
        self._made = threading.Event()
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self.trouble: str | None = None
        """Why there can be no further segment; None when one is ready or under way."""

    def start(self) -> None:
        """Makes the first segment at once, if that is possible, and the others in a thread."""
        self.provide()
        self._thread.start()

    @property
    def ready(self) -> bool:
        return self._ready is not None

    def take(self, least: int) -> Writer | None:
        """A segment with room for `least` bytes; None when there is none yet, which `arrived` will tell."""
        with self._handing:
            ready = self._ready
            if ready is not None and ready.room >= least:
                self._ready, self._least = None, 0
                self._wanted.set()
                return ready
        self.want(least)
        return None

    def want(self, least: int) -> None:
        """Has a segment made with room for `least` bytes."""
        self._least = max(self._least, least)
        self._wanted.set()

    def wait(self, least: int) -> bool:
        """Has a segment made with room for `least` bytes, and waits `PATIENCE_SECONDS` for it at most."""
        self._made.clear()
        self.want(max(least, 1))
        self._made.wait(PATIENCE_SECONDS)
        return self.ready

    def retire(self, segment: Writer) -> None:
        """Has a full segment unmapped."""
        self._retired.append(segment)

    def provide(self) -> None:
        """Makes the next segment, unless one that is large enough is there; what goes wrong becomes `trouble`."""
        with self._handing:
            ready = self._ready
            if ready is not None and ready.room >= self._least:
                self._made.set()
                return
            self._discard()
        try:
            self._ready = self._make()
        except Exception as error:
            self._say(str(error))
            self._made.set()
            return
        self._say(None)
        self._made.set()
        with suppress(RuntimeError):  # the loop it would wake is closed
            self._arrived()

    def stop(self) -> None:
        """Ends the thread; `provide` and `take` still work."""
        self._stopping.set()
        self._wanted.set()
        self._thread.join()

    def close(self) -> None:
        """Removes what was made and not taken. Call `stop` first."""
        self._unmap()
        self._discard()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wanted.wait(None if self.trouble is None else RETRY_SECONDS)
            self._wanted.clear()
            if not self._stopping.is_set():
                self._unmap()
                self.provide()

    def _make(self) -> Writer:
        size = max(self._size, self._least + self._size // 2)
        used = sum(map(_size, self._folder.parent.glob("*/*.journal")))
        if used + size > self._limit:
            raise OSError(f"{used >> 20} MiB wait to be read, and {self._limit >> 20} MiB are the limit")
        made = Writer(path_of(self._folder, self._number + 1), size)
        self._number += 1
        if threading.current_thread() is self._thread:
            for _ in made.populate():
                if self._least or self._stopping.wait(_BREATH_SECONDS):
                    break  # somebody waits for it
        return made

    def _discard(self) -> None:
        ready, self._ready = self._ready, None
        if ready is not None:
            ready.close()
            ready.path.unlink(missing_ok=True)

    def _unmap(self) -> None:
        while self._retired:
            self._retired.pop().close()

    def _say(self, trouble: str | None) -> None:
        if trouble is not None and self.trouble is None:
            log.error("the journal has no room for another segment (%s); closed calls will wait in memory", trouble)
        elif trouble is None and self.trouble is not None:
            log.warning("the journal has room again")
        self.trouble = trouble


def _size(path: Path) -> int:
    """Bytes of a file; none of one that its reader has just removed."""
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
