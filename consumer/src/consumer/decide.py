"""One decision per individual: does the head answer the same on all that the producer says the similar people may be?

CERTIFIED needs a proof. The comparison with the certified radius is strict, and an individual without a usable bound
from the producer is never certified, whatever the head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from consumer.decisions import BALL, TUBE, Bounds, Decisions, Draws
from consumer.prefix import largest_epsilon
from consumer.radius.base import certify_base_ball, certify_base_tube
from consumer.radius.linear import certify_linear, certify_smoothed_linear, linear_radius
from consumer.radius.mlp import certify_mlp, mlp_radius
from consumer.radius.noise import NoisyHead
from consumer.radius.randomized import confirmed, randomized_radius, select_classes
from consumer.radius.region import affine_tube, ball
from consumer.radius.sequential import sequential_decision
from consumer.witnesses import find_witnesses
from shared_spec.frozen_head import FrozenHead
from shared_spec.terms import BoundStatus, RadiusMethod, Reason, Status

__all__ = ["decide"]


def decide(
    head: FrozenHead,
    bounds: Bounds,
    method: RadiusMethod,
    draws: Draws,
    sample_ids: Sequence[str],
) -> Decisions:
    """Decides every individual by one method.

    Guarantee: the head side of Statements D, I and X of docs/guarantees.md. For the deterministic methods, where
    CERTIFIED is returned C takes the predicted value on all of the producer's ball or tube: no failure probability. For
    the sampled methods the same holds for the smoothed head, except with probability at most `draws.sampling.alpha` per
    individual, over the samples of that individual's own stream; where `sequential` drew none, without exception.

    Raises:
        SettingsError: closed-form on a head that is not linear, or sampling without noise.
    """
    match method:
        case RadiusMethod.CLOSED_FORM | RadiusMethod.CROWN:
            found = _base(head, bounds, method)
        case RadiusMethod.SEQUENTIAL | RadiusMethod.RANDOMIZED:
            found = _sampled(head, bounds, method, draws, sample_ids)
        case _:
            assert_never(method)
    return _with_epsilon(head, bounds, _finish(bounds, found))


def _base(head: FrozenHead, bounds: Bounds, method: RadiusMethod) -> Decisions:
    """Deterministic decisions about C: by the ball and, where there is one, by the tube."""
    classes = head.predict(bounds.points)
    n = classes.numel()
    closed = method == RadiusMethod.CLOSED_FORM
    radius_of = linear_radius if closed else mlp_radius
    radius = radius_of(head, bounds.centres, classes)
    region = ball(bounds.centres, bounds.radii)
    by_ball = region.usable & (radius > region.delta)
    if not closed:
        # A proof about the ball itself can reach further than the one for the radius; a closed form is exact.
        left = torch.nonzero(~by_ball).flatten()
        by_ball[left] = certify_base_ball(
            head, bounds.centres[left], bounds.radii[left], classes[left]
        )
    by_tube = torch.zeros(n, dtype=torch.bool)
    left = torch.nonzero(~by_ball).flatten()
    if bounds.delta is not None and bounds.tube is not None:
        by_tube[left] = certify_base_tube(
            head, bounds.tube[left], bounds.delta[left], classes[left]
        )
    elif bounds.delta is not None and bounds.affine is not None:
        affine = bounds.affine[left]
        region = affine_tube(affine[:, 0], affine[:, 1:], 1.0, bounds.delta[left])
        certify = certify_linear if head.is_linear else certify_mlp
        by_tube[left] = certify(head, region, classes[left])
    certified = (by_ball | by_tube).numpy()
    far = Reason.FAR if closed else Reason.NOT_PROVED
    witness = np.full(n, np.nan)
    if bounds.tube is not None and bounds.place is not None:
        left = torch.nonzero(~(by_ball | by_tube)).flatten()
        found = find_witnesses(head, bounds.tube[left], bounds.place[left], classes[left])
        witness[left.numpy()] = found.numpy()
    why = np.where(np.isnan(witness), far, Reason.WITNESS)
    return Decisions(
        prediction=classes.numpy(),
        status=np.where(certified, Status.CERTIFIED, Status.NOT_CERTIFIED),
        reason=np.where(certified, Reason.NONE, why),
        method=np.where(by_tube.numpy(), f"{method}{TUBE}", f"{method}{BALL}"),
        d_rs=radius.numpy(),
        samples=np.zeros(n, dtype=np.int64),
        successes=np.zeros(n, dtype=np.int64),
        smoothed=False,
        witness=witness,
    )


def _sampled(
    head: FrozenHead,
    bounds: Bounds,
    method: RadiusMethod,
    draws: Draws,
    sample_ids: Sequence[str],
) -> Decisions:
    """Decisions about the smoothed head, by the ball."""
    sampling = draws.sampling
    noisy = NoisyHead(head, draws.sigma_rs)
    # Whoever asks for radii gets sampled ones, of everybody.
    proves = head.is_linear and method == RadiusMethod.SEQUENTIAL
    classes, known = _answers(noisy, bounds.points, draws, sample_ids, proves)
    if method == RadiusMethod.SEQUENTIAL:
        status, samples, successes = _tested(noisy, bounds, classes, draws, sample_ids, proves)
        d_rs = None
    else:
        test = draws.streams("consumer.test", sample_ids)
        radii = randomized_radius(
            noisy, bounds.centres, classes, sampling.samples, sampling.alpha, test
        )
        certified = ~radii.abstained & (bounds.radii.numpy() < radii.radius)
        status = np.where(
            certified,
            Status.CERTIFIED,
            np.where(radii.abstained, Status.ABSTAIN, Status.NOT_CERTIFIED),
        )
        d_rs = radii.radius
        samples, successes = np.full(len(classes), radii.samples), radii.successes
    known = known | (status == Status.CERTIFIED)
    return Decisions(
        prediction=np.where(known, classes.numpy(), -1),
        status=status,
        reason=np.array([_WHY[Status(found)] for found in status.tolist()]),
        method=np.full(len(classes), method.value),
        d_rs=d_rs,
        samples=samples,
        successes=successes,
        smoothed=True,
    )


def _answers(
    noisy: NoisyHead, points: Tensor, draws: Draws, sample_ids: Sequence[str], proves: bool
) -> tuple[Tensor, npt.NDArray[np.bool_]]:
    """What the smoothed head seems to answer [n], and where that is known: by proof, or by votes without doubt."""
    sampling, classes = draws.sampling, noisy.head(points).argmax(-1)
    known = _proved(noisy, points, torch.zeros(len(points)), classes, proves)
    left = np.flatnonzero(~known)
    streams = draws.streams("consumer.select", [sample_ids[row] for row in left.tolist()])
    voted, votes = select_classes(noisy, points[left], sampling.selection_samples, streams)
    classes[left], known[left] = voted, confirmed(votes, sampling.alpha)
    return classes, known


def _tested(
    noisy: NoisyHead,
    bounds: Bounds,
    classes: Tensor,
    draws: Draws,
    sample_ids: Sequence[str],
    proves: bool,
) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Status, samples and successes, all [n]: samples are drawn of those alone whom no proof settles."""
    n = len(classes)
    certified = _proved(noisy, bounds.centres, bounds.radii, classes, proves)
    # Of two classes the proof is complete: where it fails, samples could prove nothing.
    settled = certified | (proves and noisy.head.classes == 2)
    left = np.flatnonzero(~settled)
    tested = sequential_decision(
        noisy,
        bounds.centres[left],
        bounds.radii[left],
        classes[left],
        draws.sampling.alpha,
        draws.streams("consumer.test", [sample_ids[row] for row in left.tolist()]),
        cap=draws.sampling.samples,
    )
    status = np.where(certified, Status.CERTIFIED, Status.NOT_CERTIFIED)
    samples, successes = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    status[left], samples[left], successes[left] = tested.status, tested.samples, tested.successes
    return status, samples, successes


