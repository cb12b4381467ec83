"""What the architecture tests read: the project's own source files."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
GATEWAY = "python/gateway"


def files(folder: str, pattern: str) -> Iterator[tuple[str, str]]:
    """(path, text) of each file in a folder of the project that matches a pattern, build output left out."""
    for path in sorted((ROOT / folder).rglob(pattern)):
        inner = path.relative_to(ROOT)
        if not {"target", "__pycache__"} & set(inner.parts):
            yield inner.as_posix(), path.read_text(encoding="utf-8")
