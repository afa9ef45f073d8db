"""Heads with random weights, and individuals with the classes that such a head gives them."""

from itertools import pairwise

import torch

from consumer.head import FrozenHead


def random_mlp(generator, *widths, scale=1.0):
    """The head of these widths, inputs first; `scale` is of weights and biases."""
    draw = [torch.randn(o, i, generator=generator) / i**0.5 for i, o in pairwise(widths)]
    shift = [0.3 * torch.randn(o, generator=generator) for o in widths[1:]]
    return FrozenHead(
        tuple(scale * w.to(torch.float64) for w in draw),
        tuple(scale * b.to(torch.float64) for b in shift),
    )


def individuals(generator, head, count):
    """Centres [count, d], and the classes that the head gives them."""
    centres = torch.randn(count, head.input_dim, generator=generator, dtype=torch.float64)
    return centres, head.predict(centres)
