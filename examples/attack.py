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
from shared_spec.data import open_source
from shared_spec.flow import preprocess
from shared_spec.rng import torch_generator
from shared_spec.similarity import ball_grid, uniform_ball

__all__ = ["empirically_fair", "exported_ids", "latents_of"]

_BATCH = 64


def latents_of(spec_path: Path, data: str, split: str, sample_ids: Sequence[str]) -> torch.Tensor:
    """Z = E(x) of these individuals, [n, q]."""
    spec = load_spec(spec_path)
    source = open_source(data, spec.flow.config.size)
    place = {sample_id: row for row, sample_id in enumerate(source.sample_ids(split))}
    rows = np.array([place[sample_id] for sample_id in sample_ids])
    parts = []
    with torch.no_grad():
        for images in source.batches(split, 256, rows):
            parts.append(
                spec.flow.encode(preprocess(torch.from_numpy(images), spec.flow.config.bits))
            )
    return torch.cat(parts)


def empirically_fair(
    spec_path: Path, model: Path, certificate: Path, latents: torch.Tensor
) -> npt.NDArray[np.bool_]:
    """Whether C(R(z')) is the same at 401 points z' of S(x) (k = 1), or at 2,000 (k > 1), for latents [n, q]."""
    similarity = load_spec(spec_path).similarity
    encoder, head = load_encoder(model).folded, load_head(certificate).frozen()
    if similarity.k == 1:
        t = ball_grid(401, 1) * similarity.epsilon
    else:
        inside = uniform_ball(1000, similarity.k, torch_generator(0, "examples.attack"))
        sphere = inside / inside.norm(dim=1, keepdim=True)
        t = torch.cat([torch.zeros(1, similarity.k), inside, sphere]) * similarity.epsilon
    moves = t @ encoder.directions(similarity.vectors)
    fair = []
    for part in latents.split(_BATCH):
        starts = encoder.first_layer(part)
        for start in starts:
            decisions = head.predict(encoder.tail(start + moves))
            fair.append(bool((decisions == decisions[0]).all()))
    return np.array(fair)


def exported_ids(reps: Path, split: str = "test") -> Sequence[str]:
    """The individuals of a bundle."""
    return load_bundle(reps).sample_ids(split)
