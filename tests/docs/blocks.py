"""Runs the ```python blocks of a page top to bottom in one namespace: `python blocks.py page.md`.

A block that opens with ```python needs: wordllama runs only where that distribution is installed; where it is
not, the page ends there. Imports only the standard library, to run in an environment that has only the wheel.
"""

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType

MISSING = 77  # the exit status of a page that ended early

BLOCK = re.compile(r"^```python(?: +needs: *(?P<needs>.*?))?\n(?P<code>[\s\S]*?)^```$", re.MULTILINE)


def run(page: Path) -> int:
    """Runs a page's blocks and returns how many there were; what one raises points at its line of the page.

    PackageNotFoundError: a block needs a distribution that is not installed here.
    """
    text = page.read_text(encoding="utf-8")
    module = sys.modules["page"] = ModuleType("page")
    blocks = list(BLOCK.finditer(text))
    for block in blocks:
        for name in (block["needs"] or "").split():
            distribution(name)
        lines_above = text.count("\n", 0, block.start("code"))
        exec(compile("\n" * lines_above + block["code"], str(page), "exec"), module.__dict__)
    return len(blocks)


if __name__ == "__main__":
    try:
        run(Path(sys.argv[1]))
    except PackageNotFoundError as missing:
        print(missing)
        sys.exit(MISSING)
