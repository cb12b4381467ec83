"""Recorded provider traffic for tests; absent on machines without it."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import orjson
import pytest

SHARED = Path(os.environ.get("GATEWAY_SHARED", Path(__file__).parents[1] / "../shared"))
FOLDER = SHARED / "recordings"
COMPATIBLE = ("openai", "deepseek", "xai", "groq", "mistral", "azure", "openrouter", "gemini")

needs_recordings = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings at {FOLDER}")


def chat_recordings(*suffixes: str) -> list[Path]:
    """The recorded answers of chat-completions endpoints that the `openai` SDK could read."""
    found = []
    for provider in COMPATIBLE:
        folder = FOLDER / provider
        for name, reading in expected(folder).items():
            chat = "choices" in reading and str(reading.get("read_by", "")).startswith("openai")
            if chat and name.endswith(suffixes) and not name.startswith("legacy"):
                found.append(folder / name)
    return sorted(found)


def expected(folder: Path) -> dict[str, Any]:
    file = folder / "expected.json"
    return dict(orjson.loads(file.read_bytes())) if file.exists() else {}


def payloads(path: Path) -> list[bytes]:
    """The JSON payloads of a recording: one for a whole answer, one an event for a stream."""
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    if path.suffix == ".sse":
        lines = [line.rstrip(b"\r") for line in raw.split(b"\n") if line.startswith(b"data:")]
        return [line[5:].strip() for line in lines if line[5:].strip() != b"[DONE]"]
    return [line for line in raw.splitlines() if line] if path.suffix == ".jsonl" else [raw]
