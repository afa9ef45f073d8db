"""The exact view against exact rational arithmetic: radii, lower bounds and tubes."""

from fractions import Fraction
from itertools import pairwise

import torch
from networks import LENGTH, MULTIPLES, chance, choose, draw_case
from rational_line import (
    evaluate,
    line_vertices,
    rationals,
    squared_distance,
    squared_distance_to_chain,
)

from producer.views.exact.bounds import certify_exact
from shared_spec.artifacts.bundle import UNBOUNDED


def certify(generator, case, **options):
    """The exact view of a case under settings drawn."""
    return certify_exact(
        case.encoder,
        case.latent,
        case.vectors,
        case.epsilon,
        tolerance=choose(generator, (0.05, 0.02, 0.5)),
        max_cells=choose(generator, (1, 500, 2000)),
        enclosing=chance(generator, 0.5),
        **options,
    )


def members(generator, case, count=24):
    """Members of the set as pairs (tau, R): tau in the unit ball, both rational; all vertices of a collinear set."""
    k, epsilon = len(case.vectors), Fraction(case.epsilon)
    if case.line is not None:
        reach = epsilon * LENGTH[k]
        curve = line_vertices(case.encoder, case.latent[0], case.line, reach)
        curve += [
            ((s + t) / 2, [(x + y) / 2 for x, y in zip(p, q, strict=True)])
            for (s, p), (t, q) in pairwise(curve)
        ]
        unit = [Fraction(c) / LENGTH[k] for c in MULTIPLES[k]]
        return [([t / reach * u for u in unit], value) for t, value in curve]
    points = torch.randn(count, k, generator=generator, dtype=torch.float64)
    points /= points.norm(dim=1, keepdim=True) * (1.0 + 1e-15)
    points[::3] *= torch.rand(len(points[::3]), 1, generator=generator, dtype=torch.float64)
    axes = torch.eye(k, dtype=torch.float64)
    taus = rationals(torch.cat([points, axes, -axes, torch.zeros(1, k).double()]))
    z, rows = rationals(case.latent[0]), rationals(case.vectors)
    found = []
    for tau in taus:
        if sum(t * t for t in tau) <= 1:
            at = [
                x + epsilon * sum(map(Fraction.__mul__, tau, a))
                for x, *a in zip(z, *rows, strict=True)
            ]
            found.append((tau, evaluate(case.encoder, at)))
    return found


def ball_violations(case, view, points):
    """What is wrong with the ball."""
    centre = rationals(view.centre[0].double())
    farthest = max(squared_distance(value, centre) for _, value in points)
    radius, lower = float(view.radius[0]), Fraction(float(view.lower_bound[0]))
    lines = []
    if not Fraction(radius) ** 2 >= farthest and radius < UNBOUNDED:
        lines.append(f"radius {radius} is below {float(farthest) ** 0.5}")
    if radius == UNBOUNDED and view.status[0] == 0:
        lines.append("an individual without a bound is BOUNDED")
    if case.line is not None and lower**2 > farthest:
        lines.append(f"lower bound {float(lower)} is not attained")
    if float(lower) > radius:
        lines.append("the lower bound is above the radius")
    return lines


def tube_violations(view, points):
    """What is outside the tube."""
    if view.tubes is None or float(view.tubes.delta[0]) == UNBOUNDED:
        return []
    rows, delta = rationals(view.tubes.points[0].double()), Fraction(float(view.tubes.delta[0]))
    if view.tubes.kind == "polyline":
        away = [squared_distance_to_chain(value, rows) for _, value in points]
    else:
        shapes = [
            [c + sum(map(Fraction.__mul__, tau, e)) for c, *e in zip(*rows, strict=True)]
            for tau, _ in points
        ]
        away = [squared_distance(v, s) for (_, v), s in zip(points, shapes, strict=True)]
    return [] if delta**2 >= max(away) else [f"delta {float(delta)} < {float(max(away)) ** 0.5}"]


def line(generator):
    """k = 1, both methods."""
    case = draw_case(generator, 1, collinear=True)
    view = certify(
        generator,
        case,
        method=choose(generator, ("grid", "grid", "polyline")),
        tube_vertices=choose(generator, (0, 2, 3, 5)),
    )
    points = members(generator, case)
    return ball_violations(case, view, points) + tube_violations(view, points)


def collinear_set(generator):
    """k = 2, 3 with vectors along one line, on which the truth is known exactly."""
    return several(generator, collinear=True)


def dense_set(generator):
    """k = 2, 3 with any vectors, at points of the ball."""
    return several(generator, collinear=False)


def several(generator, collinear):
    """Ball and affine tube of several attributes."""
    case = draw_case(generator, choose(generator, (2, 3)), collinear)
    view = certify(generator, case, tube_vertices=choose(generator, (0, 2)))
    points = members(generator, case)
    return ball_violations(case, view, points) + tube_violations(view, points)


KINDS = {
    "line": line,
    "collinear_set": collinear_set,
    "dense_set": dense_set,
}
