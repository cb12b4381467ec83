"""What OpenAI's endpoints have in common on the wire: JSON bodies, server-sent events, one shape of errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import orjson

from gateway.chat.format import KEPT_TEXT
from gateway.chat.request import refusal
from gateway.chat.shape import Shape
from gateway.errors import GatewayError, Untranslatable
from gateway.native import Canon, CanonError, Grammar, Reading, Scanner, Tokenizer, without_usage

PARSED_BYTES = 256 << 10
"""The largest body that is parsed to count what it asks; a larger one is counted as it is, as an estimate."""


class OpenAIFormat:
    """A `Format` in OpenAI's style. An endpoint of its own sets the attributes, and overrides what it does differently."""

    name: ClassVar[str]
    paths: ClassVar[tuple[str, ...]]
    grammar: ClassVar[Grammar]
    kind: ClassVar[Literal["chat", "completions", "embeddings"]]
    """What its answers are to the native scanner."""
    shape: ClassVar[Shape | None] = None
    """How answers go over from whole to streamed and back; None where they are never streamed."""
    prompt: ClassVar[str]
    """The member that holds what is asked: a string, tokens, or an array of either."""
    end = b"data: [DONE]\n\n"

    def read(self, canon: Canon, body: bytes) -> Reading:
        try:
            return canon.read(body, self.grammar)
        except CanonError as error:
            raise refusal(error) from None

    def scanner(self, request: Reading, *, stream: bool) -> Scanner:
        return Scanner(whole=not stream, kind=self.kind, n=request.n, max_text=KEPT_TEXT)

    def frame(self, request: Reading) -> Callable[[bytes], bytes]:
        """The answer as it is, without the usage of a stream unless the client asked for it."""
        return without_usage if request.stream and not request.include_usage else bytes

    def error(self, error: GatewayError, *, stream: bool) -> bytes:
        """OpenAI's error object."""
        body = error.body()
        return b"data: %b\n\n" % body if stream else body

    def assemble(self, events: bytes) -> bytes:
        return self._shape().assemble(events)

    def replay(self, body: bytes) -> bytes:
        return self._shape().replay(body)

    def count_input(self, request: Reading, tokenizer: Tokenizer) -> int:
        body = request.body
        if len(body) > PARSED_BYTES:
            return tokenizer.count(body.decode("utf-8", "replace"))
        if request.question is not None:
            return tokenizer.count(request.question)
        return count(orjson.loads(body).get(self.prompt), tokenizer)

    def _shape(self) -> Shape:
        if self.shape is None:
            raise Untranslatable
        return self.shape


def count(asked: Any, tokenizer: Tokenizer) -> int:
    """Tokens in a string, in an array of tokens, or in an array of either."""
    match asked:
        case str():
            return tokenizer.count(asked)
        case list():
            texts = [part for part in asked if isinstance(part, str)]
            tokens = sum(len(part) if isinstance(part, list) else isinstance(part, int) for part in asked)
            return tokens + (tokenizer.count("\n".join(texts)) if texts else 0)
    return 0
