"""Recorded provider traffic, as the bytes that the provider sent and as what its own SDK read in them."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.answers import sends
from tests.end_to_end.upstream import END, Script, chunk, response

SHARED = Path(os.environ.get("GATEWAY_SHARED", Path(__file__).parents[2] / "../shared"))
RECORDINGS = SHARED / "recordings"
COMPATIBLE = ("openai", "azure", "deepseek", "groq", "mistral", "openrouter", "xai", "gemini")
_OTHER_ENDPOINTS = ("embeddings", "files", "legacy", "responses")

present = pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"no recordings at {RECORDINGS} (set GATEWAY_SHARED)")


@dataclass(frozen=True)
class Recording:
    """One recorded answer of a chat call."""

    path: Path
    status: int
    content_type: str
    expected: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.path.parent.name}/{self.path.name.partition('.')[0]}"

    @property
    def streamed(self) -> bool:
        return self.path.name.endswith((".sse", ".chunks.jsonl"))

    @property
    def sent(self) -> bytes:
        """The body on the wire; where only payloads were recorded, in OpenAI's framing."""
        raw = self.path.read_bytes()
        if self.path.suffix != ".jsonl":
            return raw
        return b"".join(b"data: " + line + b"\n\n" for line in raw.splitlines() if line) + b"data: [DONE]\n\n"

    @property
    def decoded(self) -> bytes:
        return gzip.decompress(self.sent) if self.path.suffix == ".gz" else self.sent

    @property
    def answer(self) -> Script:
        """Replays it byte for byte."""
        if not self.streamed:
            encoding = {"content_encoding": "gzip"} if self.path.suffix == ".gz" else {}
            whole = response(self.status, self.sent, **encoding)
            return lambda request: sends(whole.replace(b"application/json", self.content_type.encode(), 1))
        head = f"HTTP/1.1 {self.status} X\r\ncontent-type: {self.content_type}\r\ntransfer-encoding: chunked\r\n\r\n"
        return lambda request: sends(head.encode(), chunk(self.sent), END)

    def heard(self) -> dict[str, Any]:
        """What a client must read, with the nulls of whole answers as the empty strings of streams."""
        choices = []
        for choice in self.expected["choices"]:
            known = {"logprob_tokens": 0, **choice}
            texts = {name: known[name] or "" for name in ("text", "reasoning", "refusal")}
            choices.append({**known, **texts, "tool_calls": known["tool_calls"] or []})
        return {"choices": choices, "usage": self.expected.get("usage")}


def recorded() -> list[Recording]:
    """Every chat answer of a provider that speaks OpenAI's dialect; none where the recordings are absent."""
    return [found for name in COMPATIBLE if RECORDINGS.is_dir() for found in _of(RECORDINGS / name)]


def _of(folder: Path) -> list[Recording]:
    expected = json.loads((folder / "expected.json").read_text())
    found = []
    for row in json.loads((folder / "index.json").read_text()):
        heard = expected.get(row["file"], {})
        if heard.get("read_by", "").startswith("openai") and not row["file"].startswith(_OTHER_ENDPOINTS):
            default = "text/event-stream" if ".json" not in row["file"].replace(".jsonl", "") else "application/json"
            content_type = row["headers"].get("content-type", [default])[0]
            found.append(Recording(folder / row["file"], row["status"], content_type, heard))
    return found
