"""The scatter of d_cs against d_rs as inline SVG: above the line the head holds further than similar people can be.

Nothing but numbers and fixed words enters the drawing, so it needs no escaping.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from consumer.decisions import TUBE
from consumer.report.axis import LogAxis
from shared_spec.artifacts.rows import Row
from shared_spec.terms import Status

__all__ = ["MOST_POINTS", "Figure", "Point", "draw_scatter", "scatter_points"]

MOST_POINTS = 2_000
"""Beyond this number of individuals, marks stand for cells of the plane."""

_LEFT, _TOP, _SIDE, _CELL = 56, 10, 360, 8
_LINE = 20  # height of a line of the legend

Kind: TypeAlias = Literal["ball", "tube", "none"]

_LEGEND: Mapping[Kind, str] = {
    "ball": "certified",
    "tube": "certified along the tube, the ball would not do",
    "none": "not certified",
}

_TIERS = ((1, 2.0), (2, 2.8), (10, 4.0))
"""Individuals in a cell, at least, and the mark's radius."""


@dataclass(frozen=True)
class Point:
    """One individual of whom both distances are known."""

    d_cs: float
    d_rs: float
    kind: Kind


@dataclass(frozen=True)
class Figure:
    """The drawing, and what a reader has to know about it."""

    svg: str
    notes: tuple[str, ...]


def scatter_points(rows: Sequence[Row]) -> list[Point]:
    """The individuals with both numbers, in the order of the rows."""
    return [
        Point(row.d_cs, row.d_rs, _kind(row))
        for row in rows
        if row.d_cs is not None and row.d_rs is not None
    ]


def draw_scatter(
    points: Sequence[Point], axis: LogAxis, individuals: int, among: int | None = None
) -> Figure:
    """Draws d_cs to the right and d_rs upwards on the same axis.

    Args:
        points: at least one.
        axis: of both distances.
        individuals: how many there are, those without both numbers included.
        among: whom these individuals are a sample of; of themselves unless given.
    """
    marks = _marks(points, axis)
    kinds = [kind for kind in _LEGEND if any(point.kind == kind for point in points)]
    counts = {kind: sum(point.kind == kind for point in points) for kind in kinds}
    height = _TOP + _SIDE + 46 + _LINE * (len(kinds) + 1)
    drawing = [*_frame(axis), *_paths(marks), *_legend(counts)]
    label = "d_cs against d_rs of each individual: " + ", ".join(
        f"{count} {_LEGEND[kind]}" for kind, count in counts.items()
    )
    svg = (
        f'<svg class="scatter" viewBox="0 0 {_LEFT + _SIDE + 14} {height}" role="img" aria-label="{label}">'
        + "".join(drawing)
        + "</svg>"
    )
    notes = _notes(points, axis, individuals)
    if among is not None and among > individuals:
        notes = [
            f"Of {among} individuals {individuals} are drawn, evenly spread from a start that the seed gives; the"
            " numbers of this figure count those.",
            *notes,
        ]
    return Figure(svg, tuple(notes))


def _kind(row: Row) -> Kind:
    if row.status != Status.CERTIFIED:
        return "none"
    return "tube" if row.method.endswith(TUBE) else "ball"


def _place(point: Point, axis: LogAxis) -> tuple[float, float]:
    """Tenths of a unit from the lower left corner: both ways rounded alike, so no point changes sides."""
    return (
        round(_SIDE * axis.fraction(point.d_cs), 1),
        round(_SIDE * axis.fraction(point.d_rs), 1),
    )


