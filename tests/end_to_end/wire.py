"""HTTP by hand."""

from __future__ import annotations

import socket

import httpx2 as httpx

from tests.end_to_end.gateway import Gateway


class Wire:
    """A bare socket to the gateway."""

    def __init__(self, gateway: Gateway) -> None:
        host, _, port = gateway.url.removeprefix("http://").partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=30)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()
        self._socket.close()

    def send(self, head: str, body: bytes = b"") -> None:
        """A head, its lines ended as they should be, and a body."""
        self.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self) -> httpx.Response:
        """The next response."""
        _, status, _ = self._file.readline().decode().split(" ", 2)
        headers = {}
        while line := self._file.readline().decode().strip():
            name, _, value = line.partition(": ")
            headers[name] = value
        body = self._file.read(int(headers.get("content-length", 0 if status == "100" else -1)))
        return httpx.Response(int(status), headers=headers, content=body)

    @property
    def closed(self) -> bool:
        """Whether nothing more comes."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True
