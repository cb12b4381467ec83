"""The wire formats that clients may speak: a file each, and a line in this table."""

from __future__ import annotations

from gateway.api.formats.chat import Chat
from gateway.api.formats.completions import Completions
from gateway.api.formats.embeddings import Embeddings
from gateway.chat.format import Format

FORMATS: list[Format] = [
    Chat(),
    Completions(),
    Embeddings(),
]
