"""Coroutines that start at once: what does not have to wait is done without a task, the rest goes on in one.

Python 3.12 has eager tasks; on 3.11 a coroutine has to be started by hand. Only what does not ask for the current task
before its first wait may be started so.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")


class Started(Generic[T]):
    """A coroutine that has taken its first step. It is `done` with a `result`, or can be awaited, once, for the rest."""

    __slots__ = ("_coroutine", "_waits_for", "done", "result")

    result: T

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self.done = False
        try:
            self._waits_for = coroutine.send(None)
        except StopIteration as stop:
            self.done, self.result = True, stop.value

    def __await__(self) -> Generator[Any, Any, T]:
        waits_for = self._waits_for
        step: Callable[[Any], Any]
        argument: Any
        while True:
            try:
                argument = yield waits_for
            except GeneratorExit:
                self._coroutine.close()
                raise
            except BaseException as error:
                step, argument = self._coroutine.throw, error
            else:
                step = self._coroutine.send
            try:
                waits_for = step(argument)
            except StopIteration as stop:
                return cast(T, stop.value)

    def close(self) -> None:
        """Gives up what has not been awaited."""
        self._coroutine.close()
