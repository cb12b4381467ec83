"""From a YAML file to plain mappings, lists and scalars, with bounds on all that the text could blow up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from gateway.config import wording

MOST_BYTES = 1 << 20
MOST_DEPTH = 16
MOST_NODES = 20_000
"""Aliases count as often as they are used, so a small text cannot stand for a large document."""

_MERGE = "tag:yaml.org,2002:merge"
_TEXT = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"}
_TYPED = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float")}

Value = dict[str, Any] | list[Any] | str | int | float | bool | None


class Unreadable(Exception):
    """The file is not a document that can be used; its text says why, in one line."""


def read(path: Path) -> dict[str, Any]:
    """The file's top-level mapping, empty for an empty file; raises `Unreadable`.

    Keys are the text as written. A key that is given twice is an error.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise Unreadable(f"{path!r}: {error}") from error
    if len(raw) > MOST_BYTES:
        raise Unreadable(f"{path}: larger than {MOST_BYTES >> 20} MiB")
    try:
        value = parse(raw)
    except Unreadable as error:
        raise Unreadable(f"{path}: {error}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable(f"{path}: must hold settings, such as 'server:' with 'port: 4000' below it")
    return value


def parse(raw: bytes) -> Value:
    """The value that a YAML text stands for; raises `Unreadable`, which never quotes the text: it may hold secrets."""
    try:
        text = raw.decode("utf-8-sig")
        _bound_depth(text)
        node = yaml.compose(text, yaml.SafeLoader)
    except UnicodeDecodeError:
        raise Unreadable("not valid YAML: not UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        at = _line(error.problem_mark) if error.problem_mark else ""
        raise Unreadable(f"not valid YAML{at}: {wording.of_text(error.problem)}") from None
    except yaml.reader.ReaderError as error:
        raise Unreadable(f"not valid YAML: a character that is not allowed, at position {error.position}") from None
    except (yaml.YAMLError, ValueError, OverflowError):
        raise Unreadable("not valid YAML") from None
    return None if node is None else _Reader().value(node, MOST_DEPTH)


class _Reader:
    """Turns composed nodes into values, and counts them."""

    def __init__(self) -> None:
        self._left = MOST_NODES
        self._scalars = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, depth: int) -> Value:
        self._left -= 1
        if self._left < 0:
            raise Unreadable(f"more than {MOST_NODES} values, aliases counted as often as they are used")
        if depth == 0:
            raise Unreadable(f"nested more than {MOST_DEPTH} deep{_line(node.start_mark)}")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
            return [self.value(item, depth - 1) for item in node.value]
        if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
            return self._mapping(node, depth)
        raise Unreadable(f"a value that begins with '!' must be in quotes{_line(node.start_mark)}")

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, inner in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise Unreadable(f"a setting's name must be plain text{_line(key.start_mark)}")
            value = self.value(inner, depth - 1)
            if key.tag == _MERGE:
                for base in value if isinstance(value, list) else [value]:
                    if not isinstance(base, dict):
                        raise Unreadable(f"'<<' takes a section{_line(key.start_mark)}")
                    merged = {**base, **merged}
            elif key.value in own:
                raise Unreadable(f"the key '{key.value[:80]}' is given twice, again{_line(key.start_mark)}")
            else:
                own[key.value] = value
        return {**merged, **own}

    def _scalar(self, node: yaml.ScalarNode) -> Value:
        if node.tag in _TEXT:
            return str(node.value)
        if node.tag not in _TYPED:
            raise Unreadable(f"a value that begins with '!' must be in quotes{_line(node.start_mark)}")
        try:
            value: Value = self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError, KeyError, IndexError):
            raise Unreadable(f"a value that does not fit the type before it{_line(node.start_mark)}") from None
        return value


def _bound_depth(text: str) -> None:
    """The composer recurses; the parser of events does not."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MOST_DEPTH:
                raise Unreadable(f"nested more than {MOST_DEPTH} deep{_line(event.start_mark)}")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _line(mark: Any) -> str:
    return f" in line {mark.line + 1}" if mark is not None else ""
