"""Every command of the README and of the guides is typed in, and prints what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.docs import blocks
from tests.docs.guide import Guide, commands, printed
from tests.end_to_end.gateway import ADMIN_KEY, Gateway

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").glob("*.md"))]
NOT_RUN = {
    "it is running already where these pages are tested",
    "needs a provider's key",
    "needs a Docker engine",
    "runs for minutes",
    "stays in the foreground",
    "builds a wheel",
    "the admin key is another at each first start",
}
"""The only reasons for which a command may stay untried."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_does_what_the_page_says(page: Path, tmp_path: Path) -> None:
    guide = Guide.read(page)
    assert set(guide.unrun) <= NOT_RUN
    if not guide.steps:
        return
    gateway = Gateway(tmp_path / "data", {"GATEWAY_DATA_DIR": str(tmp_path / "data")})
    gateway.start()
    try:
        port = int(gateway.url.rpartition(":")[2])
        environ = {**gateway.environ, "GATEWAY_ADMIN_KEY": ADMIN_KEY, "GATEWAY_PORT": str(port)}
        guide.follow(tmp_path, port, environ)
    finally:
        gateway.stop()


@pytest.mark.parametrize("page", [ROOT / "docs/quickstart.md", ROOT / "docs/embedding.md"], ids=lambda page: page.name)
def test_every_python_example_runs(page: Path, tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "data", {})
    gateway.start()
    copy = tmp_path / page.name
    copy.write_text(page.read_text().replace("http://127.0.0.1:4000", gateway.url))
    try:
        assert blocks.run(copy) > 0
    finally:
        gateway.stop()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_yaml_block_is_yaml_and_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text()
    for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yaml.safe_load(block)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {target for page in PAGES for target in re.findall(r"`?make ([a-z][a-z-]*)", page.read_text())}

    assert named & {"run", "bench", "test"}
    assert {target for target in named if target not in targets and target not in {"it", "a", "one", "sure"}} == set()


def test_what_a_page_shows_is_compared_with_what_was_printed() -> None:
    assert printed("abc\r\ndef\n", "abc\ndef")
    assert printed("one\ntwo\nthree", "one\n…\nthree")
    assert printed('{"id":"chatcmpl-1","x":2}', '{"id":"chatcmpl-…","x":…}')
    assert not printed("one", "two")
    assert not printed("one two", "two…one")


def test_a_command_goes_on_after_a_backslash() -> None:
    (first, second) = commands("$ curl x \\\n    -d y\nprints\n$ true\n", 1)

    assert (first.command, first.text, second.command) == ("curl x \\\n    -d y", "prints\n", "true")
