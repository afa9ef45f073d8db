"""Heads at the edges of float64, and whatever is proved of them against exact rational arithmetic.

Scales far apart, dyadic weights that tie, dead and duplicated neurons, paths that cancel; balls, polyline tubes and
affine tubes of any size. A proof is violated if the class loses, exactly, on one of the lines that are tried: along the
set and across it, in the directions of the exact gradients of the margins and in random ones.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import rational_heads as oracle
import torch

from consumer.radius.base import certify_base_ball, certify_base_tube
from consumer.radius.crown import certify_crown, crown_margins, crown_radius
from consumer.radius.linear import certify_linear, linear_margins, linear_radius
from consumer.radius.mlp import certify_mlp, mlp_radius
from consumer.radius.region import affine_tube, ball, polyline
from shared_spec.frozen_head import FrozenHead
from shared_spec.rng import numpy_generator

F64 = torch.float64
CASES = 4
"""Heads per seed, each with three sets."""


def head_violations(seed: int) -> list[str]:
    """What was proved of this seed's heads and does not hold: one line each, none if all is well."""
    generator = numpy_generator(seed, "fuzz-heads")
    found = []
    for case in range(CASES):
        head, centre, size = draw(generator)
        logits = oracle.logits(head, oracle.rational(centre))
        c = max(range(len(logits)), key=logits.__getitem__)
        for check in (check_ball, check_polyline, check_affine):
            reach = size * 10.0 ** generator.uniform(-9, 1)
            lines = check(head, centre, reach, c, generator)
            found += [f"seed {seed}, case {case}: {line}" for line in lines]
    return found


def numbers(generator, shape, dyadic):
    values = generator.standard_normal(shape)
    return np.round(values * 4.0) / 4.0 if dyadic else values


def draw(generator):
    """A head, a centre on which its logits nearly tie, and the scale of the centre's coordinates."""
    dyadic = generator.random() < 0.4
    widths = [*generator.integers(1, 5, size=generator.integers(1, 5)), generator.integers(2, 4)]
    # The product of the layers' scales, and how far they lie apart: powers of ten, at the edge of float64's squares.
    product = generator.choice(
        [0.0, generator.uniform(-195.0, -150.0), generator.uniform(0.0, 150.0)]
    )
    apart = generator.choice([0.0, 3.0, 40.0])
    size = scale = 10.0 ** generator.uniform(-apart, apart)
    centre = torch.from_numpy(numbers(generator, widths[0], dyadic) * size)
    weights, biases = [], []
    for inner, outer in pairwise(widths):
        own = 10.0 ** (product / (len(widths) - 1) + generator.uniform(-apart, apart))
        scale *= own
        weight, bias = (numbers(generator, shape, dyadic) for shape in ((outer, inner), outer))
        weight, bias = weight * own, bias * scale
        if weights and generator.random() < 0.3:
            # The same neuron twice, with opposite weights: only rounding reaches the logits.
            i, j = generator.integers(inner, size=2)
            weights[-1][j], biases[-1][j] = weights[-1][i], biases[-1][i]
            weight[:, j] = -weight[:, i]
        dead = generator.random(outer) < 0.15
        weight[dead], bias[dead] = 0.0, -np.abs(bias[dead])
        weights.append(weight)
        biases.append(bias)
    if generator.random() < 0.2:
        weights[-1][0] = weights[-1][1] * (1.0 + generator.choice([0.0, 2.0**-52, 1e-9]))
    head = FrozenHead(tuple(map(torch.from_numpy, weights)), tuple(map(torch.from_numpy, biases)))
    lead = scale * 10.0 ** generator.uniform(-17, 1, size=widths[-1])
    values = oracle.logits(head, oracle.rational(centre))
    last = [float(b - v) for b, v in zip(oracle.rational(head.biases[-1]), values, strict=True)]
    tied = torch.tensor(last, dtype=F64) + torch.from_numpy(lead)
    return FrozenHead(head.weights, (*head.biases[:-1], tied)), centre, size


def inward(direction, length):
    """The vector of Fractions in this direction that is at most, and nearly, `length` long."""
    largest = max(map(abs, direction))
    if largest == 0 or length == 0.0:
        return [Fraction(0)] * len(direction)
    unit = [float(x / largest) for x in direction]
    scale = Fraction(length) / Fraction(math.hypot(*unit)) * (1 - Fraction(1, 2**50))
    return [Fraction(x) * scale for x in unit]


def moved(point, step, sign=1):
    return [x + sign * y for x, y in zip(point, step, strict=True)]


