"""What the OpenAI SDK reads out of an answer: the same for the whole and the streamed shape."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from openai.types.chat import ChatCompletion, ChatCompletionChunk


def whole(reply: ChatCompletion) -> dict[str, Any]:
    """Choices with text, reasoning, refusal, tool calls, finish reason and number of logprobs; and usage."""
    choices = []
    for choice in reply.choices:
        heard = _Choice()
        heard.listen(choice.message, choice.logprobs, choice.finish_reason)
        for call in choice.message.tool_calls or ():
            assert call.type == "function"
            heard.tools.append({"id": call.id, "name": call.function.name, "arguments": call.function.arguments})
        choices.append(heard.told(choice.index))
    return {"choices": choices, "usage": _usage(reply.usage)}


def streamed(chunks: Iterable[ChatCompletionChunk]) -> dict[str, Any]:
    """The same, put together from the pieces as a client does."""
    heard: defaultdict[int, _Choice] = defaultdict(_Choice)
    usage = None
    for chunk in chunks:
        usage = _usage(chunk.usage) or usage
        for piece in chunk.choices:
            choice = heard[piece.index]
            choice.listen(piece.delta, piece.logprobs, piece.finish_reason)
            for call in piece.delta.tool_calls or ():
                choice.extend(call)
    return {"choices": [heard[index].told(index) for index in sorted(heard)], "usage": usage}


class _Choice:
    def __init__(self) -> None:
        self.text = self.reasoning = self.refusal = ""
        self.tools: list[dict[str, Any]] = []
        self.finish: str | None = None
        self.logprobs = 0

    def listen(self, said: Any, logprobs: Any, finish: str | None) -> None:
        for item in said.content if isinstance(said.content, list) else [said.content or ""]:
            if isinstance(item, str):
                self.text += item
            elif item["type"] == "thinking":  # Mistral
                self.reasoning += "".join(part["text"] for part in item["thinking"])
            else:
                self.text += item["text"]
        self.reasoning += getattr(said, "reasoning_content", None) or getattr(said, "reasoning", None) or ""
        self.refusal += said.refusal or ""
        self.logprobs += len((logprobs and logprobs.content) or ())
        self.finish = finish or self.finish

    def extend(self, call: Any) -> None:
        while len(self.tools) <= call.index:
            self.tools.append({"id": "", "name": "", "arguments": ""})
        known = self.tools[call.index]
        known["id"] = call.id or known["id"]
        known["name"] = call.function.name or known["name"]
        known["arguments"] += call.function.arguments or ""

    def told(self, index: int) -> dict[str, Any]:
        return {
            "index": index,
            "text": self.text,
            "reasoning": self.reasoning,
            "refusal": self.refusal,
            "tool_calls": self.tools,
            "finish_reason": self.finish,
            "logprob_tokens": self.logprobs,
        }


def _usage(usage: Any) -> dict[str, Any] | None:
    return usage.model_dump(exclude_none=True) if usage is not None else None
