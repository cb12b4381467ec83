"""`rust/toolchain.sh`, which finds or brings cargo for `make`, with stand-ins for cargo and Python on its path."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OLDEST = re.findall(r'^rust-version = "(.*)"', (ROOT / "rust/Cargo.toml").read_text(), re.MULTILINE)[0]


@dataclass
class Machine:
    """A machine whose commands are a shell's, and what is put on its path."""

    folder: Path

    def install(self, name: str, script: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def cargo(self, version: str, at: str = "bin/cargo") -> None:
        self.install(at, f"echo cargo {version} '(0000000 2026-01-01)'")

    def run(self) -> subprocess.CompletedProcess[str]:
        python = self.install("python", f'echo "$@" >> {self.folder}/asked; {self.installs}')
        command = ["sh", str(ROOT / "rust/toolchain.sh"), str(python), str(self.folder / "cache")]
        path = f"{self.folder}/bin:/usr/bin:/bin"
        return subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, check=True)

    @property
    def installs(self) -> str:
        """What the stand-in for puccinialin does: it puts a cargo where it is told to."""
        made = f"{self.folder}/cache/cargo/bin"
        script = f"mkdir -p {made}; printf '#!/bin/sh\\necho cargo {OLDEST} x\\n' > {made}/cargo; chmod +x {made}/cargo"
        return f'case "$*" in *puccinialin\\ --location*) {script};; esac'

    @property
    def asked(self) -> str:
        path = self.folder / "asked"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("version", [OLDEST, f"{OLDEST}.1", "1.100.0", "2.0.0"])
def test_a_cargo_that_is_new_enough_is_used_as_it_is(machine: Machine, version: str) -> None:
    machine.cargo(version)

    done = machine.run()

    assert (done.stdout, machine.asked) == ("", "")


@pytest.mark.parametrize("version", [None, "1.9.0", "1.63.0"])
def test_without_one_rust_is_installed_into_the_cache_and_that_is_said(machine: Machine, version: str | None) -> None:
    if version:
        machine.cargo(version)

    done = machine.run()

    assert f"no cargo {OLDEST} or newer here; installing Rust into {machine.folder}/cache" in done.stderr
    assert f"-m puccinialin --location {machine.folder}/cache" in machine.asked
    shell = ["sh", "-c", f"{done.stdout.strip()} && command -v cargo && echo $RUSTUP_HOME"]
    found = subprocess.run(shell, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True)
    assert found.stdout.split() == [f"{machine.folder}/cache/cargo/bin/cargo", f"{machine.folder}/cache/rustup"]


def test_what_was_installed_once_is_used_again(machine: Machine) -> None:
    machine.cargo(OLDEST, at="cache/cargo/bin/cargo")

    done = machine.run()

    assert done.stdout.startswith("export CARGO_HOME=")
    assert (done.stderr, machine.asked) == ("", "")