def _marks(
    points: Sequence[Point], axis: LogAxis
) -> dict[tuple[Kind, float], list[tuple[float, float]]]:
    """Where marks stand, by kind and radius: one per individual or, where these are many, one per cell and kind.

    A cell's mark stands where the first of its individuals is, not in the middle, which may be across the line.
    """
    marks: dict[tuple[Kind, float], list[tuple[float, float]]] = {}
    if len(points) <= MOST_POINTS:
        for point in points:
            marks.setdefault((point.kind, _TIERS[1][1]), []).append(_place(point, axis))
        return marks
    cells: dict[tuple[Kind, int, int], list[tuple[float, float]]] = {}
    for point in points:
        right, up = _place(point, axis)
        cells.setdefault((point.kind, int(right // _CELL), int(up // _CELL)), []).append((right, up))  # fmt: skip
    for (kind, _, _), found in cells.items():
        radius = next(size for least, size in reversed(_TIERS) if len(found) >= least)
        marks.setdefault((kind, radius), []).append(found[0])
    return marks


def _paths(marks: Mapping[tuple[Kind, float], Sequence[tuple[float, float]]]) -> list[str]:
    """One path per kind and size; each mark begins with an absolute move to its middle."""
    drawn = []
    for kind, radius in sorted(marks):
        shape = _shape(kind, radius)
        data = "".join(
            f"M{_LEFT + right:.1f} {_TOP + _SIDE - up:.1f}{shape}" for right, up in marks[kind, radius]
        )  # fmt: skip
        drawn.append(f'<path class="{kind}"{_width(kind, radius)} d="{data}"/>')
    return drawn


def _shape(kind: Kind, radius: float) -> str:
    """Shapes that differ without their colours: a disc, a hollow diamond, a cross."""
    if kind == "ball":
        return "h0"  # with round caps, a disc as wide as the stroke
    if kind == "tube":
        r = round(radius * 1.3, 1)
        return f"m0-{r}l{r} {r}-{r} {r}-{r}-{r}z"
    r = round(radius * 0.9, 1)
    return f"m-{r}-{r}l{2 * r:g} {2 * r:g}m0-{2 * r:g}l-{2 * r:g} {2 * r:g}"


def _width(kind: Kind, radius: float) -> str:
    return f' stroke-width="{2 * radius:g}"' if kind == "ball" else ""


def _frame(axis: LogAxis) -> list[str]:
    """Grid, numbers, names of the axes, and the line d_rs = d_cs."""
    bottom, right = _TOP + _SIDE, _LEFT + _SIDE
    parts = [f'<rect class="plane" x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}"/>']
    for tick in axis.ticks():
        place = round(_SIDE * axis.fraction(tick), 1)
        x, y = f"{_LEFT + place:g}", f"{bottom - place:g}"
        parts += [
            f'<path class="grid" d="M{x} {bottom}V{_TOP}M{_LEFT} {y}H{right}"/>',
            f'<text class="tick end" x="{_LEFT - 6}" y="{y}" dy=".35em">{tick:g}</text>',
            f'<text class="tick mid" x="{x}" y="{bottom + 16}">{tick:g}</text>',
        ]
    middle, half = _LEFT + _SIDE // 2, _TOP + _SIDE // 2
    return [
        *parts,
        f'<path class="line" d="M{_LEFT} {bottom}L{right} {_TOP}"/>',
        f'<text class="mid" x="{middle}" y="{bottom + 34}">d_cs: how far similar people can be</text>',
        f'<text class="mid" transform="translate(13 {half})rotate(-90)">d_rs: how far the head holds</text>',
    ]


def _legend(counts: Mapping[Kind, int]) -> list[str]:
    x, y = _LEFT + 8, _TOP + _SIDE + 56
    parts = [
        f'<path class="line" d="M{x - 10} {y}h20"/>',
        f'<text x="{x + 16}" y="{y}" dy=".35em">d_rs = d_cs</text>',
    ]
    for kind, count in counts.items():
        y += _LINE
        parts += [
            f'<path class="{kind}"{_width(kind, 3.5)} d="M{x} {y}{_shape(kind, 3.5)}"/>',
            f'<text x="{x + 16}" y="{y}" dy=".35em">{_LEGEND[kind]}: {count}</text>',
        ]
    return parts


def _notes(points: Sequence[Point], axis: LogAxis, individuals: int) -> list[str]:
    notes = []
    if len(points) > MOST_POINTS:
        notes.append(
            f"{len(points)} individuals are too many to draw one by one: a mark stands for all of its kind in a small"
            f" square, larger for {_TIERS[1][0]} and more, largest for {_TIERS[2][0]} and more."
        )
    counts = {
        "Not drawn, for want of one of the distances": individuals - len(points),
        "Beyond the axes and drawn at their ends": sum(
            not (axis.holds(point.d_cs) and axis.holds(point.d_rs)) for point in points
        ),
        "Above the line and yet not certified, for one of the reasons given": sum(
            point.kind == "none" and point.d_cs < point.d_rs for point in points
        ),
    }
    return [*notes, *(f"{words}: {count}." for words, count in counts.items() if count)]
