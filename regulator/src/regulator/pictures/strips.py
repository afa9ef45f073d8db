"""Film strips as a picture for the regulator, with what is said of each."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from regulator.pictures.png import png
from shared_spec.strips import Strip

__all__ = ["draw_strips"]


def draw_strips(strips: Sequence[Strip], heading: str, labels: Sequence[str]) -> bytes:
    """A PNG with one labelled row per strip; `labels` stand under the sample ids, one per strip."""
    rows, points = len(strips), len(strips[0].t)
    figure = Figure(figsize=(1.1 * points + 2.6, 1.25 * rows + 0.9), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(heading, fontsize=11)
    axes = figure.subplots(rows, points, squeeze=False)
    for row, (strip, label) in enumerate(zip(strips, labels, strict=True)):
        for column in range(points):
            axis = axes[row][column]
            axis.imshow(strip.images[column].transpose(1, 2, 0), interpolation="nearest")
            axis.set_xticks([])
            axis.set_yticks([])
            middle = column == strip.own
            for spine in axis.spines.values():
                spine.set_visible(middle)
                spine.set_linewidth(2.0)
            if row == 0 or strips[row - 1].title != strip.title:
                t = strip.t[column]
                axis.set_title(strip.place(t) if t else "t = 0 (self)", fontsize=7)
        axes[row][0].set_ylabel(
            f"{strip.title}\n{strip.sample_id}\n{label}",
            fontsize=7,
            rotation=0,
            ha="right",
            va="center",
        )
    return png(figure)
