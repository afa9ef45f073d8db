"""What λ2 buys: accuracy against the share of people who get the decision of all their true counterparts.

    python examples/paper/run.py --table counterparts --data portraits --every 4 --tube-vertices 9 --out out/cp
    python examples/paper/tradeoff.py --out out/cp --picture tradeoff.png

Reads what `run.py` finished: a panel per similarity set of which several λ2 are done, a point for each, beside Naive
and LASSI along vectors.
"""

from __future__ import annotations

import argparse
import statistics
from collections import defaultdict
from pathlib import Path

from finished import alike, finished
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tables import ALONG_EDITS

_BESIDE = {
    "Naive": ("s", "#888888", "Naive"),
    "LASSI": ("D", "#c04a00", "LASSI along the vector"),
}


def main() -> None:
    """Reads the arguments and draws."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--picture", type=Path, required=True)
    chosen = parser.parse_args()
    points = {
        attributes: columns
        for attributes, columns in read(chosen.out).items()
        if sum(column.startswith(ALONG_EDITS) for column in columns) > 1
    }
    if not points:
        parser.error(f"{chosen.out}: no similarity set with several lambda_2 is done")
    figure = Figure(figsize=(0.8 + 3.3 * len(points), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(points), squeeze=False, sharex=True, sharey=True)[0]
    for axis, (attributes, columns) in zip(axes, points.items(), strict=True):
        _panel(axis, attributes, columns)
    axes[0].set_ylabel("accuracy, %")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=7, frameon=False)
    figure.supxlabel("treated as all their counterparts, %", fontsize=10)
    figure.savefig(chosen.picture, dpi=110)


def read(out: Path) -> dict[str, dict[str, tuple[float, float]]]:
    """Per similarity set and column, in percent: treated as all counterparts, and accurate; means over what is there.

    Of several attributes, the share that is least.
    """
    found: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for column, attributes, _, _, result in finished(out):
        accuracy = result["claims"]["exact"]["accuracy"]
        found[attributes][column].append((min(map(alike, result["reality"])), 100 * accuracy))
    return {
        attributes: {
            column: (
                statistics.fmean(share for share, _ in values),
                statistics.fmean(accuracy for _, accuracy in values),
            )
            for column, values in columns.items()
        }
        for attributes, columns in found.items()
    }


def _panel(axis: Axes, attributes: str, columns: dict[str, tuple[float, float]]) -> None:
    weights = sorted(
        (float(column.removeprefix(ALONG_EDITS)), column)
        for column in columns
        if column.startswith(ALONG_EDITS)
    )
    line = [columns[column] for _, column in weights]
    shares, accuracies = [x for x, _ in line], [y for _, y in line]
    axis.plot(shares, accuracies, "o-", color="#0072b2", label="LASSI along edits")
    for index, ((weight, _), place) in enumerate(zip(weights, line, strict=True)):
        aside = (5, 5 if index % 2 == 0 else -11)  # points that nearly coincide are named apart
        axis.annotate(f"λ2 = {weight:g}", place, xytext=aside, textcoords="offset points", fontsize=7)  # fmt: skip
    for column, (marker, colour, label) in _BESIDE.items():
        axis.plot(*columns[column], marker, color=colour, label=label)
    axis.set_title(attributes.replace("+", " + "), fontsize=9)
    axis.margins(0.2)
    axis.grid(alpha=0.3)


if __name__ == "__main__":
    main()
