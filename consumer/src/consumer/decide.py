"""One decision per individual: does the head answer the same on all that the producer says the similar people may be?

CERTIFIED needs a proof. The comparison with the certified radius is strict, and an individual without a usable bound
from the producer is never certified, whatever the head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from consumer.head import FrozenHead
from consumer.radius.base import certify_base_ball, certify_base_tube
from consumer.radius.crown import certify_crown, crown_radius
from consumer.radius.linear import certify_linear, linear_radius
from consumer.radius.noise import NoisyHead, Streams
from consumer.radius.randomized import randomized_radius, select_classes
from consumer.radius.region import affine_tube
from consumer.radius.sequential import sequential_decision
from shared_spec.artifacts.bundle import BOUND_STATUS
from shared_spec.errors import SettingsError
from shared_spec.rng import numpy_generator

__all__ = ["BASE_METHODS", "METHODS", "Bounds", "Decisions", "Sampling", "decide"]

BASE_METHODS = ("closed-form", "crown")
"""Deterministic methods; they certify the head C itself."""

METHODS = (*BASE_METHODS, "sequential", "randomized")
"""All methods; the sampled ones certify the smoothed head, which answers what C answers most often under noise."""

_ABSTAINED, _UNDECIDED = BOUND_STATUS.index("ABSTAIN"), BOUND_STATUS.index("UNDECIDED")


@dataclass(frozen=True)
class Bounds:
    """What the producer states about n individuals in one view.

    Attributes:
        points: where the model predicts [n, d]: the centre (smoothing), or R(z) (exact).
        centres: centres of the balls [n, d].
        radii: d_cs [n] float64.
        status: codes of `BOUND_STATUS` [n].
        tube: vertices [n, m, d] of polyline tubes, or None.
        affine: affine tubes [n, 1 + k, d], a centre c and generators E_i of {c + sum s_i E_i : ||s||_2 <= 1}, or None.
        delta: tube radii [n], or None.
    """

    points: Tensor
    centres: Tensor
    radii: Tensor
    status: Tensor
    tube: Tensor | None = None
    affine: Tensor | None = None
    delta: Tensor | None = None


@dataclass(frozen=True)
class Sampling:
    """Settings of the sampled methods: the paper's alpha_rs, n0 to choose the class and n to certify it."""

    alpha: float = 0.001
    selection_samples: int = 2_000
    samples: int = 100_000


@dataclass(frozen=True)
class Decisions:
    """What was decided for each individual, and why.

    Attributes:
        prediction: class codes [n], -1 where the model abstains.
        status: of `shared_spec.artifacts.certificate.STATUSES` [n].
        reason: why not certified [n]; empty where certified.
        method: how it was decided [n].
        d_rs: certified radius of the head around the centre [n], rounded down, or None where only decisions were asked.
        samples: noisy samples behind the decision [n].
        successes: those among them on which the predicted class won [n].
        smoothed: whether the certified head is the smoothed one.
        alpha: failure probability per event and individual that the head's side spends.
    """

    prediction: npt.NDArray[np.int64]
    status: npt.NDArray[np.str_]
    reason: npt.NDArray[np.str_]
    method: npt.NDArray[np.str_]
    d_rs: npt.NDArray[np.float64] | None
    samples: npt.NDArray[np.int64]
    successes: npt.NDArray[np.int64]
    smoothed: bool
    alpha: Mapping[str, float] = field(default_factory=dict)

    @property
    def certified(self) -> int:
        """How many individuals are certified."""
        return int((self.status == "CERTIFIED").sum())

    @staticmethod
    def join(parts: Sequence[Decisions]) -> Decisions:
        """The decisions of several groups of individuals, made by one method, in order."""

        def joined(name: str) -> Any:  # noqa: ANN401 - the type of the field
            return np.concatenate([getattr(part, name) for part in parts])

        return replace(
            parts[0],
            **{
                name: joined(name)
                for name in ("prediction", "status", "reason", "method", "samples", "successes")
            },
            d_rs=None if parts[0].d_rs is None else joined("d_rs"),
        )


def decide(
    head: FrozenHead,
    bounds: Bounds,
    method: str,
    sigma_rs: float,
    sampling: Sampling,
    seed: int,
    sample_ids: Sequence[str],
) -> Decisions:
    """Decides every individual by one method.

    Guarantee: the head side of Statements D, I and X of docs/guarantees.md. For the methods in `BASE_METHODS`, where
    CERTIFIED is returned C takes the predicted value on all of the producer's ball or tube: no failure probability. For
    the sampled methods the same holds for the smoothed head, except with probability at most `sampling.alpha` per
    individual, over the samples of that individual's own stream.

    Raises:
        SettingsError: for an unknown method, closed-form on a head that is not linear, or sampling without noise.
    """
    if method not in METHODS:
        raise SettingsError(f"radius method {method!r}: expected one of {', '.join(METHODS)}")
    if method in BASE_METHODS:
        return _finish(bounds, _base(head, bounds, method))
    return _finish(bounds, _sampled(head, bounds, method, sigma_rs, sampling, seed, sample_ids))


