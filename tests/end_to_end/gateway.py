"""A real gateway process for tests: started on a free port, with a data directory of its own."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2 as httpx

from tests.end_to_end import processes

ADMIN_KEY = "admin-key-of-the-tests"


class Gateway:
    """`url` is its base URL without `/v1`; `rows()` reads its ledger."""

    def __init__(self, data_dir: Path, environ: Mapping[str, str], config: str = "") -> None:
        self.data_dir = data_dir
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_BASE_URL"))},
            "GATEWAY_DATA_DIR": str(data_dir),
            "GATEWAY_ADMIN_KEY": ADMIN_KEY,
            **environ,
        }
        self._config = data_dir / "gateway.yaml"
        data_dir.mkdir(parents=True, exist_ok=True)
        self._config.write_text(config)
        self._log = data_dir / "gateway.log"
        self.output = ""
        self._page_ns = 0

    def start(self) -> None:
        port = [] if "port:" in self._config.read_text() else ["--port", "0"]
        command = [sys.executable, "-m", "gateway", "serve", *port, "--config", str(self._config)]
        start = self._log.stat().st_size if self._log.exists() else 0
        log = self._log.open("ab")
        self.process = subprocess.Popen(command, env=self.environ, stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + 120
        while not re.search(r"listens on http://\S+[\s\S]*?Try it:[\s\S]*?\n\n", self.log(start)):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the gateway did not start:\n{self.log(start)}")
            time.sleep(0.02)
        self.output = self.log(start)
        self.url = re.findall(r"listens on (http://\S+)", self.output)[-1]

    def log(self, start: int = 0) -> str:
        """What it has written, from a byte on."""
        return self._log.read_bytes()[start:].decode()

    def stop(self, timeout: float = 60.0) -> int:
        """Ends it as SIGTERM does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    @property
    def parts(self) -> dict[str, int]:
        """The process ids of supervisor, controller and worker, as long as they live."""
        return processes.parts(self.process.pid)

    def kill(self, *names: str) -> None:
        """SIGKILL to the named parts, or to all at once."""
        if self.process.poll() is None:
            living = self.parts
            processes.kill(*(living[name] for name in names or living))
        if not names or "supervisor" in names:
            self.process.wait(60)

    def cli(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "gateway", *arguments]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def create_key(self, *options: str) -> str:
        return self.cli("keys", "create", "--quiet", *options)

    def costs(self, **parameters: str) -> dict[str, Any]:
        """The analytics endpoint; its answer includes everything closed so far."""
        headers = {"authorization": f"Bearer {ADMIN_KEY}"}
        return dict(
            httpx.get(f"{self.url}/admin/analytics/costs", params=parameters, headers=headers).raise_for_status().json()
        )

    def turn_the_page(self) -> None:
        """From here on `rows()` leaves out what began before."""
        self._page_ns = time.time_ns()

    def rows(self) -> list[dict[str, Any]]:
        """The ledger's rows, oldest first."""
        if self.process.poll() is None:
            self.costs()
        statement = "SELECT * FROM calls WHERE started_ns >= ? ORDER BY started_ns"
        with sqlite3.connect(self.data_dir / "ledger.db") as db:
            db.row_factory = sqlite3.Row
            found = [dict(row) for row in db.execute(statement, (self._page_ns,))]
        db.close()
        return found
