"""The picture of the App. F question: truly similar individuals above, the nearest points of S(x) below."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from regulator.pictures.png import png
from regulator.study.coverage import CoverageExample
from shared_spec.errors import SettingsError

__all__ = ["draw_coverage"]

_COLUMNS = 9


def draw_coverage(examples: Sequence[CoverageExample], heading: str) -> bytes:
    """A PNG with two rows per example and at most nine of its truly similar individuals, evenly spread.

    Under each decoded point stands its relative distance: 0 where S(x) contains the individual above it, 1 where S(x)
    comes no nearer to it than x does.

    Raises:
        SettingsError: no example is given.
    """
    if not examples:
        raise SettingsError("a picture of coverage needs at least one example")
    columns = min(_COLUMNS, max(len(example.truth) for example in examples))
    rows = 2 * len(examples)
    figure = Figure(figsize=(1.0 * columns + 2.2, 1.15 * rows + 0.7), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(heading, fontsize=11)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for index, example in enumerate(examples):
        shown = np.linspace(0, len(example.truth) - 1, min(columns, len(example.truth)))
        for column, at in enumerate(np.rint(shown).astype(int)):
            _show(axes[2 * index][column], example.truth[at].transpose(1, 2, 0), "")
            below = axes[2 * index + 1][column]
            _show(below, example.nearest[at].transpose(1, 2, 0), f"{example.relative[at]:.2f}")
        _label(axes[2 * index][0], f"{example.attribute}\n{example.sample_id}\ntrue")
        _label(axes[2 * index + 1][0], "nearest in S(x)\nrelative distance")
    return png(figure)


def _show(axis: Axes, image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], note: str) -> None:
    axis.set_axis_on()
    axis.imshow(image, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)
    if note:
        axis.set_xlabel(note, fontsize=7, labelpad=1)


def _label(axis: Axes, text: str) -> None:
    axis.set_ylabel(text, fontsize=7, rotation=0, ha="right", va="center")
