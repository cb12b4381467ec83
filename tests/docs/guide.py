"""A page of the guides, as what a reader would do with it: files to write, commands to type, and what they should print.

```yaml        with a first line `# NAME.yaml` is a file, which the commands after it find
```console     lines that begin with `$ ` are commands, the others what they print; `…` stands for anything
```console norun: WHY     is not run
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = re.compile(r"^```(?P<kind>\w+)(?P<options>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (?P<name>[\w.-]+\.yaml)\n")
ANYTHING = "…"
SECONDS = 120


@dataclass
class Step:
    """A file to write, or a command with what it should print."""

    line: int
    file: str = ""
    command: str = ""
    text: str = ""
    """The file's content, or the expected output."""


@dataclass
class Guide:
    path: Path
    steps: list[Step] = field(default_factory=list)
    unrun: list[str] = field(default_factory=list)
    """Why blocks are not run."""

    @classmethod
    def read(cls, path: Path) -> Guide:
        guide, page = cls(path), path.read_text()
        for block in BLOCK.finditer(page):
            line = page.count("\n", 0, block.start("text")) + 1
            kind, options, text = block["kind"], block["options"].strip(), block["text"]
            if kind == "yaml" and (named := FILE.match(text)):
                guide.steps.append(Step(line, file=named["name"], text=text))
            elif kind == "console" and options.startswith("norun:"):
                guide.unrun.append(options.removeprefix("norun:").strip())
            elif kind == "console":
                guide.steps += commands(text, line)
        return guide

    def follow(self, folder: Path, port: int, environ: dict[str, str]) -> None:
        """Does what the page says, in a shell of its own; the gateway that it speaks of listens on `port`."""
        script = ["set -o pipefail"]
        for number, step in enumerate(self.steps):
            if step.file:
                script += [f"cat > {step.file} <<'END_OF_FILE'\n{step.text}END_OF_FILE"]
            else:
                typed = step.command.replace(":4000", f":{port}")
                script += [f"{typed}\nstatus=$?; echo; echo @@{number} $status"]
        path = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
        shell = subprocess.run(
            ["bash", "-c", "\n".join(script)],
            cwd=folder,
            env={**environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        self._compare(shell.stdout)

    def _compare(self, said: str) -> None:
        parts = iter(re.split(r"\n@@\d+ (\d+)\n", said))
        for step in self.steps:
            if step.file:
                continue
            output, status = next(parts), next(parts, "none")
            where = f"{self.path.name}:{step.line}: $ {step.command}"
            assert status == "0", f"{where}\nended with {status}:\n{output}"
            assert printed(output, step.text), f"{where}\nprinted:\n{output}\nand not:\n{step.text}"


def commands(text: str, line: int) -> list[Step]:
    """The commands of a console block; one goes on after a backslash at a line's end."""
    steps: list[Step] = []
    going_on = False
    for number, row in enumerate(text.splitlines(), line):
        if going_on:
            steps[-1].command += "\n" + row
        elif row.startswith("$ "):
            steps.append(Step(number, command=row.removeprefix("$ ")))
        elif steps:
            steps[-1].text += row + "\n"
        going_on = row.endswith("\\") and (going_on or row.startswith("$ "))
    return steps


def printed(output: str, expected: str) -> bool:
    """Whether the output is what the page shows; a page that shows nothing accepts anything."""
    if not expected.strip():
        return True
    pattern = ".*".join(re.escape(part) for part in re.sub(r"\s*…\s*", ANYTHING, expected.strip()).split(ANYTHING))
    return re.search(pattern, output.replace("\r", "").strip(), re.DOTALL) is not None
