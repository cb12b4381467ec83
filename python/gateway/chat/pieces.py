"""Values that come in pieces: what each kind of piece adds, and what they amount to."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from gateway.errors import Untranslatable


class Pieces(Protocol):
    """A value in the making."""

    def add(self, piece: Any) -> None: ...
    def whole(self) -> Any: ...


class Last:
    """The last value that says something. A blank repeat of what is known, as Mistral's `"name": ""`, says nothing."""

    def __init__(self) -> None:
        self._value: Any = None

    def add(self, piece: Any) -> None:
        if piece or (piece is not None and not self._value):
            self._value = piece

    def whole(self) -> Any:
        return self._value


class Listed(Last):
    """Lists one after the other, or the last value that is no list."""

    def add(self, piece: Any) -> None:
        if isinstance(piece, list) and isinstance(self._value, list):
            self._value.extend(piece)
        else:
            super().add(piece)


class Text:
    """Text, joined. Mistral mixes lists of thinking parts and plain strings in one answer's deltas (recorded 2025-12)."""

    def __init__(self) -> None:
        self._pieces: list[Any] = []

    def add(self, piece: Any) -> None:
        if piece is not None:
            self._pieces.append(piece)

    def whole(self) -> Any:
        pieces = self._pieces
        if not pieces:
            return None
        if all(isinstance(piece, str) for piece in pieces):
            return self.joined(pieces)
        if all(isinstance(piece, str | list) for piece in pieces):
            return [part for piece in pieces for part in _parts(piece)]
        if len(pieces) == 1:
            return pieces[0]
        raise Untranslatable

    def joined(self, pieces: list[str]) -> str:
        return "".join(pieces)


class Base64(Text):
    """Bytes in base64: each piece may have its own padding."""

    def joined(self, pieces: list[str]) -> str:
        text = "".join(pieces)
        if "=" not in text.rstrip("="):
            return text
        try:
            return b64encode(b"".join(b64decode(piece, validate=True) for piece in pieces)).decode()
        except ValueError as error:
            raise Untranslatable from error


Kinds = Mapping[str, Callable[[], Pieces]]


class Object:
    """An object by its members; None if it never was more than null."""

    def __init__(self, members: Kinds, others: Callable[[], Pieces] = Last) -> None:
        self._kinds, self._others = members, others
        self._members: dict[str, Pieces] | None = None

    def add(self, piece: Any) -> None:
        if piece is None:
            return
        if not isinstance(piece, dict):
            raise Untranslatable
        members = self._members = {} if self._members is None else self._members
        for name, value in piece.items():
            if name not in members:
                members[name] = self._kinds.get(name, self._others)()
            members[name].add(value)

    def whole(self) -> dict[str, Any] | None:
        if self._members is None:
            return None
        return {name: member.whole() for name, member in self._members.items()}


class Indexed:
    """Objects by the index that each piece names. An index from outside orders them, and sizes nothing."""

    def __init__(self, kind: Callable[[], Object], missing: Callable[[Mapping[int, Object]], int]) -> None:
        self._kind, self._missing = kind, missing
        self._items: dict[int, Object] = {}
        self._named = False

    def add(self, piece: Any) -> None:
        if piece is None:
            return
        if not isinstance(piece, list):
            raise Untranslatable
        self._named = True
        for item in piece:
            index = index_of(item)
            index = self._missing(self._items) if index is None else index
            if index not in self._items:
                self._items[index] = self._kind()
            self._items[index].add({name: value for name, value in item.items() if name != "index"})

    def whole(self) -> list[tuple[int, dict[str, Any]]] | None:
        """Each index with its object, in order; None if there was no list."""
        if not self._named:
            return None
        return [(index, self._items[index].whole() or {}) for index in sorted(self._items)]


def index_of(item: Any) -> int | None:
    """The index that an object names, if any; raises `Untranslatable` where it is no integer."""
    if not isinstance(item, dict):
        raise Untranslatable
    index = item.get("index")
    if index is not None and (isinstance(index, bool) or not isinstance(index, int)):
        raise Untranslatable
    return index


def _parts(piece: str | list[Any]) -> list[Any]:
    if isinstance(piece, list):
        return piece
    return [{"type": "text", "text": piece}] if piece else []
