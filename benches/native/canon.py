"""Chat bodies to cache keys: `Canon.read(body).key(scope)` beside parsing, writing sorted and SHA-256."""

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import orjson

from benches.native import Row, interleave, show
from gateway.native import Canon

SIZES = (1, 4, 16, 64)
TEXT = """
the of and to a in that it is was for on are with as his they be at one have this from or had by not but
some what there we can out other were all your when up use word how said an each which their time will way
about many then them would write like so these her long make thing see him two has look more day could go
come did my sound number water request gateway provider streaming latency budget connection retry
"""
WORDS = TEXT.split()


def prose(source: random.Random, size: int) -> str:
    """English-looking text: sentences, paragraphs, now and then a quotation or a piece of code."""
    pieces: list[str] = []
    while sum(map(len, pieces)) < size:
        words = " ".join(source.choices(WORDS, k=source.randint(6, 18)))
        sentences = [f"{words.capitalize()}. "] * 6
        pieces.append(source.choice([*sentences, f'"{words}," he said. ', f"{words}:\n\n", f"{words}…\n"]))
        if source.random() < 0.03:
            pieces.append('```python\nif x["key"] != "value":\n\treturn f(x, \'\\n\')\n```\n')
    return "".join(pieces)[:size]


def tool(source: random.Random, number: int) -> dict[str, Any]:
    names = source.sample(WORDS[80:], 4)
    properties = {name: {"type": "string", "description": prose(source, 80)} for name in names}
    schema = {"type": "object", "properties": properties, "required": names, "additionalProperties": False}
    function = {"name": f"tool_{number}", "description": prose(source, 160), "parameters": schema}
    return {"type": "function", "function": function}


def chat(kilobytes: int, tools: bool = False) -> bytes:
    """A conversation as the openai client writes it: a system prompt, then turns, a few sampling fields."""
    source = random.Random(kilobytes)
    size = kilobytes * 1024
    request: dict[str, Any] = {"messages": [{"role": "system", "content": prose(source, size // 5)}]}
    request |= {"model": "gpt-4o-mini", "max_tokens": 512, "temperature": 0.7, "stream": True}
    request |= {"stream_options": {"include_usage": True}, "user": "user-1234"}
    if tools:
        request |= {"tools": [tool(source, number) for number in range(size // 2048)], "tool_choice": "auto"}
    turns = max(4, kilobytes) + 1
    rest = size - len(orjson.dumps(request)) - 40 * turns
    for turn in range(turns):
        role = "assistant" if turn % 2 else "user"
        request["messages"].append({"role": role, "content": prose(source, max(20, rest // turns))})
    return orjson.dumps(request)


def references(body: bytes) -> Iterator[tuple[str, float, Callable[[], object]]]:
    def by_json() -> bytes:
        return hashlib.sha256(json.dumps(json.loads(body), sort_keys=True).encode()).digest()

    def by_orjson() -> bytes:
        return hashlib.sha256(orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)).digest()

    yield "json + sha256", 10, by_json
    yield "orjson + sha256", 3, by_orjson


def keyed(canon: Canon, body: bytes) -> bytes:
    return canon.read(body).key(b"tenant")


def rows() -> list[Row]:
    canon = Canon(b"a deployment's secret")
    measured = []
    bodies = {f"{size} KB chat": chat(size) for size in SIZES}
    bodies |= {f"{size} KB chat with tools": chat(size, tools=True) for size in (4, 16)}
    for case, body in bodies.items():
        for reference, target, theirs in references(body):
            ratios, ours, other = interleave(partial(keyed, canon, body), theirs)
            measured.append(Row("canon", case, reference, target, ratios, 1 / ours, 1 / other, "bodies/s"))
    return measured


if __name__ == "__main__":
    show(rows())
