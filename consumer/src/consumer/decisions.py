"""What is decided, from what: bounds of individuals, draws of a smoothed head, and decisions with their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from consumer.radius.noise import Streams
from shared_spec.rng import stream
from shared_spec.sampling import Sampling
from shared_spec.seeds import Seed
from shared_spec.terms import Status

__all__ = ["BALL", "TUBE", "Bounds", "Decisions", "Draws"]

BALL, TUBE = " ball", " tube"
"""What ends the name of a deterministic decision's method."""


@dataclass(frozen=True)
class Bounds:
    """What the producer states about n individuals in one view.

    Attributes:
        points: where the model predicts [n, d]: the centre (smoothing), or R(z) (exact).
        centres: centres of the balls [n, d].
        radii: d_cs [n] float64.
        status: codes of `BoundStatus` [n].
        tube: vertices [n, m, d] of polyline tubes, or None.
        affine: affine tubes [n, 1 + k, d], a centre c and generators E_i of {c + sum s_i E_i : ||s||_2 <= 1}, or None.
        delta: tube radii [n], or None.
        place: where in the similarity set the vertices of a polyline tube are representations [n, m], or None.
        epsilon: of the similarity set, where every point of it is bounded at once (Statement X); else None.
        along_vector: whether a place is t / epsilon, of one attribute vector.
    """

    points: Tensor
    centres: Tensor
    radii: Tensor
    status: Tensor
    tube: Tensor | None = None
    affine: Tensor | None = None
    delta: Tensor | None = None
    place: Tensor | None = None
    epsilon: float | None = None
    along_vector: bool = False


@dataclass(frozen=True)
class Draws:
    """How the smoothed head is sampled: its noise, the counts and levels, and the root of the streams."""

    sigma_rs: float
    sampling: Sampling
    seed: Seed

    def streams(self, purpose: str, sample_ids: Sequence[str]) -> Streams:
        """One stream per individual."""
        return [stream(self.seed, purpose, sample_id) for sample_id in sample_ids]


@dataclass(frozen=True)
class Decisions:
    """What was decided for each individual, and why.

    Attributes:
        prediction: class codes [n], -1 where the model abstains.
        status: of `Status` [n].
        reason: why not certified [n]; empty where certified.
        method: how it was decided [n].
        d_rs: certified radius of the head around the centre [n], rounded down, or None where only decisions were asked.
        samples: noisy samples behind the decision [n].
        successes: those among them on which the predicted class won [n].
        smoothed: whether the certified head is the smoothed one.
        witness: where in the similarity set somebody is decided otherwise [n], NaN where nobody is known; or None.
        epsilon: the largest epsilon that is known to be certified [n], NaN where none is; or None.
    """

    prediction: npt.NDArray[np.int64]
    status: npt.NDArray[np.str_]
    reason: npt.NDArray[np.str_]
    method: npt.NDArray[np.str_]
    d_rs: npt.NDArray[np.float64] | None
    samples: npt.NDArray[np.int64]
    successes: npt.NDArray[np.int64]
    smoothed: bool
    witness: npt.NDArray[np.float64] | None = None
    epsilon: npt.NDArray[np.float64] | None = None

    @property
    def certified(self) -> int:
        """How many individuals are certified."""
        return int((self.status == Status.CERTIFIED).sum())
