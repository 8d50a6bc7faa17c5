"""python -m bench.pictures: a picture of each kept result, bench/results/*.json, into docs/charts; needs matplotlib."""

from pathlib import Path
from typing import Any

import matplotlib

from bench.results import BEST, Results, interval
from components.declared.kinds import shipped

matplotlib.use("svg")
from matplotlib import pyplot

RESULTS = Path("bench/results")
PICTURES = Path("docs/charts")
VALUES = {
    "cpu_us": "CPU µs each",
    "cpu": "CPU s",
    "kib": "KiB each",
    "lost": "lines lost",
    "per_second": "per second",
}
"""What is drawn of a result: the first of these that it has."""
PATTERNS = ("pod-patterns", *shipped())
OURS, OTHERS = "#3367d6", "#9aa5b1"


def draw(results: Results, path: Path) -> None:
    """A row of bars for each thing that was measured: medians, and quartiles as whiskers."""
    value = next(name for name in VALUES if any(name in sample.values for sample in results.samples))
    label = f"{VALUES[value]}, {'more' if BEST.get(value) is max else 'less'} is better"
    rows = [row for row in results.rows() if any(results.of(row, name, value) for name in results.candidates(row))]
    columns = 2
    figure, axes = pyplot.subplots(-(-len(rows) // columns), columns, figsize=(11, 2.6 * -(-len(rows) // columns)), squeeze=False)
    places: list[Any] = [place for line in axes for place in line]
    for place, row in zip(places, rows, strict=False):
        names = [name for name in results.candidates(row) if results.of(row, name, value)]
        found = [interval(results.of(row, name, value)) for name in names]
        middles = [middle for middle, _, _ in found]
        errors = [[m - low for m, low, _ in found], [high - m for m, _, high in found]]
        colours = [OURS if name.startswith(PATTERNS) else OTHERS for name in names]
        place.barh(names, middles, xerr=errors, color=colours, error_kw={"elinewidth": 1, "ecolor": "#555555"})
        place.invert_yaxis()
        place.set_title(row, fontsize=10, loc="left")
        place.tick_params(labelsize=8)
        for side in ("top", "right"):
            place.spines[side].set_visible(False)
    for place in places[len(rows) :]:
        place.set_visible(False)
    figure.suptitle(f"{results.title}: {label}", fontsize=11)
    figure.tight_layout()
    # the same file each time
    figure.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(figure)


def main() -> None:
    """Draws all of them."""
    matplotlib.rcParams.update({"svg.hashsalt": "pod-patterns", "svg.fonttype": "none", "font.family": "sans-serif"})
    PICTURES.mkdir(exist_ok=True)
    for kept in sorted(RESULTS.glob("*.json")):
        draw(Results.load(kept), PICTURES / f"{kept.stem}.svg")
        print(PICTURES / f"{kept.stem}.svg")


if __name__ == "__main__":
    main()
