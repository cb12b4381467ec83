from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.config.datadir import DataDirUnusable, control_path, data_dir, holder_is_gone, listen_for_workers, lock
from gateway.config.schema import Config


def test_the_data_directory_is_the_configured_one_else_the_user_s(tmp_path: Path) -> None:
    assert data_dir(Config(data_dir=tmp_path), {}) == tmp_path
    assert data_dir(Config(), {"XDG_DATA_HOME": str(tmp_path)}) == tmp_path / "llm-gateway"


def test_a_directory_is_claimed_by_one_at_a_time(tmp_path: Path) -> None:
    claim = lock(tmp_path)

    with pytest.raises(DataDirUnusable, match=f"Another gateway is using {tmp_path}"):
        lock(tmp_path)
    assert not holder_is_gone(tmp_path)

    os.close(claim)
    os.close(lock(tmp_path))


def test_a_claim_outlives_the_process_that_made_it_as_long_as_its_child_has_it(tmp_path: Path) -> None:
    program = (
        "import os, subprocess, sys; from pathlib import Path; from gateway.config.datadir import lock\n"
        "claim = lock(Path(sys.argv[1]))\n"
        "child = subprocess.Popen(['sleep', '60'], pass_fds=[claim], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "print(child.pid)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    try:
        with pytest.raises(DataDirUnusable):
            lock(tmp_path)
        assert holder_is_gone(tmp_path)
    finally:
        os.kill(int(done.stdout), 9)


@pytest.mark.parametrize("depth", [1, 30])
def test_the_controller_s_socket_works_however_long_its_path(tmp_path: Path, depth: int) -> None:
    folder = tmp_path.joinpath(*["deep-down"] * depth)
    folder.mkdir(parents=True)
    listener = listen_for_workers(folder)

    open_before = len(os.listdir("/proc/self/fd"))

    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as client, control_path(folder) as path:
            client.connect(path)

    assert len(os.listdir("/proc/self/fd")) == open_before
    assert stat.S_IMODE((folder / "control.sock").stat().st_mode) == 0o600
    listener.close()
    listen_for_workers(folder).close()
