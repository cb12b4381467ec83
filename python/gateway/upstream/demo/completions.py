"""The older text completions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.native import Tokenizer
from gateway.upstream.demo import pace
from gateway.upstream.demo.fields import Fields, Refused
from gateway.upstream.demo.prose import prose
from gateway.upstream.demo.question import Question
from gateway.upstream.demo.tokens import COUNTED_BYTES, ENCODING, Spoken, likely, speak

MOST_CHOICES = 128
MOST_TOKENS = 20_000
USUAL_TOKENS = 16
MOST_INPUTS = 2048


@dataclass(frozen=True, slots=True)
class Choice:
    """One completion. `prefix` is the prompt where it is to be echoed."""

    index: int
    prefix: str
    spoken: Spoken
    top: int | None

    def whole(self) -> dict[str, Any]:
        found = None if self.top is None else self._probabilities(self.spoken.tokens, len(self.prefix))
        return self._part(self.prefix + self.spoken.text, found, self.spoken.finish)

    def parts(self) -> Iterator[dict[str, Any]]:
        """The same as the parts of a stream."""
        at = len(self.prefix)
        if self.prefix:
            yield self._part(self.prefix)
        for text, tokens in self.spoken.pieces():
            yield self._part(text, None if self.top is None else self._probabilities(tokens, at))
            at += len(text)
        yield self._part("", finish=self.spoken.finish)

    def _part(self, text: str, logprobs: Any = None, finish: str | None = None) -> dict[str, Any]:
        return {"text": text, "index": self.index, "logprobs": logprobs, "finish_reason": finish}

    def _probabilities(self, tokens: Any, at: int) -> dict[str, Any]:
        ranked = [likely(token, self.top or 0) for token in tokens]
        offsets = []
        for ranks in ranked:
            offsets.append(at)
            at += len(ranks[0]["token"])
        return {
            "tokens": [ranks[0]["token"] for ranks in ranked],
            "token_logprobs": [ranks[0]["logprob"] for ranks in ranked],
            "top_logprobs": [{rank["token"]: rank["logprob"] for rank in ranks} for ranks in ranked],
            "text_offset": offsets,
        }


def answer(body: bytes, request: Fields, mark: str, created: int) -> Iterator[pace.Read]:
    """The reads of the answer to one request; raises `Refused` before the first."""
    prompts = texts(request, "prompt")
    choices = list(_choices(request, prompts, int(mark[:8], 16)))
    counter = Tokenizer.named(ENCODING).within(COUNTED_BYTES)
    prompt = sum(counter.count(text) for text in prompts)
    completion = sum(len(choice.spoken.tokens) for choice in choices)
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    common = {
        "id": f"cmpl-{mark[:29]}",
        "object": "text_completion",
        "created": created,
        "model": request.text("model"),
    }
    if request.flag("stream"):
        shown = usage if request.section("stream_options").flag("include_usage") else None
        return pace.stream(common, [choice.parts() for choice in choices], shown)
    whole = {**common, "choices": [choice.whole() for choice in choices], "usage": usage}
    return pace.whole(whole, completion // len(choices))


def _choices(request: Fields, prompts: list[str], seed: int) -> Iterator[Choice]:
    each = request.integer("n", 1, MOST_CHOICES) or 1
    if len(prompts) * each > MOST_CHOICES:
        raise Refused(f"At most {MOST_CHOICES} completions at a time.", "n")
    top = request.integer("logprobs", 0, 5)
    most = MOST_TOKENS // (len(prompts) * each) // (1 + (top or 0))
    asked = request.integer("max_tokens", 0, 1 << 53)
    limit = min(most, USUAL_TOKENS if asked is None else asked)
    usual = limit + 18 if limit < 60 else limit * 3 // 5
    stops, echo = request.stops(), request.flag("echo")
    for place, prompt in enumerate(prompts):
        question = Question(prompt)
        for number in range(each):
            index = place * each + number
            text = prose(question, seed + index, question.tokens_wanted() or usual)
            yield Choice(index, prompt if echo else "", speak(text, stops=stops, limit=limit), top)


def texts(request: Fields, name: str) -> list[str]:
    """A string, a list of strings, a list of tokens, or a list of such lists: as texts, at least one; raises `Refused`."""
    value = request.any(name)
    if isinstance(value, str):
        return [value]
    items = request.items(name, MOST_INPUTS if not _is_tokens(value) else 1 << 20)
    if not items:
        raise Refused(f"'{name}' must be a string or a list of at least one.", name)
    return [_text(item, name) for item in ([items] if _is_tokens(items) else items)]


def _is_tokens(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], int)


def _text(item: object, name: str) -> str:
    if isinstance(item, str):
        return item
    if (
        isinstance(item, list)
        and item
        and all(isinstance(token, int) and not isinstance(token, bool) for token in item)
    ):
        try:
            return Tokenizer.named(ENCODING).decode(item).decode("utf-8", "replace")
        except (ValueError, OverflowError):
            pass
    raise Refused(f"'{name}' must hold strings or lists of tokens.", name)
