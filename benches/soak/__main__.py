"""python -m benches.soak [NAME …]"""

import sys
from contextlib import ExitStack

from rich.console import Console
from rich.table import Table

from benches.load.generator import BenchError
from benches.soak.scenarios import SCENARIOS


def main() -> int:
    console = Console(width=None if sys.stdout.isatty() else 120)
    names = sys.argv[1:] or list(SCENARIOS)
    if unknown := set(names) - set(SCENARIOS):
        console.print(f"No scenario {', '.join(sorted(unknown))}. There are {', '.join(SCENARIOS)}.")
        return 2
    missed = 0
    for name in names:
        console.print(f"{name}: {SCENARIOS[name].__doc__}")
        try:
            with ExitStack() as running:
                figures = list(SCENARIOS[name](running))
        except BenchError as error:
            console.print(f"{name} failed: {error}", style="red", markup=False)
            missed += 1
            continue
        table = Table("figure", "measured", "bound", "")
        for figure in figures:
            missed += not figure.kept
            table.add_row(
                figure.name, f"{figure.value:,.1f}", f"≤ {figure.bound:,.1f}", "" if figure.kept else "MISSED"
            )
        console.print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
