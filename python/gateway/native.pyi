"""The hot core of llm-gateway, usable alone from any Python service."""

from collections.abc import Sequence
from typing import final

__version__: str

@final
class Tokenizer:
    """Counts and encodes text as a model family does."""

    @staticmethod
    def named(encoding: str, /) -> Tokenizer:
        """The tokenizer of an encoding, such as "o200k_base" or "anthropic"; KeyError for an unknown one."""

    @staticmethod
    def for_model(model: str, /) -> Tokenizer:
        """The tokenizer that a model is counted with; an unknown model gets an estimate."""

    @property
    def name(self) -> str:
        """The encoding's name."""

    @property
    def exact(self) -> bool:
        """Whether counts equal the provider's own or estimate them."""

    def count(self, text: str, /) -> int:
        """Tokens in a text."""

    def encode(self, text: str, /) -> list[int]:
        """The tokens of a text; ValueError where the vocabulary is not public."""

    def decode(self, tokens: Sequence[int], /) -> bytes:
        """The bytes that tokens stand for, which need not be whole characters."""

    def count_chat(self, body: bytes, /) -> int:
        """Prompt tokens of a chat-completions request body."""

def encoding_for(model: str, /) -> str:
    """The name of the encoding that a model is counted with; "estimate" for an unknown one."""