def _proved(
    noisy: NoisyHead, centres: Tensor, radii: Tensor, classes: Tensor, proves: bool
) -> npt.NDArray[np.bool_]:
    """Where a proof says that the smoothed head answers `classes` on the balls [n]; nowhere unless it `proves`."""
    if not proves:
        return np.zeros(len(classes), dtype=np.bool_)
    return certify_smoothed_linear(noisy.head, centres, radii, classes, noisy.sigma).numpy()


_WHY = {
    Status.CERTIFIED: Reason.NONE,
    Status.NOT_CERTIFIED: Reason.FAR,
    Status.ABSTAIN: Reason.HEAD_ABSTAINED,
    Status.UNDECIDED: Reason.HEAD_UNDECIDED,
}


def _finish(bounds: Bounds, decisions: Decisions) -> Decisions:
    """Takes back whatever was decided about individuals whom the producer did not bound, whatever the code says."""
    codes = bounds.status.numpy()
    bounded, abstained = codes == BoundStatus.BOUNDED, codes == BoundStatus.ABSTAIN
    other = np.where(abstained, Status.ABSTAIN, Status.UNDECIDED)
    why = np.where(abstained, Reason.PRODUCER_ABSTAINED, Reason.PRODUCER_UNDECIDED)
    return replace(
        decisions,
        prediction=np.where(abstained, -1, decisions.prediction),
        status=np.where(bounded, decisions.status, other),
        reason=np.where(bounded, decisions.reason, why),
        witness=None if decisions.witness is None else np.where(bounded, decisions.witness, np.nan),
    )


def _with_epsilon(head: FrozenHead, bounds: Bounds, decisions: Decisions) -> Decisions:
    """Adds, per individual, up to which epsilon the decision is certified: all of it, or as far as a tube shows."""
    if bounds.epsilon is None:
        return decisions
    found = np.where(decisions.status == Status.CERTIFIED, bounds.epsilon, np.nan)
    tube, place, delta = bounds.tube, bounds.place, bounds.delta
    deterministic = bounds.along_vector and not decisions.smoothed
    if deterministic and tube is not None and place is not None and delta is not None:
        left = np.flatnonzero(decisions.status == Status.NOT_CERTIFIED)
        index = torch.from_numpy(left)
        classes = torch.from_numpy(decisions.prediction)[index]
        found[left] = largest_epsilon(
            head, tube[index], place[index], delta[index], classes, bounds.epsilon
        ).numpy()
    return replace(decisions, epsilon=found)
