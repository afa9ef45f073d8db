"""The ceiling of every certificate: how many individuals a dense attack on S(x) cannot move to another decision.

Nobody but a demo can run this: it needs the encoder, the latents and the head, which belong to different parties.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from consumer import load_head
from producer import load_encoder
from shared_spec import load_bundle, load_spec
from shared_spec.chains import ChainSet
from shared_spec.data import open_source
from shared_spec.latents import encode_chains, encode_images
from shared_spec.rng import torch_generator
from shared_spec.similarity import ball_grid, uniform_ball

__all__ = ["empirically_fair", "exported_ids", "latents_of"]

_BATCH = 64


def latents_of(spec_path: Path, data: str, split: str, sample_ids: Sequence[str]) -> torch.Tensor:
    """Z = E(x) of these individuals, [n, q]; along chains with those of their edited images, [n, 1 + v, q]."""
    spec = load_spec(spec_path)
    source = open_source(data, spec.flow.config.size)
    place = {sample_id: row for row, sample_id in enumerate(source.sample_ids(split))}
    rows = np.array([place[sample_id] for sample_id in sample_ids])
    if isinstance(spec.similarity, ChainSet):
        return encode_chains(spec.flow, spec.similarity, source, split, rows)
    return encode_images(spec.flow, source.images(split, rows))


def empirically_fair(
    spec_path: Path, model: Path, certificate: Path, latents: torch.Tensor
) -> npt.NDArray[np.bool_]:
    """Whether C(R(z')) is the same at many points z' of S(x), for latents of `latents_of`.

    The points are 401 along a vector, 2,000 in the ball of several, or 101 per segment of a chain.
    """
    similarity = load_spec(spec_path).similarity
    encoder, head = load_encoder(model).folded, load_head(certificate).frozen()

    def preactivations(first: torch.Tensor) -> torch.Tensor:
        """Of the points of one individual, its own first, from those of its latents."""
        if isinstance(similarity, ChainSet):
            corners = similarity.corners(first[None])[0]
            shares = torch.linspace(0, 1, 101, dtype=torch.float64)[:, None, None, None]
            between = torch.lerp(corners[:, :-1], corners[:, 1:], shares).flatten(0, 2)
            return torch.cat([first[:1], between])
        return first + moves

    moves = torch.zeros(0)
    if not isinstance(similarity, ChainSet):
        if similarity.k == 1:
            t = ball_grid(401, 1) * similarity.epsilon
        else:
            inside = uniform_ball(1000, similarity.k, torch_generator(0, "examples.attack"))
            sphere = inside / inside.norm(dim=1, keepdim=True)
            t = torch.cat([torch.zeros(1, similarity.k), inside, sphere]) * similarity.epsilon
        moves = t @ encoder.directions(similarity.vectors)
    fair = []
    for part in torch.split(latents, _BATCH):
        for first in encoder.first_layer(part):
            decisions = head.predict(encoder.tail(preactivations(first)))
            fair.append(bool((decisions == decisions[0]).all()))
    return np.array(fair)


def exported_ids(reps: Path, split: str = "test") -> Sequence[str]:
    """The individuals of a bundle."""
    return load_bundle(reps).sample_ids(split)
