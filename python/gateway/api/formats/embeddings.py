"""Embeddings: always whole, and paid for by what is asked."""

from __future__ import annotations

from gateway.api.formats.base import OpenAIFormat
from gateway.native import Grammar


class Embeddings(OpenAIFormat):
    """`POST /v1/embeddings`."""

    name = "embeddings"
    paths = ("/v1/embeddings", "/embeddings")
    grammar = Grammar.built_in("embeddings")
    kind = "embeddings"
    prompt = "input"
