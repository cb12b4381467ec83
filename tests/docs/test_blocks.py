import subprocess
import sys
import traceback
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from tests.docs import blocks

PAGE = """\
# A page

```python
from dataclasses import dataclass

@dataclass
class Point:
    x: int
```

Some words, and what is not run:

```console
$ false
```

```python
assert Point(2).x == {x}
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "page.md"


def test_blocks_share_a_namespace(page: Path) -> None:
    page.write_text(PAGE.format(x=2))
    assert blocks.run(page) == 2


def test_each_run_starts_afresh(page: Path) -> None:
    page.write_text("```python\nassert 'seen' not in globals()\nseen = 1\n```\n")
    assert [blocks.run(page), blocks.run(page)] == [1, 1]


def test_a_failure_points_at_its_line(page: Path) -> None:
    page.write_text(PAGE.format(x=3))
    with pytest.raises(AssertionError) as failure:
        blocks.run(page)
    last = traceback.extract_tb(failure.tb)[-1]
    assert (last.filename, last.lineno) == (str(page), PAGE.count("\n") - 1)


def test_a_page_ends_where_a_package_is_missing(page: Path) -> None:
    page.write_text("```python needs: pytest\nran = 1\n```\n\n```python needs: not-a-package\n1 / 0\n```\n")
    with pytest.raises(PackageNotFoundError, match="not-a-package"):
        blocks.run(page)


@pytest.mark.parametrize(
    ("code", "status"),
    [("```python\npass\n```\n", 0), ("```python\n1 / 0\n```\n", 1), ("```python needs: nope\n```\n", 77)],
)
def test_the_exit_status_tells(page: Path, code: str, status: int) -> None:
    page.write_text(code)
    done = subprocess.run([sys.executable, "-I", str(Path(blocks.__file__)), str(page)], capture_output=True)
    assert done.returncode == status
