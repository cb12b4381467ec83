from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from gateway.config.datadir import DataDirUnusable, lock
from gateway.config.schema import Config
from gateway.start import listen, start, url


def test_a_free_port_is_taken_and_shown() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert url(listener) == f"http://127.0.0.1:{port}"
        socket.create_connection(("127.0.0.1", port)).close()


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_an_ipv6_address_is_shown_in_brackets() -> None:
    try:
        listener = listen("::1", 0)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with listener:
        assert url(listener).startswith("http://[::1]:")


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-host.invalid"])
def test_an_address_that_is_not_here_is_said_with_a_remedy(host: str) -> None:
    with pytest.raises(OSError, match=f"Cannot listen on {host}:4000: .*--host"):
        listen(host, 4000)


def test_a_directory_in_use_is_said_at_once(tmp_path: Path) -> None:
    claim = lock(tmp_path)

    with pytest.raises(DataDirUnusable, match="Another gateway is using"):
        start(Config.model_validate({"server": {"port": 0}}), tmp_path)

    os.close(claim)
