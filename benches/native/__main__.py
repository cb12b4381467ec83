"""python -m benches.native [PIECE …] [--quick]: every native piece beside what else one would use, in one run."""

import argparse
import importlib
import os
import statistics
from dataclasses import asdict

import orjson
from rich.console import Console
from rich.table import Table

from benches import machine
from benches.native import Absent, Row

PIECES = ("http", "canon", "tokens", "exact", "bucket", "sse", "redact", "index", "embed")
FILE = machine.OUT / "native.json"


def measure(pieces: list[str], vectors: int, console: Console) -> list[Row | Absent]:
    """The rows of each piece; what needs something that is not installed is named as absent."""
    found: list[Row | Absent] = []
    for piece in pieces:
        console.print(f"{piece} …", style="dim")
        try:
            module = importlib.import_module(f"benches.native.{piece}")
            found += module.rows(vectors, 10 * vectors) if piece == "index" else module.rows()
        except ImportError as error:
            found.append(Absent(piece, "all", str(error)))
    return found


def show(rows: list[Row | Absent], console: Console) -> None:
    table = Table(title="gateway.native beside what else one would use: one core, interleaved rounds")
    for column in ("piece", "case", "ours", "theirs", "unit", "min", "median", "max", "target", "reference", ""):
        table.add_column(column, overflow="fold")
    for row in rows:
        if isinstance(row, Absent):
            table.add_row(row.piece, row.case, *[""] * 7, row.why, "left out", style="yellow")
            continue
        low, middle, high = min(row.ratios), statistics.median(row.ratios), max(row.ratios)
        verdict = "" if middle >= row.target else "below target"
        figures = (f"{row.ours:.4g}", f"{row.theirs:.4g}", row.unit, f"{low:.2f}", f"{middle:.2f}", f"{high:.2f}")
        table.add_row(row.piece, row.case, *figures, f"{row.target:g}", row.reference, verdict)
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pieces", nargs="*", metavar="PIECE", help=", ".join(PIECES))
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--vectors", type=int, default=100_000, help="size of the index's sets; ten times that are loaded"
    )
    size.add_argument("--quick", action="store_const", dest="vectors", const=20_000, help="the same as --vectors 20000")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    console = Console(width=160)
    rows = measure(arguments.pieces or list(PIECES), arguments.vectors, console)
    show(rows, console)
    described = machine.machine()
    console.print(described)
    FILE.parent.mkdir(exist_ok=True)
    written = {"rows": [asdict(row) for row in rows], "versions": machine.versions(), "machine": described}
    FILE.write_bytes(orjson.dumps(written, option=orjson.OPT_INDENT_2))
    console.print(f"Written to {FILE}")


if __name__ == "__main__":
    main()
