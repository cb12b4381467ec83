"""What Rust sources say of themselves: which file a path leads to, who uses whom, how long each function is."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

Graph = dict[str, set[str]]
Uses = tuple[str, ...]

# Strings, characters and comments: what is in them is not code. A lifetime is no character.
NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|b?r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?\'(?:\\[^u]|\\u\{[^}]*\}|[^\\\'])\'',
    re.DOTALL,
)
USE = re.compile(r"(?<!pub )(?<!\) )\buse\s+(\w[^;]*);")
FACADE = re.compile(r"\bpub(?:\([\w ]+\))? use\s+(\w[^;]*);")
PATH = re.compile(r"(?<![\w:])((?:\w+::)+)(?=\w)")
MODULE = re.compile(r"^(?:pub(?:\([\w ]+\))? )?mod (\w+);", re.MULTILINE)
FUNCTION = re.compile(r"^( *)(?:pub(?:\([\w: ]+\))? )?(?:(?:const|async|unsafe|extern \"C\") )*fn (\w+)", re.MULTILINE)
# The tests at a file's end, not a lone `#[cfg(test)] use …` further up.
TESTS = re.compile(r"^#\[cfg\(test\)\]\n(?:#\[.*\n)*mod \w+ \{", re.MULTILINE)


def code(source: str) -> str:
    """A source with its strings and comments blanked, line for line, and without the tests at its end."""
    if tests := TESTS.search(source):
        source = source[: tests.start()]
    return NOT_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), source)


def module_of(path: str) -> Uses:
    """`rust/core/src/sse/skim.rs` is `("sse", "skim")`; `lib.rs` is `()`."""
    parts = PurePosixPath(path).with_suffix("").parts
    inner = parts[parts.index("src") + 1 :]
    return inner[:-1] if inner[-1] in ("mod", "lib", "main") else inner


def graph(sources: dict[str, str]) -> Graph:
    """Which file of one crate uses which, by `use` and by path; `sources` are all files of the crate.

    A name that a module passes on (`pub use`) is used where it comes from, and passing it on is no use.
    """
    files = {module_of(path): path for path in sources}
    for path, source in sources.items():
        own = module_of(path)
        for name in passed_on(code(source)):
            files.setdefault((*own, name[-1]), resolved(files, own, name))
    found: Graph = {path: set() for path in sources}
    for path, source in sources.items():
        text = code(source)
        for target in {resolved(files, module_of(path), use) for use in uses(text)}:
            found[path].add(target)
        found[path].discard(path)
    return found


def uses(text: str) -> Iterator[Uses]:
    """Every path into the own crate that a file names, braces opened."""
    for tree in USE.findall(text):
        yield from opened("".join(re.sub(r"\bas \w+", "", tree).split()))
    rest = re.sub(r"\buse\s[^;]*;", "", text)
    for path in PATH.findall(rest):
        yield tuple(path.removesuffix("::").split("::"))
    words = set(re.findall(r"\w+", rest))
    yield from (name for name in passed_on(text) if name[-1] in words)


def passed_on(text: str) -> Iterator[Uses]:
    """Every path that a file passes on under its own name."""
    for tree in FACADE.findall(text):
        yield from opened("".join(tree.split()))


def opened(tree: str) -> Iterator[Uses]:
    """`a::{b, c::d}` is `a::b` and `a::c::d`."""
    head, brace, rest = tree.partition("{")
    if not brace:
        yield tuple(part for part in head.split("::") if part)
        return
    base = tuple(part for part in head.split("::") if part)
    for branch in branches(rest[: rest.rindex("}")]):
        yield from (base + inner for inner in opened(branch))


def branches(text: str) -> Iterator[str]:
    depth, start = 0, 0
    for at, letter in enumerate(text):
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            yield text[start:at]
            start = at + 1
    if text[start:]:
        yield text[start:]


def resolved(files: dict[Uses, str], own: Uses, path: Uses) -> str:
    """The file in which a path ends: as far as its parts are modules."""
    base, rest = own, list(path)
    while rest and rest[0] in ("crate", "self", "super"):
        start = rest.pop(0)
        base = {"crate": (), "self": base, "super": base[:-1]}[start]
    for part in rest:
        if (*base, part) not in files:
            break
        base = (*base, part)
    return files[base]


def circles(found: Graph) -> list[list[str]]:
    """The circles of files, each as a sorted list; a file is in one at most."""
    reach = {path: reachable(found, path) for path in found}
    loops = {
        tuple(sorted(other for other in reach[path] if path in reach[other])) for path in found if path in reach[path]
    }
    return [list(loop) for loop in sorted(loops)]


def reachable(found: Graph, path: str) -> set[str]:
    seen: set[str] = set()
    ahead = list(found[path])
    while ahead:
        if (next_ := ahead.pop()) not in seen:
            seen.add(next_)
            ahead.extend(found[next_])
    return seen


def functions(source: str) -> Iterator[tuple[str, int, int]]:
    """Each function with its first line and its number of lines, attributes and comments above it not counted."""
    text = code(source)
    for found in FUNCTION.finditer(text):
        start = text.count("\n", 0, found.start()) + 1
        end = ending(text, found.end())
        yield found.group(2), start, text.count("\n", found.start(), end) + 1


def ending(text: str, at: int) -> int:
    """Where a function that is declared at `at` ends: with its body, or with its semicolon."""
    depth = 0
    for place in range(at, len(text)):
        match text[place]:
            case "{" | "(" | "[":
                depth += 1
            case "}" | ")" | "]":
                depth -= 1
                if depth == 0 and text[place] == "}":
                    return place
            case ";" if depth == 0:
                return place
    return len(text)
