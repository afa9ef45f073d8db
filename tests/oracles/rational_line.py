"""The farthest representation on a line in exact rational arithmetic, and small encoders to try it on."""

from fractions import Fraction
from itertools import pairwise
from math import gcd, lcm
from operator import mul

import torch

from shared_spec.relu_network import ReluNetwork
from shared_spec.rng import torch_generator


def small_encoder(widths, seed, dyadic=False):
    """A random encoder; `dyadic` rounds to multiples of 1/16, which puts breakpoints and ties on each other."""
    generator = torch_generator(seed, "small-encoder")

    def draw(*shape):
        values = torch.randn(*shape, generator=generator, dtype=torch.float64)
        return (values * 16).round() / 16 if dyadic else values

    pairs = list(pairwise(widths))
    weights = tuple(draw(outer, inner) * (2.0 / inner) ** 0.5 for inner, outer in pairs)
    if dyadic:
        weights = tuple((weight * 16).round() / 16 for weight in weights)
    return ReluNetwork(weights, tuple(0.5 * draw(outer) for _, outer in pairs))


def small_set(encoder, individuals, attributes, seed, dyadic=False):
    """Latents [n, q] and attribute vectors [k, q] of about their length."""
    generator = torch_generator(seed, "small-set")
    q = encoder.input_dim
    latents = torch.randn(individuals, q, generator=generator, dtype=torch.float64)
    vectors = torch.randn(attributes, q, generator=generator, dtype=torch.float64)
    if dyadic:
        latents, vectors = (latents * 8).round() / 8, (vectors * 8).round() / 8
    return latents, vectors


def rationals(tensor):
    """Nested lists of Fractions."""
    values = tensor.tolist()
    return [
        [Fraction(v) for v in row] if isinstance(row, list) else Fraction(row) for row in values
    ]


def line_vertices(encoder, latent, vector, epsilon):
    """The vertices of the curve z + t a, |t| <= epsilon, under R: pairs (t, R(z + t a)) without any rounding.

    On the way a point is whole numbers over one denominator: a Fraction would look for divisors at every step.
    """
    z, a = rationals(latent), rationals(vector)
    end = Fraction(epsilon)
    vertices = [
        (t, _over_one_denominator([x + t * y for x, y in zip(z, a, strict=True)]))
        for t in (-end, end)
    ]
    layers = list(zip(encoder.weights, encoder.biases, strict=True))
    for index, (weight, bias) in enumerate(layers):
        numbers, scale = _over_one_denominator(
            rationals(torch.cat([weight, bias[:, None]], 1).flatten())
        )
        width = weight.shape[1] + 1
        rows = [numbers[start : start + width] for start in range(0, len(numbers), width)]
        vertices = [
            (t, _reduced([sum(map(mul, row, (*point, below))) for row in rows], below * scale))
            for t, (point, below) in vertices
        ]
        if index < len(layers) - 1:
            vertices = [
                (t, ([max(x, 0) for x in point], below))
                for t, (point, below) in _with_roots(vertices)
            ]
    return [(t, [Fraction(x, below) for x in point]) for t, (point, below) in vertices]


def _over_one_denominator(fractions):
    """Whole numbers and what they are all to be divided by."""
    below = lcm(*(x.denominator for x in fractions))
    return [x.numerator * (below // x.denominator) for x in fractions], below


def _reduced(numbers, below):
    common = gcd(below, *numbers)
    return [x // common for x in numbers], below // common


def affine(rows, shift, point):
    """W x + b of rational lists."""
    return [sum(map(Fraction.__mul__, row, point), b) for row, b in zip(rows, shift, strict=True)]


def evaluate(encoder, point):
    """R at a point of Fractions."""
    layers = list(zip(encoder.weights, encoder.biases, strict=True))
    for index, (weight, bias) in enumerate(layers):
        point = affine(rationals(weight), rationals(bias), point)
        if index < len(layers) - 1:
            point = [max(x, Fraction(0)) for x in point]
    return point


def squared_distance(first, second):
    """||first - second||^2 of rational lists."""
    return sum((x - y) ** 2 for x, y in zip(first, second, strict=True))


def squared_distance_to_chain(point, chain):
    """Squared distance of a rational point from the nearest point of a chain of segments."""
    found = [squared_distance(point, chain[0])]
    for start, end in pairwise(chain):
        chord = [y - x for x, y in zip(start, end, strict=True)]
        length = sum(c * c for c in chord)
        along = sum(c * (p - x) for c, p, x in zip(chord, point, start, strict=True))
        share = min(max(along / length, Fraction(0)), Fraction(1)) if length else Fraction(0)
        nearest = [x + share * c for x, c in zip(start, chord, strict=True)]
        found.append(squared_distance(point, nearest))
    return min(found)


def farthest_squared(encoder, latent, vector, epsilon, centre):
    """max ||R(z + t a) - centre||^2 over |t| <= epsilon as a Fraction: no rounding anywhere."""
    return farthest_of(line_vertices(encoder, latent, vector, epsilon), centre)


def farthest_of(vertices, centre):
    """The same of the curve's vertices."""
    c = rationals(centre.double())
    return max(squared_distance(v, c) for _, v in vertices)


def _with_roots(vertices):
    result = [vertices[0]]
    for (s, (p, under)), (t, (q, below)) in pairwise(vertices):
        start, end = [x * below for x in p], [y * under for y in q]
        shares = {Fraction(x, x - y) for x, y in zip(start, end, strict=True) if x * y < 0}
        for share in sorted(shares):
            n, d = share.as_integer_ratio()
            mixed = [x * d + n * (y - x) for x, y in zip(start, end, strict=True)]
            result.append((s + share * (t - s), _reduced(mixed, under * below * d)))
        result.append((t, (q, below)))
    return result
