"""What the kernel says of a request, with both ends of a connection in hand."""

from __future__ import annotations

import gc
import os
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from gateway.upstream.delivery import Delivery
from tests.upstream.raw import LINGER_ZERO

REQUEST = b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"


class Line:
    """A connection over which three exchanges have gone; `received` is what the client has read."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.client = socket.create_connection(listener.getsockname())
            self.provider, _ = listener.accept()
        self.received = 0
        for _ in range(3):
            self.client.sendall(REQUEST)
            assert self.provider.recv(1000) == REQUEST
            self.provider.sendall(b"answer")
            self.received += len(self.client.recv(1000))
        self.delivery = Delivery(self.client.fileno())

    def ask(self) -> None:
        assert self.delivery.begin(self.received)
        self.client.sendall(REQUEST)


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.delivery.close()
    line.client.close()
    line.provider.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_an_open_connection_may_be_asked(line: Line) -> None:
    assert line.delivery.begin(line.received)
    assert line.delivery.begin(None)


def test_one_that_was_closed_may_not(line: Line) -> None:
    line.provider.close()

    until(lambda: not line.delivery.begin(None))


def test_one_that_was_reset_may_not(line: Line) -> None:
    line.provider.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
    line.provider.close()

    until(lambda: not line.delivery.begin(None))


def test_one_with_something_to_read_may_not(line: Line) -> None:
    line.provider.sendall(b"unasked")

    until(lambda: not line.delivery.begin(line.received))
    assert line.delivery.begin(line.received + len(b"unasked"))


def test_a_request_that_crossed_the_close_was_not_read(line: Line) -> None:
    assert line.delivery.begin(line.received)
    line.provider.close()
    line.client.sendall(REQUEST)

    assert line.client.recv(1000) == b""
    assert line.delivery.unread()


def test_a_request_that_lay_unread_was_not_read(line: Line) -> None:
    line.ask()
    line.provider.close()

    with pytest.raises(ConnectionResetError):
        line.client.recv(1000)
    assert line.delivery.unread()


def test_a_request_that_was_read_may_have_been_acted_on(line: Line) -> None:
    line.ask()
    assert line.provider.recv(1000) == REQUEST
    line.provider.close()

    assert line.client.recv(1000) == b""
    assert not line.delivery.unread()


def test_so_may_one_that_was_read_and_reset_after_some_work(line: Line) -> None:
    line.ask()
    assert line.provider.recv(1000) == REQUEST
    time.sleep(0.3)  # longer than an acknowledgement may be delayed
    line.provider.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
    line.provider.close()

    with pytest.raises(ConnectionResetError):
        line.client.recv(1000)
    assert not line.delivery.unread()


def test_it_knows_of_a_connection_that_the_loop_has_closed(line: Line) -> None:
    duplicate = Delivery(line.client.fileno())
    assert duplicate.begin(None)
    line.delivery.close()
    line.client.close()

    assert not line.delivery.begin(None)
    assert duplicate.unread()
    duplicate.close()


def test_closing_leaves_a_borrowed_descriptor_open(line: Line) -> None:
    line.delivery.close()

    line.client.sendall(REQUEST)
    assert line.provider.recv(1000) == REQUEST


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_delivery_that_nobody_closes_closes_nothing_of_anybody_else(line: Line) -> None:
    delivery = Delivery(line.client.fileno())
    line.client.close()
    other = os.open(os.devnull, os.O_RDONLY)  # has the number that was the connection's

    del delivery
    gc.collect()

    os.fstat(other)
    os.close(other)
