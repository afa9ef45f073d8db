"""The smoothing view: a centre per individual and a radius that bounds where the smoothed encoder sends its similars.

Center smoothing (paper, section 4.4) of an encoder along a similarity set. Three streams of draws per individual, for
centre, check and radius, are never shared, and all are keyed by the individual's id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from producer.views.smoothing.center_smoothing import Bound, Prediction, certify, predict
from producer.views.smoothing.sampling import (
    RepresentationMap,
    draws,
    evaluation_errors,
    representation_map,
)
from producer.views.view import View, ViewBounds
from shared_spec.abreast import abreast
from shared_spec.arithmetic import full_precision
from shared_spec.artifacts.bundle import UNBOUNDED
from shared_spec.artifacts.bundle_documents import ViewEntry
from shared_spec.chains import ChainSet, Similarity
from shared_spec.device import to_host
from shared_spec.errors import DataError, SettingsError
from shared_spec.progress import Advance
from shared_spec.relu_network import ReluNetwork
from shared_spec.rounding import norm_above
from shared_spec.seeds import Seed
from shared_spec.similarity import SimilaritySet
from shared_spec.smoothing.plan import make_plan
from shared_spec.smoothing.settings import SmoothingSettings
from shared_spec.statements import words_of
from shared_spec.terms import BoundStatus, Statement, ViewName
from shared_spec.view_plans import smoothing_settings
from shared_spec.views import contract_of

__all__ = ["SmoothingPredictions", "SmoothingView"]


@dataclass(frozen=True)
class SmoothingPredictions:
    """Answers of the deployed smoothed encoder.

    Attributes:
        centre: [n, d] float32.
        status: [n] uint8 codes: BOUNDED for an answer, or ABSTAIN.
    """

    centre: Tensor
    status: Tensor


class SmoothingView(View[SmoothingSettings]):
    """Statements D, I and paper (docs/guarantees.md, A.3 and A.4): center smoothing, with a failure probability."""

    contract = contract_of(ViewName.SMOOTHING)
    settings_type = SmoothingSettings
    cost = 2

    @classmethod
    def stated(cls, entry: ViewEntry) -> Self:
        """The view whose plan a manifest states. Raises SettingsError if there is none."""
        return cls(smoothing_settings(entry))

    def entry(self, similarity: Similarity, splits: Sequence[str]) -> ViewEntry:
        """What the manifest says. Raises SettingsError for settings that only abstain, or that no reader takes."""
        epsilon = _translations(similarity).epsilon
        plan = make_plan(self.settings, epsilon)
        entry = ViewEntry(
            statement=plan.statement,
            sentence=words_of(plan.statement).sentence,
            alpha=dict(plan.events),
            settings=plan.numbers(),
            splits=tuple(splits),
        )
        if problem := self.contract.check_entry(entry, epsilon):
            raise SettingsError(f"the smoothing view: {problem}")
        return entry

    @full_precision()
    def bound(
        self,
        encoder: ReluNetwork,
        latents: Tensor,
        sample_ids: Sequence[str],
        similarity: Similarity,
        seed: Seed,
        advance: Advance = lambda done, word: None,
    ) -> ViewBounds:
        """Bounds, per individual, where the smoothed encoder sends all similar individuals.

        Guarantee: the statement of the settings, per individual, with failure probability at most their alpha over the
        draws, which pseudo-random streams stand in for. An individual's result depends on the seed, its id and its
        latent, and not on who else is asked for, in which order or by how many processes.

        Arguments and errors are those of `View.bound`.
        """
        similarity = _translations(similarity)
        plan = make_plan(self.settings, similarity.epsilon)
        directions = encoder.directions(similarity.vectors)
        error = evaluation_errors(encoder, similarity, plan.sigma)

        def around(individual: tuple[Tensor, str]) -> Bound:
            latent, sample_id = individual
            t0, t1, t = (
                draws(seed, f"smoothing.{purpose}", sample_id, n, similarity.k, plan.sigma).to(
                    encoder.device
                )
                for purpose, n in (("centre", plan.n0), ("check", plan.n1), ("radius", plan.n))
            )
            offset = encoder.first_layer(latent)
            g = _map(encoder, offset, directions, t0, t1, t)
            return certify(g, plan, t0, t1, t, error(latent, offset))

        bounds: list[Bound] = []
        individuals = _individuals(encoder, latents, sample_ids)
        for bound in abreast(around, individuals, encoder.device):
            bounds.append(bound)
            advance(len(bounds), "")
        predictions = [bound.prediction for bound in bounds]
        return ViewBounds(
            centre=_stack(predictions, encoder),
            radius=_finite([bound.radius for bound in bounds]),
            status=_status([bound.bounded for bound in bounds]),
            further={
                "quantile": _finite([bound.quantile for bound in bounds]),
                "ball_radius": _finite([found.ball_radius for found in predictions]),
                "ball_count": torch.tensor(
                    [found.ball_count for found in predictions], dtype=torch.int64
                ),
            },
        )

    @full_precision()
    def predict(
        self,
        encoder: ReluNetwork,
        latents: Tensor,
        query_ids: Sequence[str],
        similarity: SimilaritySet,
        seed: Seed,
    ) -> SmoothingPredictions:
        """The deployed smoothed encoder at any latents: what statements `D` and `paper` speak of at x'.

        Its streams are its own: a query is independent of every certificate, whatever the seeds and ids.

        Args:
            encoder: R.
            latents: [n, q], for example points of S(x).
            query_ids: n different ids; the same id asks the same question again.
            similarity: gives the attribute vectors and epsilon.
            seed: of the predictor.

        Raises:
            SettingsError: settings that could only abstain, or statement `I`, whose model cannot be evaluated.
            DataError: latents of another shape, or not finite.
        """
        plan = make_plan(self.settings, similarity.epsilon)
        if plan.statement == Statement.I:
            raise SettingsError(
                "`statement` I speaks of an ideal encoder, which cannot be evaluated: predict with D or paper"
            )
        directions = encoder.directions(similarity.vectors)

        def answer(query: tuple[Tensor, str]) -> Prediction:
            latent, query_id = query
            t0, t1 = (
                draws(seed, f"smoothing.query-{purpose}", query_id, n, similarity.k, plan.sigma).to(
                    encoder.device
                )
                for purpose, n in (("centre", plan.n0), ("check", plan.n1))
            )
            offset = encoder.first_layer(latent)
            return predict(_map(encoder, offset, directions, t0, t1), plan, t0, t1)

        queries = _individuals(encoder, latents, query_ids)
        answers = list(abreast(answer, queries, encoder.device))
        return SmoothingPredictions(
            _stack(answers, encoder), _status([one.answered for one in answers])
        )


def _translations(similarity: Similarity) -> SimilaritySet:
    """The set, if everybody's is the same but for where it begins.

    Raises:
        SettingsError: if it is not, with the reason.
    """
    if isinstance(similarity, ChainSet):
        raise SettingsError(
            "the smoothing view needs the same moves for everybody, but along chains of images x' has other "
            "similar people than x, so its theorem does not hold; set `view` to exact"
        )
    return similarity


def _individuals(
    encoder: ReluNetwork, latents: Tensor, sample_ids: Sequence[str]
) -> Iterator[tuple[Tensor, str]]:
    """Latent [q] and id, one individual at a time: within a batch the last bits would depend on who else is there."""
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
        yield latent, sample_id


def _map(
    encoder: ReluNetwork, offset: Tensor, directions: Tensor, *coefficients: Tensor
) -> RepresentationMap:
    """G on the coefficients that will be asked for."""
    norms = [norm_above(t, dim=1).max() for t in coefficients if len(t)]
    return representation_map(encoder, offset, directions, float(torch.stack(norms).max()))


def _stack(predictions: Sequence[Prediction], encoder: ReluNetwork) -> Tensor:
    """Their centres [n, d] float32, also for nobody."""
    centres = [prediction.centre.float() for prediction in predictions]
    nobody = torch.empty(0, encoder.output_dim)
    return to_host(torch.stack(centres)) if centres else nobody


def _status(held: Sequence[bool]) -> Tensor:
    codes = [BoundStatus.BOUNDED if one else BoundStatus.ABSTAIN for one in held]
    return torch.tensor(codes, dtype=torch.uint8)


def _finite(values: list[float]) -> Tensor:
    """[n] float64, infinity as the largest finite number, so that it can be stored."""
    return torch.tensor(values, dtype=torch.float64).clamp_max(UNBOUNDED)
