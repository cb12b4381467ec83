"""Which of the offered tools is called, and with what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.upstream.demo.example import Example
from gateway.upstream.demo.fields import Fields, Refused
from gateway.upstream.demo.question import Question

MOST_TOOLS = 1024
_READ = 1_000
"""Characters of a description that are looked at."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One offered tool. `kind` is `function` or `custom`."""

    kind: str
    name: str
    about: str
    parameters: object

    def fits(self, question: Question) -> int:
        """How many of the question's words the tool's name and description share."""
        return len(question.words() & set(re.findall(r"[a-z]{3,}", f"{self.name} {self.about[:_READ]}".lower())))

    def call(self, question: Question, mark: str) -> dict[str, Any]:
        """The call as a message has it."""
        made = f"call_{mark[:24]}"
        if self.kind == "custom":
            return {"id": made, "type": "custom", "custom": {"name": self.name, "input": question.shown or "demo"}}
        value = Example(self.parameters or {"type": "object"}, question, "tools").value()
        arguments = orjson.dumps(value if isinstance(value, dict) else {}).decode()
        return {"id": made, "type": "function", "function": {"name": self.name, "arguments": arguments}}


def offered(request: Fields) -> list[Tool]:
    """The tools of a request, those of the older `functions` included; raises `Refused`."""
    found = []
    for index, entry in enumerate(request.items("tools", MOST_TOOLS)):
        tool = Fields(entry, f"tools[{index}]")
        kind = tool.text("type")
        if kind in ("function", "custom"):
            found.append(_tool(kind, tool.section(kind), f"tools[{index}].{kind}.name"))
        elif not kind:
            raise Refused(f"'tools[{index}].type' is missing.", f"tools[{index}].type")
    for index, entry in enumerate(request.items("functions", MOST_TOOLS)):
        found.append(_tool("function", Fields(entry, f"functions[{index}]"), f"functions[{index}].name"))
    return found


def chosen(request: Fields, tools: Sequence[Tool], question: Question, *, answered: bool) -> list[Tool]:
    """The tools to call now: none where the last message is a tool's answer, unless a call is required."""
    mode, names = _choice(request)
    if names:
        by_name = {tool.name: tool for tool in tools}
        if missing := [name for name in names if name not in by_name]:
            raise Refused(f"Tool choice '{missing[0][:64]}' is not among the tools.", "tool_choice")
        tools = [by_name[name] for name in names]
    elif mode == "required" and not tools:
        raise Refused("'tool_choice' needs 'tools'.", "tool_choice")
    if mode == "none" or not tools or (answered and mode == "auto"):
        return []
    best = sorted(tools, key=lambda tool: tool.fits(question), reverse=True)
    several = request.any("parallel_tool_calls") is not False and " and " in question.text
    return [best[0], *(tool for tool in best[1:3] if several and tool.fits(question) > 1)]


def _tool(kind: str, body: Fields, path: str) -> Tool:
    name = body.text("name")
    if not name:
        raise Refused(f"'{path}' is missing.", path)
    return Tool(kind, name, body.text("description"), body.any("parameters"))


def _choice(request: Fields) -> tuple[str, list[str]]:
    """The mode (`auto`, `none` or `required`) and the names that it is limited to."""
    request.flag("parallel_tool_calls")
    choice = request.any("tool_choice")
    if choice is None:
        choice = request.any("function_call")
    if choice is None:
        return "auto", []
    if isinstance(choice, str):
        if choice not in ("auto", "none", "required"):
            raise Refused("'tool_choice' must be 'auto', 'none', 'required' or an object.", "tool_choice")
        return choice, []
    wanted = Fields(choice, "tool_choice")
    if wanted.text("type") == "allowed_tools":
        allowed = wanted.section("allowed_tools")
        mode = allowed.text("mode")
        if mode not in ("auto", "required"):
            raise Refused("'tool_choice.allowed_tools.mode' must be 'auto' or 'required'.", "tool_choice")
        return mode, [_name(Fields(entry, "tool_choice")) for entry in allowed.items("tools", MOST_TOOLS)]
    return "required", [_name(wanted)]


def _name(wanted: Fields) -> str:
    section = wanted.section("custom" if wanted.text("type") == "custom" else "function")
    name = section.text("name") or wanted.text("name")
    if not name:
        raise Refused("'tool_choice' names no tool.", "tool_choice")
    return name
