"""Encoders with random weights whose batch norms have statistics, as after training."""

import torch

from producer.encoder import Encoder, EncoderConfig
from shared_spec.rng import torch_generator


def random_net(seed=0, q=24, hidden=(16, 12), d=8, scale=1.0):
    """An encoder in `eval` whose statistics are those of latents of this scale."""
    generator = torch_generator(seed, "test.smoothing-net")
    encoder = Encoder(EncoderConfig(input_dim=q, hidden=hidden, output_dim=d), generator).train()
    for _ in range(5):
        encoder(scale * torch.randn(100, q, generator=generator))
    return encoder.eval()
