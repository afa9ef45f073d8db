"""From decisions to what is claimed: one row per individual, and a claim that counts them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np
import numpy.typing as npt

from consumer.case import Case
from consumer.decide import Decisions
from consumer.labels import UNLABELLED
from consumer.population import population_statement
from consumer.settings import MethodSettings
from shared_spec.artifacts.bundle import UNBOUNDED
from shared_spec.artifacts.certificate import Claim, Population
from shared_spec.artifacts.rows import Row
from shared_spec.errors import SettingsError
from shared_spec.terms import RadiusMethod, Reason, Statement, Status
from shared_spec.views import contract_of

__all__ = ["ViewCertificates", "certify_view", "require_method", "view_methods"]

CONFIDENCE = 0.95
"""Of the statements about all certificates together."""


@dataclass(frozen=True)
class ViewCertificates:
    """The claim of one view and the rows that it counts."""

    claim: Claim
    rows: tuple[Row, ...]


def view_methods(case: Case, settings: MethodSettings) -> tuple[RadiusMethod, ...]:
    """The radius methods that `radius` stands for: one, or for `auto` those among which the better is taken.

    A linear head needs no sampling: its closed form dominates randomized smoothing (docs/guarantees.md, C.4).

    Raises:
        SettingsError: a method that does not fit the head.
    """
    linear, noisy = case.frozen.is_linear, case.config.sigma_rs > 0
    match settings.radius:
        case "auto":
            if linear:
                return (RadiusMethod.CLOSED_FORM,)
            return (RadiusMethod.CROWN, RadiusMethod.SEQUENTIAL) if noisy else (RadiusMethod.CROWN,)
        case "closed-form":
            method = RadiusMethod.CLOSED_FORM
        case "crown":
            method = RadiusMethod.CROWN
        case "randomized":
            method = RadiusMethod.RANDOMIZED if settings.report_radius else RadiusMethod.SEQUENTIAL
        case _:
            assert_never(settings.radius)
    require_method(case, method)
    return (method,)


def require_method(case: Case, method: RadiusMethod) -> None:
    """Raises SettingsError if a head cannot be certified by this method."""
    if method == RadiusMethod.CLOSED_FORM and not case.frozen.is_linear:
        raise SettingsError(
            "`radius` is closed-form, which holds for linear heads only; use auto or crown"
        )
    if method.sampled and not case.config.sigma_rs > 0:
        raise SettingsError(
            f"`radius` is {method}, which needs noise; set `noise` above 0 or use auto"
        )


def certify_view(
    case: Case, view: str, methods: Sequence[RadiusMethod], labels: npt.NDArray[np.int64]
) -> ViewCertificates:
    """Decides every individual of one view and counts the certificates.

    Where several methods are allowed, all are tried and the one that certifies more is kept, with the model that it
    certifies. A false certificate needs a failure of the producer's bound or of the sampled method, so its probability
    is at most the sum of their levels however the choice is made; the population statement pays for the choice by
    splitting its level (docs/guarantees.md, A.6).

    Args:
        case: whom to decide by which head.
        view: a view of the bundle.
        methods: see `view_methods`.
        labels: class codes [n], -1 where unknown.
    """
    entry = case.bundle.manifest.views[view]
    tried, radii = case.decide(view, methods)
    best = max(range(len(tried)), key=lambda index: (tried[index].certified, -index))
    decisions, method = tried[best], methods[best]
    alpha = {**entry.alpha, **decisions.alpha}
    total = sum(alpha.values())
    individuals = len(radii)
    statement = population_statement(
        individuals, decisions.certified, total, CONFIDENCE, choices=len(methods)
    )
    # The ideal encoder of statement I was never evaluated: the predictions are those of an approximation.
    known = np.full_like(labels, UNLABELLED) if entry.statement == Statement.I else labels
    accuracy, balanced, majority = _accuracies(
        decisions.prediction, known, len(case.config.classes)
    )
    counts = Counter(decisions.status.tolist())
    claim = Claim(
        certified_model=contract_of(view).model(decisions.smoothed),
        statement=entry.statement,
        sentence=entry.sentence,
        alpha=alpha,
        alpha_per_individual=total,
        radius_method=method,
        methods_tried=tuple(methods),
        sampling=case.sampling if decisions.smoothed else None,
        individuals=individuals,
        counts={status: counts[status] for status in Status},
        certified_fraction=decisions.certified / individuals,
        accuracy=accuracy,
        balanced_accuracy=balanced,
        majority_accuracy=majority,
        expected_false_certificates=statement.expected_false_certificates,
        false_certificates_bound=statement.false_certificates_bound,
        population=Population(confidence=CONFIDENCE, fair_at_least=statement.fair_at_least),
    )
    return ViewCertificates(claim, tuple(_rows(case, view, radii, labels, decisions)))


def _rows(
    case: Case,
    view: str,
    radii: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    decisions: Decisions,
) -> Iterator[Row]:
    named = [*case.config.classes, ""]  # code -1, unknown or abstained, is the empty cell
    d_rs: list[float | None] = [None] * len(radii)
    if decisions.d_rs is not None:
        d_rs = decisions.d_rs.tolist()
    columns = zip(
        case.sample_ids, labels.tolist(), decisions.prediction.tolist(), decisions.status.tolist(),
        decisions.reason.tolist(), radii.tolist(), d_rs, decisions.method.tolist(),
        decisions.samples.tolist(), decisions.successes.tolist(), _known(decisions.witness, len(radii)),
        _known(decisions.epsilon, len(radii)), strict=True,
    )  # fmt: skip
    for (
        sample_id,
        label,
        predicted,
        status,
        reason,
        radius,
        reach,
        method,
        samples,
        won,
        place,
        epsilon,
    ) in columns:
        yield Row(
            sample_id=sample_id,
            view=view,
            label=named[label],
            prediction=named[predicted],
            status=Status(status),
            reason=Reason(reason),
            d_cs=None if radius >= UNBOUNDED else radius,
            d_rs=reach,
            method=method,
            samples=samples,
            successes=won,
            witness=place,
            epsilon=epsilon,
        )


def _known(values: npt.NDArray[np.float64] | None, count: int) -> list[float | None]:
    """The numbers, with None where there is none."""
    if values is None:
        return [None] * count
    return [None if math.isnan(value) else value for value in values.tolist()]


def _accuracies(
    prediction: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], classes: int
) -> tuple[float | None, float | None, float | None]:
    """Accuracy, balanced accuracy and the majority class's accuracy on the labelled; abstentions are errors."""
    known = labels >= 0
    if not known.any():
        return None, None, None
    right = (prediction == labels)[known]
    counts = np.bincount(labels[known], minlength=classes)
    hits = np.bincount(labels[known], weights=right, minlength=classes)
    present = counts > 0
    balanced = float((hits[present] / counts[present]).mean())
    return float(right.mean()), balanced, float(counts.max() / counts.sum())
