"""From a file, the environment and flags to a `Config`, or to a list of everything that is wrong with them."""

from __future__ import annotations

import difflib
import os
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from gateway.config import wording
from gateway.config.checks import problems
from gateway.config.document import Unreadable, read
from gateway.config.environment import overrides, place, remove, resolved
from gateway.config.problem import ConfigError, Location, Problem
from gateway.config.schema import Config

NO_FLAGS: Mapping[str, object] = types.MappingProxyType({})


def load(path: Path | None, environ: Mapping[str, str] = os.environ, flags: Mapping[str, object] = NO_FLAGS) -> Config:
    """The configuration to serve with; the file is optional. Flags win over the environment, and that over the file.

    `flags` is keyed like `environment.FLAGS`. Raises `ConfigError` with all problems, those of the providers, the data
    directory and the environment included.
    """
    draft = Draft(path, environ, flags)
    found = draft.unresolved + draft.invalid
    found += [
        problem for problem in problems(draft.config, environ) if not any(problem.touches(known) for known in found)
    ]
    if found:
        raise ConfigError(found)
    return draft.config


def load_for_tools(
    path: Path | None, environ: Mapping[str, str] = os.environ, flags: Mapping[str, object] = NO_FLAGS
) -> Config:
    """The configuration as `gateway keys` needs it: valid, but other variables than the data directory's may be missing here."""
    draft = Draft(path, environ, flags)
    if found := [problem for problem in draft.unresolved if problem.at == ("data_dir",)] + draft.invalid:
        raise ConfigError(found)
    return draft.config


class Draft:
    """What can be made of the settings: `config`, without the values that `unresolved` and `invalid` name."""

    def __init__(self, path: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]) -> None:
        self.unresolved: list[Problem] = []
        self.invalid: list[Problem] = []
        self._origins: dict[Location, str] = {}
        try:
            raw: dict[str, Any] = resolved(read(path) if path else {}, environ, (), self.unresolved)
        except Unreadable as error:
            raise ConfigError([str(error)]) from None
        for origin, at, value in overrides(environ, flags):
            place(raw, at, value)
            self._origins[at] = origin
            self.unresolved = [problem for problem in self.unresolved if problem.at != at]
        self.config = self._validated(raw)

    def _validated(self, raw: dict[str, Any]) -> Config:
        """Takes out what is wrong and validates the rest, so one mistake does not hide another."""
        while True:
            try:
                return Config.model_validate(raw)
            except ValidationError as error:
                details = error.errors(include_url=False, include_input=False)
            wrong = [self._noted(detail) for detail in details]
            for at in sorted(wrong, key=_by_index, reverse=True):
                remove(raw, at)

    def _noted(self, detail: Any) -> Location:
        """Lists one of pydantic's errors; the value to take out."""
        at: Location = detail["loc"]
        if "[key]" in at:
            at = at[: at.index("[key]")]
        problem = Problem(at, _explanation(detail), self._origins.get(at, ""))
        if not any(problem.follows_from(known) for known in self.unresolved + self.invalid):
            self.invalid.append(problem)
        return at[:-1] if detail["type"] == "missing" else at


def _by_index(at: Location) -> list[tuple[int, str]]:
    return [(step, "") if isinstance(step, int) else (-1, step) for step in at]


def _explanation(detail: Any) -> str:
    at: Location = detail["loc"]
    if detail["type"] != "extra_forbidden":
        return wording.of_setting(detail["type"], detail["msg"], detail.get("ctx", {}))
    known = _fields_at(at[:-1])
    near = difflib.get_close_matches(str(at[-1])[:80], known, 1, 0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(sorted(known))}"
    return f"unknown key; {hint}"


def _fields_at(at: Location) -> list[str]:
    """The field names of the section that a path leads to."""
    model: Any = Config
    for step in at:
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = model.model_fields[str(step)].annotation
        else:
            model = get_args(model)[-1]
        if get_origin(model) in (types.UnionType,):
            model = next(arm for arm in get_args(model) if arm is not type(None))
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []
