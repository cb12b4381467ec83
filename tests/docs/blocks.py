"""Runs the ```python blocks of a page top to bottom in one namespace: `python blocks.py page.md`.

A block that opens with ```python needs: wordllama runs only where that distribution is installed; where it is not, the page
ends there. Imports nothing but the standard library, so that it runs in an environment that has only the wheel.
"""

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType

MISSING = 77  # the exit status of a page that ended early

BLOCK = re.compile(
    r"^```python(?: +needs: *(?P<needs>[^\n]*))?\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Missing(Exception):
    """A block needs a distribution that is not installed here."""


def run(page: Path) -> int:
    """Runs a page's blocks and returns how many there were; what a block raises points at its line of the page."""
    text = page.read_text(encoding="utf-8")
    module = sys.modules["page"] = ModuleType("page")
    blocks = list(BLOCK.finditer(text))
    for block in blocks:
        require((block["needs"] or "").replace(",", " ").split())
        lines_above = text.count("\n", 0, block.start("code"))
        exec(compile("\n" * lines_above + block["code"], str(page), "exec"), module.__dict__)
    return len(blocks)


def require(distributions: list[str]) -> None:
    for name in distributions:
        try:
            distribution(name)
        except PackageNotFoundError:
            raise Missing(f"{name} is not installed") from None


if __name__ == "__main__":
    try:
        run(Path(sys.argv[1]))
    except Missing as missing:
        print(missing)
        sys.exit(MISSING)
