"""What the environment and the command line's flags add to the file: references in its strings, and settings of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.config.problem import Location, Problem

VARIABLES: dict[str, Location] = {
    "GATEWAY_HOST": ("server", "host"),
    "GATEWAY_PORT": ("server", "port"),
    "GATEWAY_DATA_DIR": ("data_dir",),
    "GATEWAY_ADMIN_KEY": ("admin_key",),
    "GATEWAY_SECRET": ("secret",),
    "GATEWAY_LOG_LEVEL": ("log", "level"),
}
FLAGS: dict[str, Location] = {
    "--host": ("server", "host"),
    "--port": ("server", "port"),
    "--log-level": ("log", "level"),
    "--access-log": ("server", "access_log"),
}

_REFERENCE = re.compile(r"\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-((?:[^}$]|\$(?!\{))*))?\})?")
_LITELLM = "os.environ/"


class Unresolved(Exception):
    """A reference that leads nowhere; its text says why."""


def expand(text: str, environ: Mapping[str, str]) -> str:
    """A string with `${VAR}`, `${VAR:-default}` and `os.environ/VAR` replaced; raises `Unresolved`.

    What a variable holds is not looked at again, so a value that itself contains `${` belongs into a variable.
    """
    if text.startswith(_LITELLM):
        name = text.removeprefix(_LITELLM)
        return _look_up(name, None, environ)
    return _REFERENCE.sub(lambda match: _look_up(match[1], match[2], environ), text)


def _look_up(name: str | None, default: str | None, environ: Mapping[str, str]) -> str:
    if name is None:
        raise Unresolved("this reference cannot be read; write ${NAME} or ${NAME:-default}")
    found = environ.get(name, default)
    if found is None:
        raise Unresolved(f"the environment variable {name} is not set")
    return found


def resolved(value: Any, environ: Mapping[str, str], at: Location, problems: list[Problem]) -> Any:
    """The same nested value with its strings expanded; what cannot be is empty, and added to `problems`."""
    if isinstance(value, dict):
        return {key: resolved(inner, environ, (*at, key), problems) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolved(inner, environ, (*at, index), problems) for index, inner in enumerate(value)]
    if not isinstance(value, str):
        return value
    try:
        return expand(value, environ)
    except Unresolved as error:
        problems.append(Problem(at, str(error)))
        return ""


def overrides(environ: Mapping[str, str], flags: Mapping[str, object]) -> Iterator[tuple[str, Location, object]]:
    """What wins over the file, the strongest last: by whom, which setting, the value. An empty variable is none."""
    for name, at in VARIABLES.items():
        if value := environ.get(name):
            yield name, at, value
    for name, at in FLAGS.items():
        if (flag := flags.get(name)) is not None:
            yield name, at, flag


def place(raw: dict[str, Any], at: Location, value: object) -> None:
    """Sets one setting, with the sections above it."""
    *above, last = at
    section = raw
    for step in above:
        inner = section.get(str(step))
        section[str(step)] = section = {} if inner is None else inner
        if not isinstance(section, dict):
            return  # the schema will say so
    section[str(last)] = value


def remove(raw: dict[str, Any], at: Location) -> None:
    """Takes a value out, or the nearest one around it; everything, where nothing is found."""
    for end in range(len(at), 0, -1):
        *above, last = at[:end]
        inner: Any = raw
        try:
            for step in above:
                inner = inner[step]
            del inner[last]
        except (KeyError, IndexError, TypeError):
            continue
        return
    raw.clear()
