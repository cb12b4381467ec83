from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hostile.site import QUICK, Site


@pytest.fixture(scope="session", autouse=True)
def many_files() -> None:
    """Both ends of thousands of connections are in this process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One gateway for a whole file."""
    standing = Site(tmp_path_factory.mktemp("site"))
    yield standing.start()
    standing.stop()


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    """A gateway that must have taken no harm when the test is over."""
    yield shared_site.reset()
    shared_site.healthy()


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Starts gateways of other configurations; stops them all at the end."""
    started: list[Site] = []

    def start(config: str = QUICK, **environ: str) -> Site:
        started.append(Site(tmp_path / f"site{len(started)}", config, **environ))
        return started[-1].start()

    yield start
    for standing in started:
        standing.stop()
