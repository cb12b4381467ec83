"""What can be done to JSON and to bytes, by chance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any


class Raw(bytes):
    """JSON text to be written as it stands."""


class Members(list[tuple[str, Any]]):
    """An object whose members may repeat."""


SCALARS: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    1.5,
    2**31,
    2**63 - 1,
    2**63,
    2**64,
    -(2**63) - 1,
    10_000_000,
    *map(Raw, (b"1e400", b"-1e400", b"1e-400", b"-0", b"NaN", b"Infinity", b"01", b"9" * 400, b"0." + b"3" * 400)),
    "",
    " ",
    "0",
    "null",
    "x" * 300,
    "\0",
    "a\r\nx-evil: 1",
    "[DONE]",
    "data: [DONE]\n\n",
    "\u202e\ufeff\uffff",
    "👋" * 40,
    *map(Raw, (rb'"\ud83d"', rb'"\udc00\ud800"', b'"\xff\xfe"', b'"\x01"', rb'"\u0000"', b'"', b"}", b"")),
)
NESTED: tuple[Any, ...] = (
    [],
    {},
    [[]],
    [None] * 300,
    {"": ""},
    {"error": {}},
    {"error": {"message": "m", "code": "c", "param": ["p"], "type": 5}},
    Raw(b'{"a":1,"a":2}'),
    Raw(b"[" * 200),
    Raw(b"[" * 3_000 + b"]" * 3_000),
    Raw(b'{"a":' * 300 + b"1" + b"}" * 300),
)
LARGE: tuple[Any, ...] = ("x" * 100_000, Raw(b"9" * 50_000), [0] * 50_000, {str(n): n for n in range(20_000)})
NAMES = (
    "model",
    "index",
    "usage",
    "error",
    "choices",
    "delta",
    "content",
    "cache",
    "stream",
    "tool_calls",
    "type",
    "n",
)


def spell(value: Any) -> bytes:
    """JSON text of a value, with whatever `Raw` and `Members` it holds."""
    if isinstance(value, Raw):
        return bytes(value)
    if isinstance(value, dict | Members):
        items = value.items() if isinstance(value, dict) else value
        return b"{" + b",".join(json.dumps(name).encode() + b":" + spell(inner) for name, inner in items) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(spell, value)) + b"]"
    return json.dumps(value).encode()


def hostile(chance: Random) -> Any:
    """Any JSON value, rarely a large one."""
    return chance.choice(LARGE if chance.random() < 0.02 else NESTED if chance.random() < 0.3 else SCALARS)


def mutate(chance: Random, value: Any) -> Any:
    """The value with one place in it changed."""
    places = list(_places(value))
    if not places:
        return hostile(chance)
    return _changed(chance, value, chance.choice(places))


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to every member and item."""
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, Members):
        inner = enumerate(pair[1] for pair in value)
    elif isinstance(value, list):
        inner = enumerate(value)
    for at, held in inner:
        yield (*path, at)
        yield from _places(held, (*path, at))


def _changed(chance: Random, value: Any, path: tuple[Any, ...]) -> Any:
    at, *rest = path
    if rest:
        if isinstance(value, Members):
            changed = _changed(chance, value[at][1], tuple(rest))
            return Members([*value[:at], (value[at][0], changed), *value[at + 1 :]])
        copy: Any = dict(value) if isinstance(value, dict) else list(value)
        copy[at] = _changed(chance, value[at], tuple(rest))
        return copy
    if isinstance(value, dict):
        return Members(_members(chance, value, at))
    items = list(value)
    new = (str(at), hostile(chance)) if isinstance(value, Members) else hostile(chance)
    items[at : at + 1] = chance.choice([[], [new], [new], [items[at]] * 2, [items[at], new]])
    return Members(items) if isinstance(value, Members) else items


def _members(chance: Random, value: dict[str, Any], at: str) -> list[tuple[str, Any]]:
    name, held = at, value[at]
    fates: list[list[tuple[str, Any]]] = [
        [],
        [(name, hostile(chance))],
        [(name, hostile(chance))],
        [(name, hostile(chance))],
        [(name, held), (name, hostile(chance))],
        [(name, held), (folded(chance, name), held)],
        [(folded(chance, name), held)],
        [(name, [held])],
        [(name, held), (chance.choice(NAMES), hostile(chance))],
    ]
    fate = chance.choice(fates)
    return [pair for other, inner in value.items() for pair in (fate if other == at else [(other, inner)])]


def folded(chance: Random, name: str) -> str:
    """The name in other letters that a reader who ignores case takes for the same."""
    special = {"s": "\u017f", "k": "\u212a"}
    letters = [chance.choice([letter, letter.upper(), special.get(letter, letter.upper())]) for letter in name]
    return "".join(letters)


def scramble(chance: Random, data: bytes) -> bytes:
    """The bytes with a few places changed without any understanding."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.choice((1, 1, 2, 8, 64)))
        piece = chance.choice(
            (
                b"",
                bytes([chance.randrange(256)]),
                data[at:end] * 2,
                data[at:end][::-1],
                chance.choice(
                    (b"\r\n", b"\n", b"\r", b"\0", b"\r\n\r\n", b"0\r\n\r\n", b" ", b":", b'"', b"\xff", b"{")
                ),
                data[chance.randrange(len(data) + 1) :][:64],
            )
        )
        data = data[:at] + piece + data[end:]
    return data


def cut(chance: Random, data: bytes) -> list[bytes]:
    """The bytes in pieces."""
    if len(data) < 2 or chance.random() < 0.5:
        return [data]
    count = chance.choice((1, 2, 5, 12))
    at = sorted(chance.randrange(1, len(data)) for _ in range(count))
    return [data[start:end] for start, end in zip([0, *at], [*at, len(data)], strict=True) if start < end]
