"""Completions, the API before chat."""

from __future__ import annotations

from gateway.api.formats.base import OpenAIFormat
from gateway.chat.completions_shapes import COMPLETIONS
from gateway.native import Grammar


class Completions(OpenAIFormat):
    """`POST /v1/completions`."""

    name = "completions"
    paths = ("/v1/completions", "/completions")
    grammar = Grammar.built_in("completions")
    kind = "completions"
    shape = COMPLETIONS
    prompt = "prompt"
