"""What is wrong with a configuration, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Location = tuple[str | int, ...]

MOST_PROBLEMS = 50
_LONGEST_STEP = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to fix. `at` is the path of the setting, or the name of a variable or flag; `origin` says who set it."""

    at: Location
    text: str
    origin: str = ""

    def __str__(self) -> str:
        where = ".".join(_printable(str(step)[:_LONGEST_STEP]) for step in self.at) or "configuration"
        return f"{where}{f' (from {self.origin})' if self.origin else ''}: {_printable(self.text)}"

    def follows_from(self, other: Problem) -> bool:
        """Whether this is about the same value as `other`, or about a part of it."""
        return self.at[: len(other.at)] == other.at

    def touches(self, other: Problem) -> bool:
        """Whether one is about a part of what the other is about."""
        return self.follows_from(other) or other.follows_from(self)


class ConfigError(Exception):
    """The configuration is not usable; `problems` says why, one printable line each."""

    def __init__(self, problems: Iterable[Problem | str]) -> None:
        self.problems = [_printable(str(problem)) for problem in problems]
        if len(self.problems) > MOST_PROBLEMS:
            self.problems[MOST_PROBLEMS:] = [f"and {len(self.problems) - MOST_PROBLEMS} more"]
        super().__init__("\n".join(self.problems))


def _printable(text: str) -> str:
    """Without control characters and lone surrogates, which a terminal obeys or cannot print."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
