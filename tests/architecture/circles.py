"""Which files know each other, directly or by way of others."""

from __future__ import annotations

from collections.abc import Mapping, Set

Graph = Mapping[str, Set[str]]


def circles(imports: Graph) -> list[list[str]]:
    """The groups of modules that can each be reached from every other one of their group, sorted."""
    reach = {module: _reached(module, imports) for module in imports}
    groups = {frozenset(other for other in reach[module] if module in reach.get(other, ())) for module in imports}
    return sorted(sorted(group) for group in groups if group)


def _reached(start: str, imports: Graph) -> set[str]:
    """Every module that following imports leads to; `start` itself only by a way that comes back."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = imports.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found
