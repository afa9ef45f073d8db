"""The report's scatter: what is certified is above the line, however many points there are and wherever they lie."""

from __future__ import annotations

import math
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.report.axis import common_axis
from consumer.report.figure import MOST_POINTS, Point, draw_scatter, scatter_points
from shared_spec.artifacts.rows import Row
from shared_spec.terms import Reason, Status

LARGEST = sys.float_info.max
distances = st.one_of(
    st.sampled_from([0.0, 5e-324, 1.0, LARGEST]), st.floats(0, LARGEST), st.floats(1e-3, 1e3)
)


class Drawing(HTMLParser):
    """Attributes of the elements of an SVG."""

    def __init__(self, svg):
        super().__init__()
        self.elements = []
        self.feed(svg)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def plane(self):
        """Left, bottom and side of the square that is drawn into."""
        found = next(a for tag, a in self.elements if tag == "rect")
        left, top, side = (float(found[name]) for name in ("x", "y", "width"))
        assert found["height"] == found["width"]
        return left, top + side, side

    def marks(self, kind):
        """Per mark how far right and up it stands, and its size; the legend's is below the plane."""
        left, bottom, _ = self.plane()
        found = []
        for tag, attributes in self.elements:
            if tag == "path" and attributes["class"] == kind:
                for mark in attributes["d"].split("M")[1:]:
                    x, rest = mark.split(" ", 1)
                    y = rest[: next(i for i, letter in enumerate(rest) if letter.isalpha())]
                    right, up = float(x) - left, bottom - float(y)
                    if up >= 0:
                        found.append((right, up, attributes.get("stroke-width"), rest[len(y) :]))
        return found


def draw(points, individuals=None):
    axis = common_axis(distance for point in points for distance in (point.d_cs, point.d_rs))
    figure = draw_scatter(points, axis, individuals or len(points))
    return Drawing(figure.svg), figure, axis


