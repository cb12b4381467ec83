"""`tiktoken` without a network: its own vocabulary files, written from ours, whose sha256 it then checks itself."""

import base64
from pathlib import Path

import tiktoken

from gateway.native import Tokenizer

# sha1 of the address that tiktoken would fetch: the name it looks for in TIKTOKEN_CACHE_DIR.
CACHED = {
    "o200k_base": ("fb374d419588a4632f3f557e76b4b70aebbca790", 199_998),
    "cl100k_base": ("9b5ad71b2ce5302211f9c61530b329a4922fc6a4", 100_256),
}


def ranks(name: str, size: int) -> dict[bytes, int]:
    tokenizer = Tokenizer.named(name)
    return {tokenizer.decode([rank]): rank for rank in range(size)}


def openai(name: str, cache: Path) -> tiktoken.Encoding:
    """tiktoken's encoding; `cache` must be what TIKTOKEN_CACHE_DIR says."""
    file, size = CACHED[name]
    lines = (base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks(name, size).items())
    (cache / file).write_bytes(b"".join(lines))
    return tiktoken.get_encoding(name)
