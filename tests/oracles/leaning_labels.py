"""A small problem to train encoders on, in which whoever does not care for fairness discriminates."""

import torch

from producer.batches import LabelledLatents
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet


def problem(n=600, q=20, k=1, seed=0):
    """Latents whose label leans on the sensitive direction, so that a naive encoder discriminates."""
    generator = torch_generator(seed, "test.problem")
    vectors = torch.randn(k, q, generator=generator)
    z = (
        torch.randn(n, q, generator=generator)
        + torch.randn(n, 1, generator=generator) * vectors[:1]
    )
    w = torch.randn(q, generator=generator)
    score = z @ w / w.norm() + z @ vectors[0] / vectors[0].norm()
    return LabelledLatents(z, {"task": (score > 0).long()}), SimilaritySet(vectors, 1.0)
