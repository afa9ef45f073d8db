"""Encoders of the paper's shape whose weights look trained, on synthetic Gaussian latents.

Certificates are cheap on random weights and dear on naive ones, so a benchmark on random weights would say little.
A hundred steps suffice: what matters is how much the attribute vectors move the first layer and the representation.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from shared_spec.relu_network import ReluNetwork
from shared_spec.rng import torch_generator

__all__ = ["PAPER", "trained_like"]

PAPER = (12288, 2048, 1024, 512)
"""Widths of the paper's encoder: q, h_1, h_2, d."""


def trained_like(
    widths: tuple[int, ...], attributes: int, fair: bool, seed: int, steps: int = 100
) -> tuple[ReluNetwork, Tensor, Tensor]:
    """An encoder after `steps` steps of LASSI-like (fair) or plain training.

    Returns:
        The encoder, attribute vectors [k, q] of norm 0.09 sqrt(q), and 512 fresh latents [512, q] float32.
    """
    generator = torch_generator(seed, "benchmark-weights")
    dimension = widths[0]

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    directions = nn.functional.normalize(normal(attributes + 1, dimension))
    vectors = directions[:attributes] * (0.09 * dimension**0.5)
    layers = []
    for inner, outer in pairwise(widths):
        layer = nn.Linear(inner, outer)
        nn.init.normal_(layer.weight, std=(2.0 / inner) ** 0.5, generator=generator)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    encoder = nn.Sequential(*layers[:-1])
    head = nn.Linear(widths[-1], 2)
    nn.init.normal_(head.weight, std=widths[-1] ** -0.5, generator=generator)
    optimiser = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=1e-3)
    for _ in range(steps):
        signs = torch.randint(0, 2, (64, attributes), generator=generator).float() * 2 - 1
        latents = normal(64, dimension) + 0.5 * signs @ vectors
        score = 3.0 * latents @ directions[-1] + 0.5 * signs.sum(1)
        representation = encoder(latents)
        loss = nn.functional.cross_entropy(head(representation), (score > 0).long())
        if fair:
            shift = nn.functional.normalize(normal(64, attributes)) @ vectors
            loss = loss + 0.03 * (encoder(latents + shift) - representation).norm(dim=1).mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    linear = [layer for layer in encoder if isinstance(layer, nn.Linear)]
    folded = ReluNetwork(
        tuple(layer.weight.detach().double() for layer in linear),
        tuple(layer.bias.detach().double() for layer in linear),
    )
    return folded, vectors, normal(512, dimension)
