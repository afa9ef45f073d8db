"""Heads in exact rational arithmetic: their logits at a point, and the least margin on a segment."""

from fractions import Fraction
from itertools import pairwise

import torch

from shared_spec.frozen_head import FrozenHead


def head_of(*layers):
    """The head of nested lists, (W, b) for each layer."""
    weights, biases = zip(*layers, strict=True)
    return FrozenHead(
        tuple(torch.tensor(weight, dtype=torch.float64) for weight in weights),
        tuple(torch.tensor(bias, dtype=torch.float64) for bias in biases),
    )


def squared(first, second):
    """Squared distance of two points of Fractions."""
    return sum((a - b) ** 2 for a, b in zip(first, second, strict=True))


def rational(values):
    """A list of Fractions, from a float64 vector."""
    return [Fraction(value) for value in values.tolist()]


def logits(head, point):
    """C's logits at a point of Fractions: no rounding anywhere."""
    return _image(head, [point])[0]


def margin(values, c):
    """min over j != c of the logits' difference m_c - m_j."""
    return min(values[c] - value for j, value in enumerate(values) if j != c)


def least_margin(head, start, end, c):
    """The least margin of class c on the segment between two points of Fractions."""
    return min(margin(values, c) for values in _image(head, [start, end]))


def _image(head, points):
    """Logits at the points and at all kinks of the polyline's image: each margin is concave between them."""
    layers = list(zip(head.weights, head.biases, strict=True))
    for index, (weight, bias) in enumerate(layers):
        rows, shift = [rational(row) for row in weight], rational(bias)
        points = [
            [sum((w * x for w, x in zip(row, h, strict=True)), b) for row, b in zip(rows, shift, strict=True)]
            for h in points
        ]  # fmt: skip
        if index < len(layers) - 1:
            points = [[max(x, Fraction(0)) for x in p] for p in _with_kinks(points)]
    return points


def _with_kinks(points):
    result = points[:1]
    for start, end in pairwise(points):
        shares = {x / (x - y) for x, y in zip(start, end, strict=True) if x * y < 0}
        for share in sorted(shares):
            result.append([x + share * (y - x) for x, y in zip(start, end, strict=True)])
        result.append(end)
    return result


def gradient(head, point, c, j):
    """The exact gradient of m_c - m_j at a point of Fractions, ReLUs off at 0."""
    masks, values = [], point
    layers = list(zip(head.weights, head.biases, strict=True))
    for weight, bias in layers[:-1]:
        values = _affine(weight, bias, values)
        masks.append([x > 0 for x in values])
        values = [max(x, Fraction(0)) for x in values]
    last = [rational(head.weights[-1][k]) for k in (c, j)]
    row = [a - b for a, b in zip(*last, strict=True)]
    for (weight, _), mask in zip(reversed(layers[:-1]), reversed(masks), strict=True):
        kept = [x if on else Fraction(0) for x, on in zip(row, mask, strict=True)]
        columns = zip(*(rational(line) for line in weight), strict=True)
        row = [
            sum((x * w for x, w in zip(kept, column, strict=True)), Fraction(0))
            for column in columns
        ]
    return row


def _affine(weight, bias, h):
    rows = [rational(row) for row in weight]
    return [
        sum((w * x for w, x in zip(row, h, strict=True)), b)
        for row, b in zip(rows, rational(bias), strict=True)
    ]