def cloud(n, seed=1):
    """Certified where d_cs < d_rs, except that some are certified by the tube and some not settled."""
    generator = np.random.Generator(np.random.Philox(seed))
    d_cs, d_rs = np.exp(generator.normal(0, 1.5, (2, n)))
    d_rs[: n // 10] = 0.0
    d_cs[n // 10 : n // 5] = d_rs[n // 10 : n // 5] * (1 - 1e-9)  # certified by next to nothing
    return [
        Point(a, b, ("ball" if a < b else "none") if index % 7 else "tube" if index % 2 else "none")
        for index, (a, b) in enumerate(zip(d_cs.tolist(), d_rs.tolist(), strict=True))
    ]


@pytest.mark.parametrize("n", [1, 300, MOST_POINTS, MOST_POINTS + 1, 20_000])
def test_certified_by_the_ball_stands_above_the_line_or_on_it(n):
    points = [point for point in cloud(n) if point.kind == "ball" or point.d_cs >= point.d_rs]
    drawing, _, _ = draw(points or [Point(1.0, 2.0, "ball")])
    assert drawing.marks("ball") or n == 1
    slack = 1e-6  # of adding up decimals here
    assert all(up >= right - slack for right, up, *_ in drawing.marks("ball"))
    assert all(up <= right + slack for right, up, *_ in drawing.marks("none"))
    if n > 1:
        assert sum(up > right + 1 for right, up, *_ in drawing.marks("ball")) > 50


@given(st.lists(st.tuples(distances, distances), min_size=1, max_size=30))
def test_no_distance_leaves_the_plane_or_changes_sides(pairs):
    points = [Point(a, b, "ball" if a < b else "none") for a, b in pairs]
    drawing, _, axis = draw(points)
    _, _, side = drawing.plane()
    for kind in ("ball", "none"):
        for right, up, *_ in drawing.marks(kind):
            assert -1e-6 <= right <= side + 1e-6
            assert up <= side + 1e-6
            assert (up >= right - 1e-6) if kind == "ball" else (up <= right + 1e-6)
    assert len(drawing.marks("ball")) + len(drawing.marks("none")) == len(points)
    assert 2 <= len(axis.ticks()) <= 10


@given(st.lists(distances, min_size=1), distances, distances)
def test_an_axis_keeps_the_order(values, a, b):
    axis = common_axis(values)
    low, high = sorted((a, b))
    assert 0.0 <= axis.fraction(low) <= axis.fraction(high) <= 1.0


def test_a_point_stands_where_its_logarithms_say():
    points = [Point(0.1, 100.0, "ball"), Point(1.0, 10.0, "ball"), Point(100.0, 0.1, "none")]
    drawing, _, axis = draw(points)
    _, _, side = drawing.plane()
    length = math.log(axis.high / axis.low)
    for (right, up, *_), point in zip(drawing.marks("ball"), points, strict=False):
        assert right / side == pytest.approx(math.log(point.d_cs / axis.low) / length, abs=2e-4)
        assert up / side == pytest.approx(math.log(point.d_rs / axis.low) / length, abs=2e-4)


def test_few_points_are_drawn_one_by_one_and_many_as_cells_that_leave_nobody_out():
    few, figure, _ = draw(cloud(MOST_POINTS))
    assert sum(len(few.marks(kind)) for kind in ("ball", "tube", "none")) == MOST_POINTS
    assert not any("too many" in note for note in figure.notes)
    points = cloud(20_000)
    many, figure, axis = draw(points)
    _, _, side = many.plane()
    assert any("20000 individuals are too many" in note for note in figure.notes)
    for kind in ("ball", "tube", "none"):
        marks = np.array([mark[:2] for mark in many.marks(kind)])
        assert 100 < len(marks) < 2_200
        mine = [p for p in points if p.kind == kind]
        where = side * np.array([[axis.fraction(p.d_cs), axis.fraction(p.d_rs)] for p in mine])
        apart = np.abs(where[:, None] - marks[None]).max(-1)
        assert apart.min(1).max() <= 8.1, "somebody has no mark in the same cell"
        assert apart.min(0).max() <= 0.1, "a mark stands where nobody is"


def test_larger_marks_stand_for_more():
    crowd = [Point(1.0, 2.0, "ball")] * MOST_POINTS
    drawing, _, _ = draw([*crowd, Point(3.0, 9.0, "ball"), *[Point(0.5, 9.0, "ball")] * 3])
    sizes = [float(width) for _, _, width, _ in sorted(drawing.marks("ball"))]
    assert len(sizes) == 3
    assert sizes[1] > sizes[0] > sizes[2]  # from left to right: three, the crowd, one


def test_kinds_differ_by_more_than_their_colours():
    drawing, _, _ = draw(
        [Point(1.0, 2.0, "ball"), Point(2.0, 1.0, "tube"), Point(3.0, 1.0, "none")]
    )
    shapes = {drawing.marks(kind)[0][3] for kind in ("ball", "tube", "none")}
    assert len(shapes) == 3


def test_what_a_reader_must_know_is_noted():
    rows = [
        Row("x", "exact", "", "", Status[status], Reason.NONE, d_cs, d_rs, method, 0, 0)
        for d_cs, d_rs, status, method in (
            (1.0, 2.0, "CERTIFIED", "closed-form ball"),
            (3.0, 2.0, "CERTIFIED", "closed-form tube"),
            (1.0, 4.0, "UNDECIDED", "closed-form ball"),
            (1.0, 0.0, "NOT_CERTIFIED", "closed-form ball"),
            (None, 2.0, "ABSTAIN", "closed-form ball"),
            (1.0, None, "CERTIFIED", "sequential"),
        )
    ]
    points = scatter_points(rows)
    assert [point.kind for point in points] == ["ball", "tube", "none", "none"]
    notes = " ".join(draw(points, individuals=6)[1].notes)
    assert "for want of one of the distances: 2." in notes
    assert "drawn at their ends: 1." in notes
    assert "yet not certified, for one of the reasons given: 1." in notes
    assert draw([Point(1.0, 2.0, "ball")])[1].notes == ()
