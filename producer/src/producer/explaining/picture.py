"""The picture of an explanation: a row per strip, each image under the decision on it, and a line where it changes."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from producer.explaining.decisions import DecidedStrip
from producer.pictures import png

__all__ = ["draw_explanation"]

_SAME, _OTHER = "#0072b2", "#c04a00"
"""Of the person's own decision, and of any other."""

_PICTURE, _LABEL, _LINE = 1.15, 2.3, 0.17  # inches


def draw_explanation(
    strips: Sequence[DecidedStrip], classes: Sequence[str], heading: str, words: Sequence[str]
) -> bytes:
    """A PNG of strips with their decisions.

    Args:
        strips: of one person.
        classes: names, by code; other people's text, as are the attributes' names.
        heading: above all of it.
        words: below all of it, a paragraph each.
    """
    columns = max(len(decided.strip.t) for decided in strips)
    width = _LABEL + _PICTURE * columns
    lines = [line for text in words for line in textwrap.wrap(text, int(width * 13))]
    rows, foot = len(strips), _LINE * len(lines) + 0.2
    height = 0.55 + rows * (_PICTURE + 0.75) + foot
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    figure.text(0.15 / width, 1 - 0.3 / height, heading, fontsize=12, va="center")
    grid = GridSpec(
        rows, 1, figure, left=_LABEL / width, right=1 - 0.1 / width, top=1 - 0.55 / height,
        bottom=foot / height, hspace=0.05,
    )  # fmt: skip
    for row, decided in enumerate(strips):
        _row(figure.add_subplot(grid[row]), decided, classes)
    for number, line in enumerate(reversed(lines)):
        at = (0.15 + _LINE * number) / height
        figure.text(0.15 / width, at, line, fontsize=8, color="0.25", va="bottom")
    return png(figure)


def _row(axis: Axes, decided: DecidedStrip, classes: Sequence[str]) -> None:
    """One strip: pictures at whole numbers, decisions in a band above them."""
    strip, last = decided.strip, len(decided.strip.t) - 1
    axis.set_xlim(-0.5, last + 0.5)
    axis.set_ylim(-0.72, 0.93)
    axis.set_aspect("equal")
    axis.set_axis_off()
    for column, (image, code) in enumerate(zip(strip.images, decided.at_pictures, strict=True)):
        color = _SAME if code == decided.own else _OTHER
        extent = (column - 0.46, column + 0.46, -0.46, 0.46)
        axis.imshow(image.transpose(1, 2, 0), extent=extent, interpolation="nearest", aspect="auto")
        axis.text(column, 0.72, classes[code], color=color, fontsize=9, ha="center")
        own = column == strip.own
        under = "the person" if own else strip.place(strip.t[column])
        axis.text(column, -0.64, under, fontsize=7, ha="center", weight="bold" if own else "normal")
        if own:
            edge = [column - 0.48, column + 0.48]
            axis.plot(
                [*edge, *reversed(edge), edge[0]],
                [-0.48, -0.48, 0.48, 0.48, -0.48],
                color="black",
                lw=1.8,
            )
    for begin, end, code in decided.spans:
        color = _SAME if code == decided.own else _OTHER
        axis.plot([begin, end], [0.58, 0.58], color=color, lw=5, solid_capstyle="butt")
    for place in decided.flips:
        axis.plot([place, place], [-0.5, 0.66], color=_OTHER, lw=1.6, ls=(0, (4, 2)))
    # A strip shows what the consumer's decision does when these attributes alone are moved.
    axis.text(-0.62, 0, "\n+ ".join(strip.attributes), fontsize=9, ha="right", va="center")
