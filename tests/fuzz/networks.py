"""Small networks, similarity sets and heads as nobody trains them, drawn so that floats and rationals part company."""

from dataclasses import dataclass

import torch

from shared_spec.relu_network import ReluNetwork

MULTIPLES = {1: (1.0,), 2: (3.0, 4.0), 3: (1.0, 2.0, 2.0)}
"""Multiples of one vector with an integer norm: the set of several attributes is then a segment."""
LENGTH = {1: 1, 2: 5, 3: 3}


@dataclass(frozen=True)
class Case:
    """An encoder and the similarity set of one latent [1, q] under vectors [k, q] and epsilon.

    For collinear vectors, `line` [q] is the vector of which they are the multiples.
    """

    encoder: ReluNetwork
    latent: torch.Tensor
    vectors: torch.Tensor
    epsilon: float
    line: torch.Tensor | None


def choose(generator, options):
    """One of the options."""
    return options[int(torch.randint(len(options), (), generator=generator))]


def chance(generator, probability):
    """True with this probability."""
    return float(torch.rand((), generator=generator)) < probability


def numbers(generator, shape, dyadic):
    """Multiples of 1/8 in [-2, 2], on which much coincides, or Gaussian numbers."""
    if dyadic:
        return torch.randint(-16, 17, shape, generator=generator).double() / 8.0
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def draw_case(generator, k, collinear):
    """A case with k attributes."""
    q, dyadic = choose(generator, (1, 2, 3)), chance(generator, 0.6)
    latent, line = numbers(generator, (1, q), dyadic), numbers(generator, (q,), dyadic)
    reach = choose(generator, (1.0, 1.0, 1.0, 2.0**-30, 2.0**40, 2.0**-520))
    line = line * reach
    if collinear:
        vectors = torch.tensor(MULTIPLES[k], dtype=torch.float64).unsqueeze(1) * line
    else:
        vectors = numbers(generator, (k, q), dyadic) * reach
    epsilon = choose(generator, (0.5, 1.0, 1.0, 3.0))
    encoder = draw_network(generator, latent, vectors, epsilon, dyadic)
    return Case(encoder, latent, vectors, epsilon, line if collinear else None)


def draw_network(generator, latent, vectors, epsilon, dyadic):
    """A network of depth 1 to 4 with dead, duplicated and cancelling neurons and kinks at the ends of the set."""
    depth = choose(generator, (1, 2, 2, 3, 3, 4))
    widths = [latent.shape[1]] + [choose(generator, (1, 2, 3, 4, 5)) for _ in range(depth)]
    scales = draw_scales(generator, depth)
    weights, biases = [], []
    for layer in range(depth):
        weight = numbers(generator, (widths[layer + 1], widths[layer]), dyadic)
        bias = numbers(generator, (widths[layer + 1],), dyadic)
        _make_special(generator, weight, bias)
        if layer == 0:
            _place_kinks(generator, weight, bias, latent, vectors, epsilon)
        size = min(scales[layer] * (biases[-1][1] if biases else 1.0), 2.0**900)
        weights.append(weight * scales[layer])
        biases.append((bias * size, size))
    return ReluNetwork(tuple(weights), tuple(bias for bias, _ in biases))


def draw_scales(generator, depth):
    """Powers of two, one per layer: all 1, mild, or around where float64 ends, up and down again."""
    style = choose(generator, ("plain", "mild", "sink", "rise", "any"))
    if style == "plain":
        return [1.0] * depth
    if style == "mild":
        return [2.0 ** choose(generator, range(-40, 41)) for _ in range(depth)]
    if style == "sink":
        start = choose(generator, range(480, 560))
        back = choose(generator, range(0, 460)) // max(depth - 1, 1)
        return [2.0**-start] + [2.0**back] * (depth - 1)
    if style == "rise":
        start = choose(generator, range(300, 470))
        return [2.0**start] + [2.0 ** -(start // max(depth - 1, 1))] * (depth - 1)
    return [2.0 ** choose(generator, range(-500, 400)) for _ in range(depth)]


def _make_special(generator, weight, bias):
    """Some neurons dead, some copies of others, some opposites of others up to the last bits."""
    for row in range(len(weight)):
        kind = choose(generator, ("plain", "plain", "dead", "copy", "opposite"))
        if kind == "dead":
            bias[row] = -1e6
        elif kind != "plain" and row:
            sign = 1.0 if kind == "copy" else -1.0
            nearly = choose(generator, (1.0, 1.0 + 2.0**-52, 1.0 - 2.0**-40))
            weight[row], bias[row] = sign * nearly * weight[row - 1], sign * bias[row - 1]


def _place_kinks(generator, weight, bias, latent, vectors, epsilon):
    """Some first-layer neurons are zero exactly (or nearly) at the centre or at an end of the set."""
    for row in range(len(weight)):
        if chance(generator, 0.3):
            share = choose(generator, (-1.0, 0.0, 1.0, 0.5))
            at = latent[0] + share * epsilon * vectors[0]
            bias[row] = -(weight[row] @ at) * choose(generator, (1.0, 1.0, 1.0 + 2.0**-50))
