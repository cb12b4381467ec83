"""Who may import whom, as a table and two questions asked of one file's source."""

import ast
from collections.abc import Iterator
from itertools import chain
from pathlib import PurePosixPath

# Imports go down: a part may import what stands on a later line, never its own line's neighbours.
ORDER = (
    ("__main__",),
    ("cli",),
    ("single",),
    ("start",),
    ("supervisor",),
    ("app", "control"),
    ("config",),
    ("api",),
    ("pipeline",),
    ("dispatch",),
    ("policy", "cache", "ledger", "upstream", "state"),
    ("providers",),
    ("chat",),
    ("errors", "chores", "inheritance", "life"),
    ("native", "__init__"),
)
RANK = {part: rank for rank, parts in enumerate(ORDER) for part in parts}

# The planes are processes of their own: of the data plane, the control plane knows the journal's form alone.
DATA_PLANE = {"pipeline", "dispatch", "cache", "ledger", "upstream"}
SHARED_BY_PLANES = {"gateway.ledger.row", "gateway.ledger.journal", "gateway.ledger.segment"}

# Every other module of providers/ is a dialect, and dialects are strangers to each other.
SHARED_BY_DIALECTS = {"__init__", "address", "base", "complaint", "table"}

Import = tuple[int, str]


def offences(path: str, source: str, modules: set[str]) -> list[str]:
    """The imports of one file below python/gateway that go up or sideways; `modules` are all that exist."""
    own = module_of(path)
    if part(own) not in RANK:
        return [f"{path}: `{part(own)}` has no place in the order of the layers"]
    found = set(gateway_imports(own, path, source, modules))
    return [f"{path}:{line}: {own} imports {target}" for line, target in sorted(found) if not may(own, target)]


def aiohttp_offences(path: str, source: str) -> list[str]:
    """The uses of aiohttp in one file that belong elsewhere: the wire stays in api/ and upstream/."""
    own = part(module_of(path))
    if own in {"api", "app", "control"}:
        return []
    tree = ast.parse(source)
    names = [found for found in named(tree) if is_below(found[1], "aiohttp")]
    uses = [(use.lineno, "aiohttp.web") for use in attributes(tree, "aiohttp", "web")]
    if own == "upstream":
        names = [found for found in names if found[1].startswith("aiohttp.web")]
    return [f"{path}:{line}: imports {name}" for line, name in sorted({*names, *uses})]


def module_of(path: str) -> str:
    """python/gateway/api/chat.py → gateway.api.chat"""
    inner = PurePosixPath(path).relative_to("python").with_suffix("")
    return ".".join(inner.parts).removesuffix(".__init__")


def part(module: str) -> str:
    return [*module.split("."), "__init__"][1]


def may(own: str, target: str) -> bool:
    if target == "gateway":
        return False  # the package as a whole hides which part is meant
    if part(own) == "control" and part(target) in DATA_PLANE:
        return target in SHARED_BY_PLANES
    if part(own) != part(target):
        return part(target) in RANK and RANK[part(own)] < RANK[part(target)]
    if part(own) != "providers":
        return True
    theirs, ours = dialect(target), dialect(own)
    return theirs in SHARED_BY_DIALECTS or ours in SHARED_BY_DIALECTS or theirs == ours


def dialect(module: str) -> str:
    return [*module.split("."), "__init__"][2]


def gateway_imports(own: str, path: str, source: str, modules: set[str]) -> Iterator[Import]:
    package = own if path.endswith("__init__.py") else own.rpartition(".")[0]
    for line, name in named(ast.parse(source), package):
        if is_below(name, "gateway") and name != "gateway.__version__":
            yield line, nearest_module(name, modules)


def nearest_module(name: str, modules: set[str]) -> str:
    """`from gateway.chat import Usage` names a module's attribute: the module is what is imported."""
    while name not in modules and name.count(".") > 1:
        name = name.rpartition(".")[0]
    return name


def named(tree: ast.AST, package: str = "") -> Iterator[Import]:
    """Every dotted name that a file imports, wherever it does, relative names resolved."""
    return chain.from_iterable(imports_of(node, package) for node in ast.walk(tree))


def imports_of(node: ast.AST, package: str) -> Iterator[Import]:
    match node:
        case ast.Import(names=names):
            yield from ((node.lineno, alias.name) for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            base = ".".join(filter(None, [above(package, level), module]))
            yield from ((node.lineno, f"{base}.{alias.name}".removesuffix(".*")) for alias in names)
        case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]) if is_import_call(func):
            yield node.lineno, name


def above(package: str, level: int) -> str:
    """The package that `level` leading dots stand for, seen from a module of `package`."""
    return package.rsplit(".", level - 1)[0] if level else ""


def is_import_call(func: ast.expr) -> bool:
    name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
    return name in {"import_module", "__import__"}


def attributes(tree: ast.AST, owner: str, name: str) -> Iterator[ast.Attribute]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=found), attr=attr) if (found, attr) == (owner, name):
                yield node


def is_below(name: str, root: str) -> bool:
    return name == root or name.startswith(root + ".")
