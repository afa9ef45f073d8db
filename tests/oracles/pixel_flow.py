"""A flow that is known by heart: latents are the pixels of tiny images, so that its decoder is linear."""

from types import SimpleNamespace

import torch

Q = 48
"""3 x 4 x 4: latents are the pixels of tiny images."""
SCALE = 64.0
"""Latent units per unit of a pixel; so large that the best classifier has small weights, soon reached by Adam."""


class PixelFlow(torch.nn.Module):
    """x <-> z by reshaping and scaling; with scale 1 exact on the grid of preprocessed pixels."""

    config = SimpleNamespace(bits=5, latent_dim=Q)

    def __init__(self, scale=SCALE):
        super().__init__()
        self.scale = scale
        self.place = torch.nn.Parameter(torch.zeros(()))

    def encode(self, x):
        return self.scale * x.flatten(1)

    def decode(self, z):
        return z.unflatten(1, (3, 4, 4)) / self.scale
