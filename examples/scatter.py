"""The picture of a certificate: d_cs against d_rs, one point per individual; below the diagonal is certified."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["draw_scatter"]

_COLOURS = {"CERTIFIED": "#1b7837", "NOT_CERTIFIED": "#b2182b"}


def draw_scatter(certificates: Mapping[str, Path], out: Path) -> None:
    """One panel per certificate and view, all with the same axes, as a PNG."""
    rows = {name: _read(path) for name, path in certificates.items()}
    views = sorted({row["view"] for found in rows.values() for row in found}, reverse=True)
    figure = Figure(figsize=(4.2 * len(views), 3.9 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(rows), len(views), squeeze=False, sharex=True, sharey=True)
    for line, (name, found) in enumerate(rows.items()):
        for column, view in enumerate(views):
            _panel(
                axes[line][column], f"{name}, {view} view", [r for r in found if r["view"] == view]
            )
    for axis in axes[-1]:
        axis.set_xlabel("$d_{rs}$: how far the head holds")
    for row in axes:
        row[0].set_ylabel("$d_{cs}$: how far similar people can be")
    figure.savefig(out, dpi=130)


def _panel(axis: Axes, title: str, rows: list[dict[str, str]]) -> None:
    shown = [row for row in rows if row["d_cs"] and row["d_rs"]]
    for status, colour in _COLOURS.items():
        mine = [row for row in shown if row["status"] == status]
        label = (
            f"{status.lower().replace('_', ' ')}: {sum(row['status'] == status for row in rows)}"
        )
        x, y = ([max(float(row[name]), 1e-3) for row in mine] for name in ("d_rs", "d_cs"))
        axis.scatter(x, y, s=9, alpha=0.6, linewidths=0, color=colour, label=label)
    other = len(rows) - len(shown)
    if other:
        axis.scatter([], [], s=9, color="#888888", label=f"without a bound: {other}")
    axis.set(xscale="log", yscale="log", title=title)
    low, high = 1e-2, 1e2
    axis.plot([low, high], [low, high], color="#444444", linewidth=0.8, label="$d_{cs} = d_{rs}$")
    axis.grid(alpha=0.2)
    axis.legend(fontsize=7, loc="upper left")


def _read(certificate: Path) -> list[dict[str, str]]:
    with open(certificate / "individuals.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
