"""What is served where: a table of one dictionary look-up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from gateway.api import wire
from gateway.api.request import Request
from gateway.errors import MethodNotAllowed, NotFound

Endpoint = Callable[[Request], Awaitable[wire.Reply]]
Methods = Mapping[str, Endpoint]
SHOWN = 200
"""Characters of a path that an error repeats."""


class Routes:
    """Finds the endpoint of a request. `table` maps a path to its methods; a path ending in `/` is a prefix. HEAD is answered
    where GET is."""

    def __init__(self, table: Mapping[str, Methods]) -> None:
        self._table = {path: _with_head(methods) for path, methods in table.items()}
        self._prefixes = [path for path in table if path.endswith("/") and len(path) > 1]
        self._calls = ", ".join(f"{min(methods)} {path}" for path, methods in table.items() if path.startswith("/v1/"))

    def methods(self, path: str) -> Methods | None:
        """What the path answers; None if it is not served."""
        table = self._table
        return table.get(path) or (table.get(path.rstrip("/")) if path != "/" else None) or self._by_prefix(path)

    def find(self, request: Request) -> Endpoint:
        """The endpoint; raises `NotFound` or `MethodNotAllowed`."""
        methods = self._table.get(request.target) or self.methods(request.path)
        endpoint = methods.get(request.method) if methods else None
        if endpoint is not None:
            return endpoint
        asked = f"{request.method} {request.path[:SHOWN]} is not supported."
        if methods is None:
            raise NotFound(f"{asked} Supported are {self._calls}." if self._calls else asked)
        raise MethodNotAllowed(f"{asked} Use {' or '.join(methods)}.", headers={"allow": allowed(methods)})

    def _by_prefix(self, path: str) -> Methods | None:
        return next((self._table[prefix] for prefix in self._prefixes if path.startswith(prefix)), None)


def allowed(methods: Methods) -> str:
    """The value of an Allow header."""
    return ", ".join([*methods, "OPTIONS"])


def _with_head(methods: Methods) -> Methods:
    return {**methods, "HEAD": methods["GET"]} if "GET" in methods else methods
