"""The publication gate: what a flow must show before a spec is published from it.

A flow that does not invert, or whose ActNorm never saw data, gives latents that mean nothing, and common invertible
networks do fail to invert in floating point, more so away from the data (Behrmann et al., AISTATS 2021).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from shared_spec.artifacts.quality import InversionError, Quality
from shared_spec.device import to_host
from shared_spec.errors import ArtifactError
from shared_spec.flow import Glow, bits_per_dim, dequantise, preprocess
from shared_spec.flow.images import through
from shared_spec.similarity import SimilaritySet

__all__ = [
    "INVERSION_THRESHOLD",
    "check_flow",
    "flow_quality",
    "inversion_error",
    "require_invertible",
]

INVERSION_THRESHOLD = 1e-3
"""Largest inversion error that is published: 3% of the width of one 5-bit level."""

_BATCH = 128
_REMEDY = "train it again with a lower learning rate or additive coupling"


def inversion_error(flow: Glow, pixels: Tensor) -> InversionError:
    """|D(E(x)) - x| over all pixels of x [n, 3, S, S], in units of x, which spans one unit.

    The 99.9th percentile is an order statistic, never interpolated downwards. Errors that are not numbers count as
    infinite and raise, as InversionError holds finite numbers only.

    Raises:
        ArtifactError: an error is not finite.
    """
    off = through(flow, lambda x: (flow.decode(flow.encode(x)) - x).abs(), pixels, _BATCH)
    errors = off.flatten().numpy()
    if not np.isfinite(errors).all():
        raise ArtifactError(f"flow: decode(encode(x)) is not finite; {_REMEDY}")
    p999 = float(np.quantile(errors, 0.999, method="higher"))
    return InversionError(images=len(pixels), max=float(errors.max()), p999=p999)


def flow_quality(
    flow: Glow,
    images: Tensor,
    generator: torch.Generator,
    similar: SimilaritySet | Tensor | None = None,
) -> Quality:
    """Measure bits per dimension and inversion errors, in f32 and on the flow's device.

    Args:
        flow: a trained flow.
        images: held-out images [n, 3, S, S] uint8, n >= 1.
        generator: CPU generator of dequantisation noise, noise images and draws from S(x).
        similar: if given, one uniform draw from each image's S(x), or these images [m, 3, S, S], are inverted too.

    Returns:
        Mean bits per dimension of the dequantised images, and |D(E(x)) - x| on these images, on the decoded points of
        S(x), and on as many images of uniform noise.

    Raises:
        ArtifactError: as `check_flow`, or an error is not finite.
    """
    check_flow(flow)
    bits = flow.config.bits
    pixels = dequantise(preprocess(images, bits), generator, bits)
    log_prob = through(flow, lambda x: flow(x)[1], pixels, _BATCH)
    measured = float(bits_per_dim(log_prob.double().mean(), flow.config.latent_dim, bits))
    if not math.isfinite(measured):
        raise ArtifactError(
            f"flow: held-out images cost {measured} bits per dimension, which is not finite; {_REMEDY}"
        )
    inside = inversion_error(flow, pixels)
    if similar is not None:
        if isinstance(similar, SimilaritySet):
            t = similar.uniform(len(pixels), generator)
            moved = similar.points(through(flow, flow.encode, pixels, _BATCH), t)
            moved_pixels = through(flow, flow.decode, moved.to(pixels.dtype), _BATCH)
        else:
            moved_pixels = preprocess(similar, bits)
        along = inversion_error(flow, moved_pixels)
        inside = InversionError(
            images=inside.images + along.images,
            max=max(inside.max, along.max),
            p999=max(inside.p999, along.p999),
        )
    noise = torch.rand(pixels.shape, generator=generator) - 0.5
    return Quality(
        images=len(images),
        bits_per_dim=measured,
        in_distribution=inside,
        out_of_distribution=inversion_error(flow, noise),
        threshold=INVERSION_THRESHOLD,
    )


def check_flow(flow: Glow) -> None:
    """Refuse a flow whose outputs cannot mean anything.

    Raises:
        ArtifactError: a weight is not finite, or an ActNorm was never initialised.
    """
    for name, weights in flow.state_dict().items():
        value = to_host(weights)
        if not bool(torch.isfinite(value).all()):
            raise ArtifactError(
                f"flow: tensor {name} holds NaN or infinity, expected finite weights; train the flow again"
            )
        if name.endswith(".initialised") and not bool((value == 1).all()):
            raise ArtifactError(
                f"flow: tensor {name} is not all 1, so an ActNorm never saw data; train the flow before publishing it"
            )


def require_invertible(quality: Quality) -> None:
    """Refuse a flow that does not invert.

    Raises:
        ArtifactError: the largest inversion error, in or out of distribution, exceeds the threshold.
    """
    threshold = quality.threshold
    for where, error in (
        ("held-out images", quality.in_distribution),
        ("noise images", quality.out_of_distribution),
    ):
        if not error.max <= threshold:
            raise ArtifactError(
                f"flow: decode(encode(x)) is off by {error.max:.3g} on {where}, "
                f"expected at most {threshold:g}; {_REMEDY}"
            )