def worst_on(head, path, c, length, generator):
    """The least exact margin found within `length` of a polyline of Fractions."""
    start = path[len(path) // 2]
    steps = [inward(random_direction(generator, len(start)), length)]
    for j in set(range(head.classes)) - {c}:
        point = start
        for _ in range(2):
            slope = oracle.gradient(head, point, c, j)
            steps.append(inward([-x for x in slope], length))
            point = moved(start, steps[-1])
    found = []
    for step in steps:
        found += [oracle.least_margin(head, moved(p, step, -1), moved(p, step), c) for p in path]
        for start, end in pairwise(path):
            found.append(oracle.least_margin(head, moved(start, step), moved(end, step), c))
    return min(found)


def random_direction(generator, length):
    return [Fraction(x) for x in generator.standard_normal(length)]


def refuted(what, head, worst, bounds, certified):
    """Lines about bounds [1] on the least margin, and decisions [1], that the margin `worst` refutes."""
    shape = (
        f"{what}, weights {[tuple(w.shape) for w in head.weights]}, exact margin {float(worst):.3g}"
    )
    found = []
    for name, bound in bounds.items():
        value = float(bound[0])
        if (math.isfinite(value) and Fraction(value) > worst) or value == math.inf:
            found.append(f"{name}: bound {value:.3g}, {shape}")
    return found + [
        f"{name} certifies {shape}" for name, yes in certified.items() if bool(yes) and worst <= 0
    ]


def check_region(what, head, region, c, worst, **certified):
    """What CROWN, and the closed form, say about a region on which the margin `worst` was found."""
    classes = torch.tensor([c])
    bounds = {"crown": crown_margins(head, region, classes)}
    certified["crown"] = certify_crown(head, region, classes)
    if head.is_linear:
        bounds["linear"] = linear_margins(head, region, classes)
        certified["linear"] = certify_linear(head, region, classes)
    return refuted(what, head, worst, bounds, certified)


def check_ball(head, centre, reach, c, generator):
    points, classes = centre[None], torch.tensor([c])
    path = [oracle.rational(centre)]
    radii = torch.tensor([reach], dtype=F64)
    worst = worst_on(head, path, c, reach, generator)
    base = certify_base_ball(head, points, radii, classes)
    found = check_region(f"a ball of {reach:.3g}", head, ball(points, radii), c, worst, base=base)
    for radius_of in (crown_radius, linear_radius if head.is_linear else mlp_radius):
        radius = float(radius_of(head, points, classes)[0])
        # A radius that stands for infinity is tried as far as a few powers of ten further out.
        inside = min(math.nextafter(radius, 0.0), 1e6 * reach)
        if inside > 0.0:
            worst = worst_on(head, path, c, inside, generator)
            found += refuted(
                f"a radius of {inside:.3g}", head, worst, {}, {radius_of.__name__: True}
            )
    return found


def check_polyline(head, centre, reach, c, generator):
    bends = generator.standard_normal((generator.integers(0, 4), len(centre))) * reach
    vertices = torch.cat([centre[None], centre + torch.from_numpy(bends)])
    delta = reach * generator.choice([0.0, 1e-12, 0.1])
    radii, path = torch.tensor([delta], dtype=F64), [oracle.rational(v) for v in vertices]
    worst = worst_on(head, path, c, delta, generator)
    tube = certify_base_tube(head, vertices[None], radii, torch.tensor([c]))
    what = f"a polyline tube of {delta:.3g}"
    # The hull holds more than the polyline, so its bound lies below all that the polyline holds.
    return check_region(what, head, polyline(vertices[None], radii), c, worst, tube=tube)


def check_affine(head, centre, reach, c, generator):
    spread = torch.from_numpy(
        generator.standard_normal((generator.integers(1, 3), len(centre))) * reach
    )
    epsilon, delta = generator.uniform(0.1, 2.0), reach * generator.choice([0.0, 1e-12, 0.1])
    region = affine_tube(centre[None], spread[None], epsilon, torch.tensor([delta], dtype=F64))
    middle, rows, found = oracle.rational(centre), [oracle.rational(row) for row in spread], []
    for _ in range(3):
        t = inward(random_direction(generator, len(rows)), epsilon)
        along = [sum(map(Fraction.__mul__, t, column)) for column in zip(*rows, strict=True)]
        path = [moved(middle, along, -1), middle, moved(middle, along)]
        found.append(worst_on(head, path, c, delta, generator))
    proved = {} if head.is_linear else {"mlp": certify_mlp(head, region, torch.tensor([c]))}
    return check_region(f"an affine tube of {delta:.3g}", head, region, c, min(found), **proved)
