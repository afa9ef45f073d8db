"""The publication gate: what a flow must show before a spec is published from it.

A flow that does not invert, or whose ActNorm never saw data, gives latents that mean nothing, and common invertible
networks do fail to invert in floating point, more so away from the data (Behrmann et al., AISTATS 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from shared_spec.artifacts.quality import InversionError
from shared_spec.errors import ArtifactError
from shared_spec.flow import Glow, bits_per_dim, dequantise, preprocess
from shared_spec.similarity import SimilaritySet

__all__ = [
    "INVERSION_THRESHOLD",
    "FlowQuality",
    "check_flow",
    "flow_quality",
    "inversion_error",
    "require_invertible",
]

INVERSION_THRESHOLD = 1e-3
"""Largest inversion error that is published: 3% of the width of one 5-bit level."""

_BATCH = 128


@dataclass(frozen=True)
class FlowQuality:
    """Measurements of a flow on held-out images.

    Attributes:
        images: held-out images behind the figures.
        bits_per_dim: mean of (-log p(x) + q log 2^bits) / (q log 2) over them, dequantised.
        in_distribution: |D(E(x)) - x| on these images and, if a similarity set was given, on decoded points of S(x).
        out_of_distribution: the same on as many images of uniform noise.
    """

    images: int
    bits_per_dim: float
    in_distribution: InversionError
    out_of_distribution: InversionError


@torch.no_grad()
def inversion_error(flow: Glow, pixels: Tensor) -> InversionError:
    """|D(E(x)) - x| over all pixels of x [n, 3, S, S], in units of x, which spans one unit.

    The 99.9th percentile is an order statistic, never interpolated downwards. Errors that are not numbers count as
    infinite and raise, as InversionError holds finite numbers only.

    Raises:
        ArtifactError: an error is not finite.
    """
    parts = [(flow.decode(flow.encode(x)) - x).abs().cpu() for x in torch.split(pixels, _BATCH)]
    errors = torch.cat(parts).flatten().numpy()
    if not np.isfinite(errors).all():
        raise ArtifactError(
            "flow: decode(encode(x)) is not finite; train it again with a lower learning rate or additive coupling"
        )
    p999 = float(np.quantile(errors, 0.999, method="higher"))
    return InversionError(images=len(pixels), max=float(errors.max()), p999=p999)


@torch.no_grad()
def flow_quality(
    flow: Glow,
    images: Tensor,
    generator: torch.Generator,
    similarity: SimilaritySet | None = None,
) -> FlowQuality:
    """Measure bits per dimension and inversion errors, in f32 and on the flow's device.

    Args:
        flow: a trained flow.
        images: held-out images [n, 3, S, S] uint8, n >= 1.
        generator: of dequantisation noise, noise images and draws from S(x), on the images' device.
        similarity: if given, one uniform draw from each image's S(x) is decoded and inverted too.

    Raises:
        ArtifactError: as `check_flow`, or an error is not finite.
    """
    check_flow(flow)
    bits = flow.config.bits
    pixels = dequantise(preprocess(images, bits), generator, bits)
    log_prob = torch.cat([flow(x)[1] for x in torch.split(pixels, _BATCH)])
    measured = bits_per_dim(log_prob.double().mean(), flow.config.latent_dim, bits)
    inside = inversion_error(flow, pixels)
    if similarity is not None:
        moved = _decoded_points(flow, pixels, similarity, generator)
        along = inversion_error(flow, moved)
        inside = InversionError(
            images=inside.images + along.images,
            max=max(inside.max, along.max),
            p999=max(inside.p999, along.p999),
        )
    noise = torch.rand(pixels.shape, generator=generator, device=pixels.device) - 0.5
    outside = inversion_error(flow, noise)
    return FlowQuality(len(images), float(measured), inside, outside)


def _decoded_points(
    flow: Glow, pixels: Tensor, similarity: SimilaritySet, generator: torch.Generator
) -> Tensor:
    """D(z + sum t_i a_i) for one uniform draw of t per image."""
    t = similarity.uniform(len(pixels), generator)
    parts = [
        flow.decode(similarity.points(flow.encode(x), some).to(x.dtype))
        for x, some in zip(torch.split(pixels, _BATCH), torch.split(t, _BATCH), strict=True)
    ]
    return torch.cat(parts)


def check_flow(flow: Glow) -> None:
    """Refuse a flow whose outputs cannot mean anything.

    Raises:
        ArtifactError: a weight is not finite, or an ActNorm was never initialised.
    """
    for name, value in flow.state_dict().items():
        if not bool(torch.isfinite(value).all()):
            raise ArtifactError(
                f"flow: tensor {name} holds NaN or infinity, expected finite weights; train the flow again"
            )
        if name.endswith(".initialised") and not bool((value == 1).all()):
            raise ArtifactError(
                f"flow: tensor {name} is not all 1, so an ActNorm never saw data; train the flow before publishing it"
            )


def require_invertible(quality: FlowQuality, threshold: float = INVERSION_THRESHOLD) -> None:
    """Refuse a flow that does not invert.

    Raises:
        ArtifactError: the largest inversion error, in or out of distribution, exceeds the threshold.
    """
    for where, error in (
        ("held-out images", quality.in_distribution),
        ("noise images", quality.out_of_distribution),
    ):
        if not error.max <= threshold:
            raise ArtifactError(
                f"flow: decode(encode(x)) is off by {error.max:.3g} on {where}, expected at most {threshold:g}; train "
                "it with additive coupling or a lower learning rate"
            )
