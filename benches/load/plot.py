"""python -m benches.load.plot: draws `docs/speed.svg` from the last `make bench`."""

import sys
from pathlib import Path

import matplotlib as mpl
import orjson
from matplotlib import pyplot

from benches.load import report

FILE = Path(__file__).parents[2] / "docs/speed.svg"
_CASES = {
    "exact_hit": "cache hit, per call",
    "miss": "miss, per call",
    "stream_paced": "paced stream, per event",
    "stream_burst": "stream at full speed, per event",
}
_SIDES = {"gateway": "#2f6fde", "reference": "#9aa4b2"}
_LABELS = {"gateway": "llm-gateway: keys, limits, cache and ledger", "reference": "bare aiohttp, which checks nothing"}
_INK = "#7d8590"
"""Legible on a light page and on a dark one."""
_BAR = 0.38


def draw(cpu: dict[str, dict[str, float]]) -> None:
    """Bars of CPU time in microseconds, `cpu[case][side]`."""
    mpl.rcParams.update({"svg.hashsalt": "speed", "svg.fonttype": "none", "font.size": 11, "text.color": _INK})
    figure, axes = pyplot.subplots(figsize=(8, 3.4))
    for side, offset in (("gateway", -_BAR / 2), ("reference", _BAR / 2)):
        values = [cpu[case][side] for case in _CASES]
        places = [place + offset for place in range(len(_CASES))]
        bars = axes.barh(places, values, _BAR, color=_SIDES[side], label=_LABELS[side])
        axes.bar_label(bars, [f"{value:,.0f} µs" if value >= 20 else f"{value:.1f} µs" for value in values], padding=4)
    axes.set_yticks(range(len(_CASES)), list(_CASES.values()), color=_INK)
    axes.invert_yaxis()
    axes.xaxis.set_visible(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_title("CPU time of all processes (less is better)", color=_INK, loc="left")
    axes.legend(frameon=False, loc="lower right")
    figure.tight_layout()
    figure.savefig(FILE, transparent=True, metadata={"Date": None})


def main() -> int:
    if not report.FILE.exists():
        print("There is nothing to draw yet: run `make bench` first.", file=sys.stderr)
        return 1
    draw(orjson.loads(report.FILE.read_bytes())["cpu_us"])
    print(FILE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
