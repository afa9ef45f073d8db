"""Pictures for the producer: training curves, and accuracy against certified fairness on validation data."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from producer.model import EncoderDocument
from producer.rehearsal import Score, pareto_front

__all__ = ["draw_curves", "draw_search", "png"]

_LINES = ("-", "--", "-.", ":")
_MARKS = ("o", "s", "^", "D", "v")
_LOSSES = ("classification", "adversarial", "reconstruction")


def draw_curves(document: EncoderDocument) -> bytes:
    """A PNG of an encoder's losses per epoch, training and validation, and of its accuracies; its epoch is marked."""
    curves = document.curves
    epochs = [curve.epoch for curve in curves]
    used = [name for name in _LOSSES if any(getattr(curve.training, name) for curve in curves)]
    targets = list(curves[0].training.accuracy)
    panels = [*used, *(["accuracy"] if targets else [])]
    held_out = [curve.validation for curve in curves if curve.validation is not None]
    parts = {
        "training": ("--", [curve.training for curve in curves]),
        "validation": ("-", held_out),
    }
    figure = Figure(figsize=(3.6 * len(panels), 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{document.method}, {', '.join(document.targets) or 'no target'}", fontsize=11)
    for axis, name in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for part, (style, means) in parts.items():
            lines = {target: [m.accuracy[target] for m in means] for target in targets}
            if name != "accuracy":
                lines = {"": [getattr(m, name) for m in means]}
            for label, values in lines.items():
                if values:
                    axis.plot(epochs, values, style, marker=".", label=f"{part} {label}".strip())
        axis.axvline(document.chosen_epoch, color="0.7", linewidth=1, zorder=0)
        axis.set_title(f"{name}" if name == "accuracy" else f"{name} loss", fontsize=9)
        axis.set_xlabel("epoch (grey line: kept)", fontsize=8)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend(fontsize=7)
    return png(figure)


def draw_search(scores: Sequence[Score], chosen: Score, heading: str, measure: str) -> bytes:
    """A PNG with a panel per view: a line per encoder through its noise levels, the Pareto front, and the choice.

    A mark stands for a weight, and a colour for a number of directions where several were tried.
    """
    views = list(dict.fromkeys(score.view for score in scores))
    encoders = sorted({(score.forget, score.lambda_2) for score in scores})
    figure = Figure(figsize=(6.6 * len(views), 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(heading, fontsize=11)
    counts, weights = (list(dict.fromkeys(column)) for column in zip(*encoders, strict=True))
    several = len(counts) > 1
    for axis, view in zip(figure.subplots(1, len(views), squeeze=False)[0], views, strict=True):
        here = [score for score in scores if score.view == view]
        for forget, weight in encoders:
            own = [s for s in here if (s.forget, s.lambda_2) == (forget, weight)]
            line = sorted(own, key=lambda s: s.sigma_rs)
            count, style = counts.index(forget), weights.index(weight)
            axis.plot(
                [100 * s.certified for s in line],
                [100 * s.accuracy for s in line],
                color=f"C{count if several else style}",
                linestyle=_LINES[style % len(_LINES)] if several else "-",
                marker=_MARKS[style % len(_MARKS)],
                markersize=4,
                linewidth=1,
                label=_encoder_words(weight, forget),
            )
        front = sorted(pareto_front(here), key=lambda s: s.certified)
        axis.plot(
            [100 * s.certified for s in front],
            [100 * s.accuracy for s in front],
            color="0.6",
            linewidth=3,
            alpha=0.5,
            zorder=0,
            label="Pareto front",
        )
        if chosen.view == view:
            axis.scatter(
                [100 * chosen.certified],
                [100 * chosen.accuracy],
                s=140,
                facecolors="none",
                edgecolors="black",
                label=f"chosen: {_encoder_words(chosen.lambda_2, chosen.forget)}, σ_rs = {chosen.sigma_rs:g}",
            )
        axis.set_title(f"{view} view", fontsize=10)
        axis.set_xlabel("certified, % of validation individuals")
        axis.set_ylabel(f"{measure}, %")
        axis.set_ylim(top=min(axis.get_ylim()[1], 100.5))
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return png(figure)


def _encoder_words(weight: float, forget: int) -> str:
    if not (weight or forget):
        return "λ2 = 0 (Naive)"
    return f"λ2 = {weight:g}, {forget} forgotten" if forget else f"λ2 = {weight:g}"


def png(figure: Figure) -> bytes:
    """The figure as a PNG, the same bytes for the same content."""
    # Names are other people's text, and a dollar in them begins no formula.
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    file = io.BytesIO()
    # Without its usual metadata the picture is the same file for the same numbers; the name shows whose it is.
    figure.savefig(file, format="png", dpi=130, metadata={"Software": "LASSI"})
    return file.getvalue()
