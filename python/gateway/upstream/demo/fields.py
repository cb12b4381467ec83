"""The members of a request, read with their types checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


class Refused(Exception):
    """The demo's 400: what is wrong with the request, and which member."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message, self.param = message, param


class Fields:
    """One JSON object of a request. A member that is null counts as absent; each reader raises `Refused`."""

    def __init__(self, members: object, name: str = "") -> None:
        if not isinstance(members, Mapping):
            raise Refused(f"'{name or 'body'}' must be an object.", name or None)
        self._members, self._name = members, name

    def __contains__(self, name: str) -> bool:
        return self._members.get(name) is not None

    def any(self, name: str) -> Any:
        """The value as it is, None when absent."""
        return self._members.get(name)

    def integer(self, name: str, low: int, high: int) -> int | None:
        """A whole number within bounds, None when absent."""
        value = self._members.get(name)
        if value is None:
            return None
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
            or value != int(value)
        ):
            raise self._wrong(name, "a whole number")
        if not low <= value <= high:
            raise self._wrong(name, f"between {low} and {high}")
        return int(value)

    def flag(self, name: str) -> bool:
        """A boolean, False when absent."""
        value = self._members.get(name)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return bool(value)

    def text(self, name: str) -> str:
        """A string, empty when absent."""
        value = self._members.get(name)
        if value is not None and not isinstance(value, str):
            raise self._wrong(name, "a string")
        return value or ""

    def items(self, name: str, most: int) -> list[Any]:
        """A list, empty when absent."""
        value = self._members.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > most:
            raise self._wrong(name, f"a list of at most {most} items")
        return value

    def section(self, name: str) -> Fields:
        """An object, empty when absent."""
        value = self._members.get(name)
        return Fields({} if value is None else value, self._path(name))

    def stops(self) -> list[str]:
        """`stop`: a string or a list of them."""
        value = self._members.get("stop")
        found = [value] if isinstance(value, str) else self.items("stop", 16)
        if not all(isinstance(stop, str) for stop in found):
            raise self._wrong("stop", "a string or a list of strings")
        return [stop for stop in found if stop]

    def _path(self, name: str) -> str:
        return f"{self._name}.{name}" if self._name else name

    def _wrong(self, name: str, wanted: str) -> Refused:
        return Refused(f"'{self._path(name)}' must be {wanted}.", self._path(name))
