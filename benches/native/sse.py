"""`native.Scanner` beside splitting lines and `orjson.loads`, which reading a stream in Python takes."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import orjson

from benches.native import Row, interleave, show
from gateway.native import Scanner, without_usage

RECORDINGS = Path(os.environ.get("GATEWAY_SHARED", Path(__file__).parents[2] / "../shared")) / "recordings"
LOADS = "orjson.loads of each line"
REWRITE = "orjson.loads and dumps of each line"
WORDS = (
    "The",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "the lazy",
    "dog",
    "and,",
    '"quoted",',
    "says",
    "café:\n",
)


def stream(events: int) -> bytes:
    """A stream as OpenAI writes it."""
    frame = {
        "id": "chatcmpl-DAR9vN3qkR1",
        "object": "chat.completion.chunk",
        "created": 1778037177,
        "model": "gpt-5.5-2026-04-23",
        "service_tier": "default",
        "system_fingerprint": "fp_ff25b2783a",
    }

    def line(index: int) -> bytes:
        word = WORDS[index % len(WORDS)] + " "
        choice = {"index": 0, "delta": {"content": word}, "logprobs": None, "finish_reason": None}
        padding = "x3Kd9PqL2mN8vB"[: index % 13 + 1]
        return json.dumps(
            frame | {"choices": [choice], "usage": None, "obfuscation": padding}, separators=(",", ":")
        ).encode()

    usage = {"prompt_tokens": 14, "completion_tokens": events, "total_tokens": 14 + events}
    last = json.dumps(frame | {"choices": [], "usage": usage}, separators=(",", ":")).encode()
    lines = [*(line(index) for index in range(events - 1)), last, b"[DONE]"]
    return b"".join(b"data: " + line + b"\n\n" for line in lines)


def cut(data: bytes, reads: int) -> list[bytes]:
    """The stream in network reads: event by event where `reads` is 0."""
    if reads == 0:
        return [event + b"\n\n" for event in data.split(b"\n\n") if event]
    size = -(-len(data) // reads)
    return [data[at : at + size] for at in range(0, len(data), size)]


def ours(reads: list[bytes]) -> Callable[[], object]:
    def run() -> object:
        scanner = Scanner()
        forwarded = [scanner.feed(read).data for read in reads]
        scanner.end()
        return forwarded, scanner.text, scanner.finish, scanner.usage

    return run


def theirs(reads: list[bytes]) -> Callable[[], object]:
    """No more than the loop: what it would cost to look into the chunks comes on top."""

    def run() -> object:
        chunk, held = None, b""
        for read in reads:
            lines = (held + read).split(b"\n")
            held = lines.pop()
            for line in lines:
                if line.startswith(b"data: {"):
                    chunk = orjson.loads(line[6:])
        return chunk

    return run


def hide_usage(data: bytes) -> Callable[[], object]:
    def run() -> object:
        shown = []
        for line in data.split(b"\n"):
            if line.startswith(b"data: "):
                chunk = orjson.loads(line[6:])
                if not chunk.pop("usage", None) or chunk["choices"]:
                    shown.append(b"data: " + orjson.dumps(chunk) + b"\n\n")
        return b"".join(shown)

    return run


def row(case: str, count: int, our: Callable[[], object], their: Callable[[], object], reference: str = LOADS) -> Row:
    ratios, mine, other = interleave(our, their)
    return Row("sse", case, reference, 5, ratios, mine / count * 1e9, other / count * 1e9, "ns/event")


def rows() -> list[Row]:
    found = []
    for events in (64, 1000):
        data = stream(events)
        for name, reads in (
            ("one read", [data]),
            ("4 events a read", cut(data, events // 4)),
            ("event by event", cut(data, 0)),
        ):
            found.append(row(f"{events} events, {name}", events, ours(reads), theirs(reads)))
    forwarded = Scanner().feed(stream(1000)).data
    shown = row("1000 events, without_usage", 1000, lambda: without_usage(forwarded), hide_usage(forwarded), REWRITE)
    found.append(shown)
    for name in ("openai/sdk_stream_long_text_177tok.sse", "deepseek/stream_reasoning_content.sse"):
        if (path := RECORDINGS / name).exists():
            data = path.read_bytes()
            found.append(row(f"recorded: {name}"[:44], data.count(b"data: "), ours([data]), theirs([data])))
    return found


if __name__ == "__main__":
    show(rows())
