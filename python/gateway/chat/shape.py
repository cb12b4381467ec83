"""One answer, two shapes: a whole object and the event stream that says the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.chat import wire
from gateway.chat.pieces import Indexed, Object, index_of
from gateway.errors import Untranslatable

Choice = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """How the answers of one endpoint go over from one shape to the other.

    What is not known here is kept, whatever a provider adds. An answer without choices is `"choices": []` as a whole, and
    streamed no more than its usage chunk. Both ways raise `Untranslatable` for what cannot be said in the other shape.
    """

    whole: str
    """`object` of a whole answer."""
    chunk: str
    """`object` of a chunk."""
    gathering: Callable[[], Object]
    """Gathers the deltas of a choice."""
    gathered: Callable[[Choice], Choice]
    """What the deltas of a choice amount to."""
    opening: Callable[[Choice], Choice]
    """All that a choice says, as one delta."""
    ending: Choice
    """The delta that comes with the finish reason."""

    def assemble(self, events: bytes) -> bytes:
        """The whole answer that a finished stream of chunks amounts to, as JSON. Takes whole events without `[DONE]`."""
        answer = Object({"choices": lambda: Indexed(self.gathering, _first)})
        for payload in wire.payloads(events):
            answer.add(payload)
        reply = answer.whole() or {}
        choices = [
            {"index": index, **self.gathered(choice), "finish_reason": choice.get("finish_reason") or None}
            for index, choice in reply.get("choices") or ()
        ]
        return wire.write({**reply, "object": self.whole, "choices": choices})

    def replay(self, reply: bytes) -> bytes:
        """The event stream that says what a whole answer says, with its usage chunk and without `[DONE]`."""
        answer = wire.read(reply)
        if not isinstance(answer, dict):
            raise Untranslatable
        common = {name: value for name, value in answer.items() if name not in ("choices", "usage")}
        common["object"] = self.chunk
        chunks = [{**common, "choices": [part]} for choice in _choices(answer) for part in self._parts(choice)]
        if answer.get("usage") is not None:
            for chunk in chunks:
                chunk["usage"] = None
            chunks.append({**common, "choices": [], "usage": answer["usage"]})
        return b"".join(wire.event(chunk) for chunk in chunks)

    def _parts(self, choice: Choice) -> tuple[Choice, Choice]:
        index, reason = choice["index"], choice.get("finish_reason")
        return (
            {"index": index, **self.opening(choice), "finish_reason": None},
            {"index": index, **self.ending, "finish_reason": reason},
        )


def _first(_: Mapping[int, Object]) -> int:
    return 0


def _choices(answer: dict[str, Any]) -> list[Choice]:
    """The choices of a whole answer, each with its index, which is its place where it names none."""
    choices = answer.get("choices")
    if choices is not None and not isinstance(choices, list):
        raise Untranslatable
    found = []
    for place, choice in enumerate(choices or ()):
        index = index_of(choice)
        found.append({**choice, "index": place if index is None else index})
    return found
