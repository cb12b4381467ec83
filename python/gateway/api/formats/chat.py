"""Chat completions."""

from __future__ import annotations

from gateway.api.formats.base import OpenAIFormat
from gateway.chat.shapes import CHAT
from gateway.native import Grammar, Reading, Tokenizer


class Chat(OpenAIFormat):
    """`POST /v1/chat/completions`."""

    name = "chat"
    paths = ("/v1/chat/completions", "/chat/completions")
    grammar = Grammar.built_in("chat")
    kind = "chat"
    shape = CHAT

    def count_input(self, request: Reading, tokenizer: Tokenizer) -> int:
        return tokenizer.count_chat(request.body)
