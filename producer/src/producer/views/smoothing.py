"""The smoothing view: a centre per individual and a radius that bounds where the smoothed encoder sends its similars.

Center smoothing (paper, section 4.4) of an encoder along a similarity set. Three streams of draws per individual, for
centre, check and radius, are never shared, and all are keyed by the individual's id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from producer.views.bound import certify, predict
from producer.views.plan import make_plan
from producer.views.sampling import (
    RepresentationMap,
    draws,
    evaluation_errors,
    representation_map,
)
from producer.views.statements import Plan, SmoothingSettings
from shared_spec.artifacts.bundle import UNBOUNDED
from shared_spec.errors import DataError, SettingsError
from shared_spec.relu_network import ReluNetwork
from shared_spec.similarity import SimilaritySet

__all__ = [
    "ABSTAIN",
    "BOUNDED",
    "SmoothingPredictions",
    "SmoothingView",
    "certify_smoothing",
    "predict_smoothing",
]

BOUNDED = "BOUNDED"
ABSTAIN = "ABSTAIN"


@dataclass(frozen=True)
class SmoothingView:
    """The view of n individuals.

    Attributes:
        centre: [n, d] float32.
        radius: [n] float64, an upper bound; the largest finite float64 for whoever abstains.
        status: BOUNDED or ABSTAIN, n of them.
        plan: the statement with its failure probabilities, and the counts common to all.
        quantile: D_(k) [n] float64, finite as `radius` is.
        ball_radius: r' [n] float64, likewise.
        ball_count: [n] int64, fresh points within r'.
    """

    centre: Tensor
    radius: Tensor
    status: tuple[str, ...]
    plan: Plan
    quantile: Tensor
    ball_radius: Tensor
    ball_count: Tensor


@dataclass(frozen=True)
class SmoothingPredictions:
    """Answers of the deployed smoothed encoder: centre [n, d] float32; BOUNDED (answered) or ABSTAIN, n of them."""

    centre: Tensor
    status: tuple[str, ...]


def certify_smoothing(
    encoder: ReluNetwork,
    latents: Tensor,
    sample_ids: Sequence[str],
    similarity: SimilaritySet,
    settings: SmoothingSettings,
    seed: int,
    *,
    progress: Callable[[int], None] | None = None,
) -> SmoothingView:
    """Bounds, per individual, where the smoothed encoder sends all similar individuals.

    Guarantee: the statement in the returned plan, per individual, with failure probability at most settings.alpha over
    the draws, which pseudo-random streams stand in for. An individual's result depends on the seed, its id and its
    latent, and not on who else is asked for, in which order or by how many processes.

    Args:
        encoder: R, folded.
        latents: [n, q] of any floating type.
        sample_ids: n different ids.
        similarity: S(x).
        settings: see there.
        seed: of the run; never reuse one to certify the same individual until the result pleases.
        progress: called with the number of individuals done.

    Raises:
        SettingsError: settings that could only abstain.
        DataError: latents of another shape, or not finite.
    """
    plan = make_plan(settings, similarity.epsilon)
    directions = encoder.directions(similarity.vectors)
    error = evaluation_errors(encoder, similarity, plan.sigma)
    bounds = []
    for latent, offset, sample_id in _individuals(encoder, latents, sample_ids):
        t0, t1, t = (
            draws(seed, f"smoothing.{purpose}", sample_id, n, similarity.k, plan.sigma)
            for purpose, n in (("centre", plan.n0), ("check", plan.n1), ("radius", plan.n))
        )
        g = _map(encoder, offset, directions, t0, t1, t)
        bounds.append(certify(g, plan, t0, t1, t, error(latent, offset)))
        if progress is not None:
            progress(len(bounds))
    return SmoothingView(
        centre=_stack([bound.prediction.centre for bound in bounds], encoder),
        radius=_finite([bound.radius for bound in bounds]),
        status=tuple(BOUNDED if bound.bounded else ABSTAIN for bound in bounds),
        plan=plan,
        quantile=_finite([bound.quantile for bound in bounds]),
        ball_radius=_finite([bound.prediction.ball_radius for bound in bounds]),
        ball_count=torch.tensor(
            [bound.prediction.ball_count for bound in bounds], dtype=torch.int64
        ),
    )


def predict_smoothing(
    encoder: ReluNetwork,
    latents: Tensor,
    query_ids: Sequence[str],
    similarity: SimilaritySet,
    settings: SmoothingSettings,
    seed: int,
) -> SmoothingPredictions:
    """The deployed smoothed encoder at any latents: what statements `D` and `paper` speak of at x'.

    Its streams are its own: a query is independent of every certificate, whatever the seeds and ids.

    Args:
        encoder: R, folded.
        latents: [n, q], for example points of S(x).
        query_ids: n different ids; the same id asks the same question again.
        similarity: gives the attribute vectors and epsilon.
        settings: as the certificates were made with.
        seed: of the predictor.

    Raises:
        SettingsError: settings that could only abstain, or statement `I`, whose model cannot be evaluated.
        DataError: latents of another shape, or not finite.
    """
    if settings.statement == "I":
        raise SettingsError(
            "statement I speaks of an ideal encoder, which cannot be evaluated: predict with statement D or paper"
        )
    plan = make_plan(settings, similarity.epsilon)
    directions = encoder.directions(similarity.vectors)
    answers = []
    for _, offset, query_id in _individuals(encoder, latents, query_ids):
        t0, t1 = (
            draws(seed, f"smoothing.query-{purpose}", query_id, n, similarity.k, plan.sigma)
            for purpose, n in (("centre", plan.n0), ("check", plan.n1))
        )
        answers.append(predict(_map(encoder, offset, directions, t0, t1), plan, t0, t1))
    return SmoothingPredictions(
        centre=_stack([answer.centre for answer in answers], encoder),
        status=tuple(BOUNDED if answer.answered else ABSTAIN for answer in answers),
    )


def _individuals(
    encoder: ReluNetwork, latents: Tensor, sample_ids: Sequence[str]
) -> Iterator[tuple[Tensor, Tensor, str]]:
    """Latent [q], u0 [h_1] and id, one individual at a time."""
    shape = tuple(latents.shape)
    if shape != (len(sample_ids), encoder.input_dim):
        raise DataError(
            f"the latents have shape {shape}: expected [{len(sample_ids)}, {encoder.input_dim}] for as many ids and "
            "this encoder"
        )
    if len(set(sample_ids)) != len(sample_ids):
        raise DataError(
            "a sample id occurs twice, so two individuals would share their draws: make the ids unique"
        )
    for latent, sample_id in zip(latents, sample_ids, strict=True):
        if not bool(torch.isfinite(latent).all()):
            raise DataError(f"the latent of {sample_id!r} is not finite: encode it again")
        # A product of its own per individual: within a batch the last bits would depend on who else is there.
        yield latent, encoder.first_layer(latent), sample_id


def _map(
    encoder: ReluNetwork, offset: Tensor, directions: Tensor, *coefficients: Tensor
) -> RepresentationMap:
    """G on the coefficients that will be asked for."""
    norms = [torch.linalg.vector_norm(t, dim=1).max() for t in coefficients if len(t)]
    return representation_map(encoder, offset, directions, float(torch.stack(norms).max()))


def _stack(centres: list[Tensor], encoder: ReluNetwork) -> Tensor:
    """[n, d] float32, also for nobody."""
    return torch.stack([torch.empty(encoder.output_dim), *(c.float() for c in centres)])[1:]


def _finite(values: list[float]) -> Tensor:
    """[n] float64, infinity as the largest finite number, so that it can be stored."""
    return torch.tensor(values, dtype=torch.float64).clamp_max(UNBOUNDED)
