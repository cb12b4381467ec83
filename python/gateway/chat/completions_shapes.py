"""The two shapes of a completion: `text_completion`, whole and as a stream of the same."""

from __future__ import annotations

from gateway.chat.pieces import Listed, Object, Text
from gateway.chat.shape import Choice, Shape


def _gathering() -> Object:
    return Object({"text": Text, "logprobs": lambda: Object({}, Listed)})


def _gathered(choice: Choice) -> Choice:
    return {"logprobs": None, **choice, "text": choice.get("text") or ""}


def _opening(choice: Choice) -> Choice:
    return {"text": "", "logprobs": None, **choice}


COMPLETIONS = Shape(
    "text_completion", "text_completion", _gathering, _gathered, _opening, {"text": "", "logprobs": None}
)
