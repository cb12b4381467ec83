import pytest

from tests.architecture.layers import aiohttp_offences, module_of, offences
from tests.architecture.sources import GATEWAY, files

SOURCES = list(files(GATEWAY, "*.py"))
MODULES = {module_of(path) for path, _ in SOURCES} | {"gateway.native"}

# A small gateway for the samples below.
SAMPLE = {
    "gateway",
    "gateway.app",
    "gateway.api",
    "gateway.api.chat",
    "gateway.cache",
    "gateway.cache.exact",
    "gateway.chat",
    "gateway.chat.usage",
    "gateway.control.link",
    "gateway.errors",
    "gateway.ledger.entry",
    "gateway.ledger.row",
    "gateway.native",
    "gateway.pipeline",
    "gateway.policy",
    "gateway.policy.keys",
    "gateway.providers",
    "gateway.providers.anthropic",
    "gateway.providers.base",
    "gateway.providers.gemini",
    "gateway.providers.gemini.parts",
    "gateway.providers.table",
}


@pytest.mark.parametrize(("path", "source"), SOURCES, ids=[path for path, _ in SOURCES])
def test_imports_go_down(path: str, source: str) -> None:
    assert offences(path, source, MODULES) == []


@pytest.mark.parametrize(("path", "source"), SOURCES, ids=[path for path, _ in SOURCES])
def test_aiohttp_stays_at_the_edges(path: str, source: str) -> None:
    assert aiohttp_offences(path, source) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("pipeline.py", "import gateway.api.chat"),
        ("pipeline.py", "import gateway.api.chat as chat"),
        ("pipeline.py", "from gateway.api import chat"),
        ("pipeline.py", "from gateway.api.chat import answer"),
        ("pipeline.py", "from gateway import errors, api"),
        ("pipeline.py", "from . import api"),
        ("pipeline.py", "from .api import chat"),
        ("pipeline.py", "import json, gateway.app"),
        ("pipeline.py", "import gateway"),
        ("pipeline.py", "from gateway import *"),
        ("pipeline.py", "from gateway import unheard_of"),
        (
            "pipeline.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from gateway.api import chat",
        ),
        ("pipeline.py", "def late():\n    from gateway.api import chat"),
        ("pipeline.py", "try:\n    import gateway.app\nexcept ImportError:\n    pass"),
        ("pipeline.py", "import importlib\nimportlib.import_module('gateway.api')"),
        ("pipeline.py", "__import__('gateway.api')"),
        ("cache/exact.py", "from gateway.policy import keys"),
        ("cache/exact.py", "from ..policy.keys import Key"),
        ("cache/__init__.py", "from ..policy import keys"),
        ("cache/deep/est.py", "from ...policy import keys"),
        ("cache/exact.py", "from gateway.pipeline import Route"),
        ("chat/usage.py", "from gateway.providers import base"),
        ("errors.py", "from gateway.chat import usage"),
        ("providers/anthropic.py", "from gateway.providers import gemini"),
        ("providers/anthropic.py", "from . import gemini"),
        ("providers/anthropic.py", "from gateway.providers.gemini.parts import Part"),
        ("providers/anthropic.py", "from gateway.cache import exact"),
        ("__init__.py", "from gateway.errors import GatewayError"),
        ("app.py", "from gateway.cli import main"),
        ("app.py", "from gateway.control.link import Link"),
        ("control/link.py", "from gateway.app import App"),
        ("control/link.py", "from gateway.pipeline import Pipeline"),
        ("control/link.py", "from gateway.ledger.entry import Entry"),
        ("stray.py", ""),
    ],
)
def test_an_import_up_or_sideways_is_found(path: str, source: str) -> None:
    assert len(offences(f"python/gateway/{path}", source, SAMPLE)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("__main__.py", "from gateway.cli import main"),
        ("cli.py", "from gateway import __version__\nfrom gateway.app import serve"),
        ("app.py", "from gateway.api import chat\nfrom gateway.cache.exact import Cache"),
        ("control/link.py", "from gateway.ledger.row import Row\nfrom gateway.policy.keys import Key"),
        ("pipeline.py", "from gateway.policy.keys import Key\nfrom gateway import errors, native"),
        ("cache/exact.py", "from gateway.cache import VERSION\nfrom . import exact\nfrom .. import errors"),
        ("cache/exact.py", "import json\nfrom gatewayless import api\nimport gateway_plugin.api"),
        ("cache/exact.py", "from gateway.native import ExactCache\nfrom gateway.chat import Usage"),
        ("chat/usage.py", "from gateway.errors import BadRequest"),
        ("providers/anthropic.py", "from gateway.providers.base import Dialect\nfrom . import table"),
        ("providers/table.py", "from gateway.providers import anthropic, gemini"),
        ("providers/gemini/__init__.py", "from gateway.providers.gemini.parts import Part"),
    ],
)
def test_an_import_down_is_none(path: str, source: str) -> None:
    assert offences(f"python/gateway/{path}", source, SAMPLE) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("pipeline.py", "import aiohttp"),
        ("pipeline.py", "from aiohttp import ClientSession"),
        ("pipeline.py", "import aiohttp.web"),
        ("pipeline.py", "def late():\n    from aiohttp.hdrs import HOST"),
        ("cli.py", "from aiohttp import web"),
        ("upstream/pool.py", "import aiohttp.web"),
        ("upstream/pool.py", "import aiohttp.web as server"),
        ("upstream/pool.py", "from aiohttp import ClientSession, web"),
        ("upstream/pool.py", "from aiohttp import web as server"),
        ("upstream/pool.py", "from aiohttp.web import Response"),
        ("upstream/pool.py", "from aiohttp.web_request import Request"),
        ("upstream/pool.py", "import importlib\nimportlib.import_module('aiohttp.web')"),
        ("upstream/pool.py", "import aiohttp\nanswer = aiohttp.web.Response"),
    ],
)
def test_aiohttp_out_of_place_is_found(path: str, source: str) -> None:
    assert len(aiohttp_offences(f"python/gateway/{path}", source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("app.py", "from aiohttp import web"),
        ("api/chat.py", "import aiohttp.web_request"),
        ("upstream/pool.py", "import aiohttp\nfrom aiohttp import ClientSession"),
        ("pipeline.py", "import aiohttpish, json"),
    ],
)
def test_aiohttp_in_its_place_is_none(path: str, source: str) -> None:
    assert aiohttp_offences(f"python/gateway/{path}", source) == []
