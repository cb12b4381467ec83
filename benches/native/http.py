"""`native.Request` beside httptools, the parser that most Python servers use."""

from httptools import HttpRequestParser

from benches.native import Row, interleave, show
from gateway.native import Request

HEADERS = (
    "Host: gateway.internal:4000",
    "Accept: application/json",
    "Accept-Encoding: gzip, deflate",
    "Connection: keep-alive",
    "User-Agent: OpenAI/Python 1.99.1",
    "X-Stainless-Lang: python",
    "X-Stainless-Async: false",
    "X-Stainless-Retry-Count: 0",
    "Authorization: Bearer sk-gw-0123456789ab-0123456789abcdef0123456789abcdef0123456789abcdef",
    "Content-Type: application/json",
)


class Collected:
    """What a server must keep of httptools' callbacks to answer."""

    def __init__(self) -> None:
        self.target = b""
        self.headers: dict[bytes, bytes] = {}
        self.body = b""

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self.body += body


def request(size: int) -> bytes:
    lines = ["POST /v1/chat/completions HTTP/1.1", *HEADERS, f"Content-Length: {size}", "", ""]
    return "\r\n".join(lines).encode() + b"x" * size


def ours(sent: bytes) -> tuple[str, str, str, bytes]:
    read = Request.read(sent)
    assert read is not None
    return read.method, read.target, read.header("authorization"), read.body


def theirs(sent: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    collected = Collected()
    parser = HttpRequestParser(collected)
    parser.feed_data(sent)
    return parser.get_method(), collected.target, collected.headers[b"authorization"], collected.body


def rows() -> list[Row]:
    found = []
    for size in (1_000, 64_000):
        sent = request(size)
        ratios, our, their = interleave(lambda sent=sent: ours(sent), lambda sent=sent: theirs(sent))  # type: ignore[misc]
        found.append(
            Row("http", f"request with {size // 1000} KB", "httptools", 1.5, ratios, our * 1e6, their * 1e6, "µs")
        )
    return found


if __name__ == "__main__":
    show(rows())
