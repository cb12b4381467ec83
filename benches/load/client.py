"""One connection, one request at a time, over a blocking socket: checks answers and times them.

wrk is not used for latency: it corrects its percentiles for coordinated omission with invented samples, which
inflates p99 at one connection.
"""

import secrets
import socket
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from benches.load.bodies import MARK
from benches.load.generator import BenchError

_END_OF_CHUNKS = b"\r\n0\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    size: int
    """Bytes on the wire, head and chunk framing included."""
    first_us: float
    """From the request to the first byte of the answer."""
    last_us: float

    @property
    def events(self) -> int:
        """Content events of a stream: those that carry a choice."""
        return self.body.count(b'"delta":')


class Client:
    def __init__(self, port: int, key: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._key = key
        self._run = secrets.token_hex(6)
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def ask(self, body: str) -> Answer:
        request = self._request(body)
        start = time.perf_counter_ns()
        self._socket.sendall(request)
        received, first = b"", 0
        while not _complete(received):
            more = self._socket.recv(65536)
            first = first or time.perf_counter_ns()
            if not more:
                raise BenchError(f"the connection closed inside an answer: {received[-200:]!r}")
            received += more
        last = time.perf_counter_ns()
        return _read(received, (first - start) / 1e3, (last - start) / 1e3)

    def _request(self, body: str) -> bytes:
        self._count += 1
        sent = body.replace(MARK, f"{self._run}-{self._count:09d}").encode()
        head = (
            "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {self._key}\r\ncontent-length: {len(sent)}\r\n\r\n"
        )
        return head.encode() + sent


def _complete(received: bytes) -> bool:
    head, found, body = received.partition(b"\r\n\r\n")
    if not found:
        return False
    if b"\r\ntransfer-encoding: chunked" in head.lower():
        return received.endswith(_END_OF_CHUNKS)
    return len(body) >= int(_headers(head)["content-length"])


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _read(received: bytes, first_us: float, last_us: float) -> Answer:
    head, _, body = received.partition(b"\r\n\r\n")
    return Answer(int(head.split(b" ", 2)[1]), _headers(head), body, len(received), first_us, last_us)


def latencies(port: int, key: str, body: str, seconds: float) -> list[Answer]:
    """Answers to one request after another for `seconds`."""
    answers = []
    with Client(port, key) as client:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            answers.append(client.ask(body))
    if refused := [answer for answer in answers if answer.status != 200]:
        raise BenchError(f"{len(refused)} of {len(answers)} answers refused, one with {refused[0].status}")
    return answers