def _base(head: FrozenHead, bounds: Bounds, method: str) -> Decisions:
    """Deterministic decisions about C: by the ball and, where there is one, by the tube."""
    classes = head.predict(bounds.points)
    n = classes.numel()
    radius_of = linear_radius if method == "closed-form" else crown_radius
    radius = radius_of(head, bounds.centres, classes)
    # CROWN's bisection for the radius stops a little early, so the ball itself is asked about.
    by_ball = certify_base_ball(head, bounds.centres, bounds.radii, classes)
    by_tube = torch.zeros(n, dtype=torch.bool)
    left = torch.nonzero(~by_ball).flatten()
    if bounds.delta is not None and bounds.tube is not None:
        by_tube[left] = certify_base_tube(
            head, bounds.tube[left], bounds.delta[left], classes[left]
        )
    elif bounds.delta is not None and bounds.affine is not None:
        affine = bounds.affine[left]
        region = affine_tube(affine[:, 0], affine[:, 1:], 1.0, bounds.delta[left])
        certify = certify_linear if head.is_linear else certify_crown
        by_tube[left] = certify(head, region, classes[left])
    certified = (by_ball | by_tube).numpy()
    far = "d_cs >= d_rs" if method == "closed-form" else "not proved"
    return Decisions(
        prediction=classes.numpy(),
        status=np.where(certified, "CERTIFIED", "NOT_CERTIFIED"),
        reason=np.where(certified, "", far),
        method=np.where(by_tube.numpy(), f"{method} tube", f"{method} ball"),
        d_rs=radius.numpy(),
        samples=np.zeros(n, dtype=np.int64),
        successes=np.zeros(n, dtype=np.int64),
        smoothed=False,
    )


def _sampled(
    head: FrozenHead,
    bounds: Bounds,
    method: str,
    sigma_rs: float,
    sampling: Sampling,
    seed: int,
    sample_ids: Sequence[str],
) -> Decisions:
    """Decisions about the smoothed head, by the ball."""

    def streams(purpose: str) -> Streams:
        return [numpy_generator(seed, purpose, sample_id) for sample_id in sample_ids]

    noisy = NoisyHead(head, sigma_rs)
    classes, _ = select_classes(
        noisy, bounds.points, sampling.selection_samples, streams("consumer.select")
    )
    test = streams("consumer.test")
    alpha = {"head's radius": sampling.alpha}
    if method == "sequential":
        result = sequential_decision(
            noisy, bounds.centres, bounds.radii, classes, sampling.alpha, test, cap=sampling.samples
        )
        return Decisions(
            prediction=classes.numpy(),
            status=result.status,
            reason=np.where(
                result.status == "CERTIFIED",
                "",
                np.where(
                    result.status == "UNDECIDED",
                    "head undecided within its samples",
                    "d_cs >= d_rs",
                ),
            ),
            method=np.full(len(classes), "sequential"),
            d_rs=None,
            samples=result.samples,
            successes=result.successes,
            smoothed=True,
            alpha=alpha,
        )
    radii = randomized_radius(
        noisy, bounds.centres, classes, sampling.samples, sampling.alpha, test
    )
    certified = ~radii.abstained & (bounds.radii.numpy() < radii.radius)
    status = np.where(certified, "CERTIFIED", np.where(radii.abstained, "ABSTAIN", "NOT_CERTIFIED"))
    return Decisions(
        prediction=np.where(radii.abstained, -1, classes.numpy()),
        status=status,
        reason=np.where(certified, "", np.where(radii.abstained, "head abstained", "d_cs >= d_rs")),
        method=np.full(len(classes), "randomized"),
        d_rs=radii.radius,
        samples=np.full(len(classes), radii.samples),
        successes=radii.successes,
        smoothed=True,
        alpha=alpha,
    )


def _finish(bounds: Bounds, decisions: Decisions) -> Decisions:
    """Takes back whatever was decided about individuals whom the producer could not bound."""
    abstained = (bounds.status == _ABSTAINED).numpy()
    undecided = (bounds.status == _UNDECIDED).numpy()
    status = np.where(abstained, "ABSTAIN", np.where(undecided, "UNDECIDED", decisions.status))
    reason = np.where(
        abstained, "producer abstained", np.where(undecided, "producer undecided", decisions.reason)
    )
    prediction = np.where(abstained, -1, decisions.prediction)
    return replace(decisions, prediction=prediction, status=status, reason=reason)
