"""What a prompt asks for, as far as the demo understands it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gateway.upstream.demo.fields import Refused

_READ = 20_000
"""Characters of a prompt that are looked at."""
_SHOWN = 160
_LONGEST_ANSWER = 4_000
_TOKENS_PER = {"word": 1.3, "sentence": 18.0, "paragraph": 90.0, "page": 500.0, "token": 1.0}
_LENGTH = re.compile(r"\b(\d{1,5})[ -]?(word|sentence|paragraph|page|token)s?\b", re.IGNORECASE)
_TO_REPEAT = re.compile(
    r"(?:please )?(?:say|repeat|(?:reply|respond|answer) with|print)((?: (?:just|only|exactly|the words?))*):? (.{1,200}?)[.!]?",
    re.IGNORECASE | re.DOTALL,
)
_NUMBER = re.compile(r"(?<![\w.])-?\d{1,15}(?:\.\d{1,9})?(?![\w.]*\d)")
_NAME = re.compile(r"(?<!\w)[A-Z][\w'-]{1,30}(?: [A-Z][\w'-]{1,30}){0,3}")
_WORD = re.compile(r"[^\W\d_]{3,30}")
_COMMON_WORDS = """
 about after all also and any are ask asked because been before between both but can could did does each for from get give
had has have hello her him his how into its just like list make many may more most much name not now off one only other our
out over please say she should show some tell than that the their them then there these they this those too two use was way
were what when where which who why will with word words would write you your
"""
_FIRST_WORDS = """
add answer book calculate call classify compare convert create describe explain extract fetch find generate look return search send
summarise summarize translate use weather is it do if in on of to no yes we they my me
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_NO_NAMES = _COMMON | frozenset(_FIRST_WORDS.split())


class Question:
    """The text of one prompt, and what can be drawn from it."""

    def __init__(self, text: str) -> None:
        self.text = " ".join(text[:_READ].split())

    @property
    def shown(self) -> str:
        """The question as it may be quoted: one line, not too long."""
        return self.text if len(self.text) <= _SHOWN else self.text[: _SHOWN - 1].rstrip() + "…"

    @property
    def to_repeat(self) -> tuple[str, bool]:
        """What the question asks to have said, empty for most questions, and whether nothing else is wanted."""
        found = _TO_REPEAT.fullmatch(self.text)
        return (found[2].strip("\"'“”`"), bool(found[1])) if found else ("", False)

    def tokens_wanted(self) -> int | None:
        """How long an answer it asks for, such as "in 200 words"; None where it does not say."""
        found = _LENGTH.search(self.text)
        return min(_LONGEST_ANSWER, int(int(found[1]) * _TOKENS_PER[found[2].lower()])) if found else None

    def topics(self) -> list[str]:
        """Its telling words, the longest first."""
        words = dict.fromkeys(word.lower() for word in _WORD.findall(self.text))
        return sorted((word for word in words if word not in _COMMON), key=len, reverse=True)[:6]

    def names(self) -> list[str]:
        """What looks like the names of people, places and things."""
        found = _NAME.findall(self.text)
        return [name for name in found if name.split()[0].lower() not in _NO_NAMES]

    def numbers(self) -> list[float]:
        return [float(number) for number in _NUMBER.findall(self.text)[:50]]

    def words(self) -> set[str]:
        return {word.lower() for word in _WORD.findall(self.text)}


def last_question(messages: Sequence[Any]) -> Question:
    """What the user said last."""
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            return Question(content_text(message.get("content")))
    return Question(content_text(messages[-1].get("content")) if isinstance(messages[-1], dict) else "")


def content_text(content: object) -> str:
    """The text of a message's content, a string or a list of parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise Refused("A message's 'content' must be a string or a list of parts.", "messages")
    texts = (part.get("text") for part in content if isinstance(part, dict))
    return "\n".join(text for text in texts if isinstance(text, str))
