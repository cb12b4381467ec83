"""How much of an answer the kernel may hold."""

from __future__ import annotations

import socket

from gateway.upstream.window import RECEIVE_BUFFER, SO_BUF_LOCK, Window


def test_it_is_fixed_for_streams_and_the_kernel_s_again_for_the_rest() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as sock:

        def standing() -> tuple[int, int]:
            """Bytes, and whether they are fixed."""
            return (
                sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
                sock.getsockopt(socket.SOL_SOCKET, SO_BUF_LOCK),
            )

        window, fixed = Window(sock), 2
        window.fix(False)
        assert standing()[1] == 0, "as the kernel made it"

        for _ in range(2):
            window.fix(True)
            assert standing() == (2 * RECEIVE_BUFFER, fixed)
            window.fix(False)
            size, locked = standing()
            assert size > 2 * RECEIVE_BUFFER
            assert locked == 0
