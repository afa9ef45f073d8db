"""The picture of several certificates: d_cs to the right, d_rs upwards, as in report.html; above the line certifies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from shared_spec import load_certificate
from shared_spec.artifacts.rows import Row
from shared_spec.terms import Status

__all__ = ["draw_scatter"]

_COLOURS = {Status.CERTIFIED: "#0072b2", Status.NOT_CERTIFIED: "#c04a00"}


def draw_scatter(certificates: Mapping[str, Path], out: Path) -> None:
    """One panel per certificate and view, all with the same axes, as a PNG; what is below 0.001 is drawn there."""
    found = {name: load_certificate(path) for name, path in certificates.items()}
    views = sorted({view for each in found.values() for view in each.document.claims}, reverse=True)
    figure = Figure(figsize=(4.2 * len(views), 3.9 * len(found)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(found), len(views), squeeze=False, sharex=True, sharey=True)
    for line, (name, certificate) in zip(axes, found.items(), strict=True):
        for axis, view in zip(line, views, strict=True):
            _panel(axis, f"{name}, {view} view", certificate.rows_of(view))
        line[0].set_ylabel("$d_{rs}$: how far the head holds")
    for axis in axes[-1]:
        axis.set_xlabel("$d_{cs}$: how far similar people can be")
    # Beside the panels: certificates differ in where they leave room.
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        fontsize=8,
        frameon=False,
    )
    figure.savefig(out, dpi=130)


def _panel(axis: Axes, title: str, rows: Sequence[Row]) -> None:
    shown = [row for row in rows if row.d_cs is not None and row.d_rs is not None]
    places = {
        status: [(max(row.d_cs or 0.0, 1e-3), max(row.d_rs or 0.0, 1e-3)) for row in shown if row.status == status]
        for status in _COLOURS
    }  # fmt: skip
    counts = []
    for status, points in places.items():
        name = status.lower().replace("_", " ")
        counts.append(f"{sum(row.status == status for row in rows)} {name}")
        x, y = zip(*points, strict=True) if points else ((), ())
        axis.scatter(x, y, s=9, alpha=0.6, linewidths=0, color=_COLOURS[status], label=name)
    if other := len(rows) - len(shown):
        counts.append(f"{other} without a bound")
    axis.set(xscale="log", yscale="log")
    axis.set_title(f"{title}\n{', '.join(counts)}", fontsize=9)
    axis.axline((1, 1), (10, 10), color="#444444", linewidth=0.8, label="$d_{rs} = d_{cs}$")
    axis.grid(alpha=0.2)
