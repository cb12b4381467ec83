"""How long files, functions and signatures may be, and which words may not stand, asked of one file."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.architecture.rust import TESTS as RUST_TESTS
from tests.architecture.rust import functions as rust_functions

FILE_LINES = 300
FUNCTION_LINES = 40
PARAMETERS = 7

Function = ast.FunctionDef | ast.AsyncFunctionDef

VAGUE = {"util", "utils", "helper", "helpers", "manager", "managers", "handler", "handlers", "process"}
# `XXX-XX-XXXX` is the shape of a number, not a note.
NOTE = re.compile("|".join([r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", r"(?<![\w-])XX" + r"X(?![\w-])"]))


def long_file(path: str, source: str) -> list[str]:
    """Whether a file has too many lines; a Rust file's closing tests do not count."""
    if path.endswith(".rs") and (tests := RUST_TESTS.search(source)):
        source = source[: tests.start()]
    lines = source.count("\n")
    return [f"{path}: {lines} lines, at most {FILE_LINES}"] if lines > FILE_LINES else []


def long_functions(path: str, source: str) -> list[str]:
    """The functions that have too many lines, docstring included and decorators not."""
    return [
        f"{path}:{function.lineno}: {function.name} has {lines} lines, at most {FUNCTION_LINES}"
        for function in functions(source)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES
    ]


def long_rust_functions(path: str, source: str) -> list[str]:
    """The Rust functions that have too many lines, from `fn` to the closing brace; those of the closing tests do not count."""
    return [
        f"{path}:{line}: {name} has {lines} lines, at most {FUNCTION_LINES}"
        for name, line, lines in rust_functions(source)
        if lines > FUNCTION_LINES
    ]


def wide_signatures(path: str, source: str) -> list[str]:
    """The functions that take too many parameters, not counting `self` or `cls`."""
    return [
        f"{path}:{function.lineno}: {function.name} has {count} parameters, at most {PARAMETERS}"
        for function in functions(source)
        if (count := len(parameters(function.args))) > PARAMETERS
    ]


def vague_names(path: str) -> list[str]:
    """The words in a module's path that say nothing of what is in it."""
    words = {word for name in PurePosixPath(path).with_suffix("").parts for word in name.split("_")}
    return [f"{path}: `{word}` names nothing" for word in sorted(words & VAGUE)]


def notes(path: str, source: str) -> list[str]:
    """The lines that say something is left to be done."""
    lines = enumerate(source.splitlines(), start=1)
    return [f"{path}:{number}: {found.group()}" for number, line in lines if (found := NOTE.search(line))]


def functions(source: str) -> Iterator[Function]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, Function))


def parameters(args: ast.arguments) -> list[ast.arg]:
    placed = [*args.posonlyargs, *args.args]
    if placed and placed[0].arg in {"self", "cls"}:
        placed = placed[1:]
    return [*placed, *args.kwonlyargs, *filter(None, [args.vararg, args.kwarg])]
