"""The providers that are known by name: a row is all that a compatible one needs."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.providers.base import Dialect
from gateway.providers.openai import OpenAI

OPENAI = OpenAI()
DIALECTS: dict[str, Dialect] = {"openai": OPENAI}


@dataclass(frozen=True, slots=True)
class Row:
    """A provider's public address, the prefix of its environment variables and its id in the price catalogue.

    `OPENAI` stands for `OPENAI_API_KEY` and `OPENAI_BASE_URL`. A provider without keys is offered once its URL is set.
    """

    base_url: str
    variables: str
    prices: str = ""
    dialect: str = "openai"
    keyless: bool = False

    @property
    def key_variable(self) -> str:
        return f"{self.variables}_API_KEY"

    @property
    def url_variable(self) -> str:
        return f"{self.variables}_BASE_URL"


ROWS: dict[str, Row] = {
    "openai": Row("https://api.openai.com/v1", "OPENAI", "openai"),
    "deepseek": Row("https://api.deepseek.com/v1", "DEEPSEEK", "deepseek"),
    "xai": Row("https://api.x.ai/v1", "XAI", "x-ai"),
    "mistral": Row("https://api.mistral.ai/v1", "MISTRAL", "mistral"),
    "groq": Row("https://api.groq.com/openai/v1", "GROQ", "groq"),
    "together": Row("https://api.together.xyz/v1", "TOGETHER", "together"),
    "openrouter": Row("https://openrouter.ai/api/v1", "OPENROUTER", "openrouter"),
    "fireworks": Row("https://api.fireworks.ai/inference/v1", "FIREWORKS", "fireworks"),
    "ollama": Row("http://127.0.0.1:11434/v1", "OLLAMA", keyless=True),
    "vllm": Row("http://127.0.0.1:8000/v1", "VLLM", keyless=True),
}

UNSUPPORTED: dict[str, tuple[str, str]] = {
    "ANTHROPIC_API_KEY": ("Anthropic", "https://api.anthropic.com/v1"),
    "GEMINI_API_KEY": ("Google", "https://generativelanguage.googleapis.com/v1beta/openai"),
    "GOOGLE_API_KEY": ("Google", "https://generativelanguage.googleapis.com/v1beta/openai"),
    "COHERE_API_KEY": ("Cohere", "https://api.cohere.ai/compatibility/v1"),
    "CO_API_KEY": ("Cohere", "https://api.cohere.ai/compatibility/v1"),
    "PERPLEXITY_API_KEY": ("Perplexity", "https://api.perplexity.ai"),
    "CEREBRAS_API_KEY": ("Cerebras", "https://api.cerebras.ai/v1"),
    "AZURE_OPENAI_API_KEY": ("Azure OpenAI", "https://NAME.openai.azure.com/openai/v1"),
}
"""Well-known key variables that start no provider by themselves: whose they are, and an address with OpenAI's wire format."""

UNSUPPORTED_NAMES = ("anthropic", "google", "gemini", "cohere", "perplexity", "cerebras", "azure")
"""What those are usually called before the slash of `provider/model`."""
