"""From decisions to what is claimed: one row per individual, and a claim that counts them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import assert_never

import numpy as np
import numpy.typing as npt
from torch import Tensor

from consumer.case import Case
from consumer.decisions import Decisions
from consumer.settings import MethodSettings
from consumer.tally import Tally
from shared_spec.artifacts.bundle import UNBOUNDED
from shared_spec.artifacts.bundle_documents import ViewEntry
from shared_spec.artifacts.certificate import Claim, Population
from shared_spec.artifacts.head_documents import HeadConfig
from shared_spec.artifacts.rows import Rows
from shared_spec.errors import DataError, SettingsError
from shared_spec.population import population_statement
from shared_spec.progress import Advance
from shared_spec.sampling import Sampling
from shared_spec.terms import HeadKind, RadiusMethod, Statement, Status
from shared_spec.views import contract_of, is_of_view

__all__ = ["choose_method", "claim_of", "decide_rows", "require_method", "view_methods"]

_TOGETHER = 256
"""Individuals that are decided at once by what takes milliseconds for each."""

CONFIDENCE = 0.95
"""Of the statements about all certificates together."""

HEAD_EVENT = "head's radius"
"""What may fail on the head's side, where it is sampled."""


def view_methods(head: HeadConfig, settings: MethodSettings) -> tuple[RadiusMethod, ...]:
    """The radius methods that `radius` stands for: one, or for `auto` those among which the better is taken.

    A linear head needs no sampling: its closed form dominates randomized smoothing (docs/guarantees.md, C.4).

    Raises:
        SettingsError: a method that does not fit the head.
    """
    linear, noisy = head.kind == HeadKind.LINEAR, head.sigma_rs > 0
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
    require_method(head.kind, method, noisy=noisy)
    return (method,)


def require_method(kind: HeadKind, method: RadiusMethod, *, noisy: bool) -> None:
    """Raises SettingsError if this method cannot certify a head of this kind, trained with noise or without."""
    if method == RadiusMethod.CLOSED_FORM and kind != HeadKind.LINEAR:
        raise SettingsError(
            "`radius` is closed-form, which holds for linear heads only; use auto or crown"
        )
    if method.sampled and not noisy:
        raise SettingsError(
            f"`radius` is {method}, which needs noise; set `noise` above 0 or use auto"
        )


def choose_method(
    view: str, methods: Sequence[RadiusMethod], tallies: Mapping[tuple[str, RadiusMethod], Tally]
) -> RadiusMethod:
    """The method that certifies most in a view; of several the first."""
    certified = {method: tallies[view, method].count(status=Status.CERTIFIED) for method in methods}
    return max(methods, key=lambda method: certified[method])


def claim_of(
    view: str,
    entry: ViewEntry,
    methods: Sequence[RadiusMethod],
    method: RadiusMethod,
    sampling: Sampling,
    classes: Sequence[str],
    tally: Tally,
) -> Claim:
    """What the rows of one view add up to.

    Where several methods are allowed, all are tried and the one that certifies more is kept, with the model that it
    certifies. A false certificate needs a failure of the producer's bound or of the sampled method, so its probability
    is at most the sum of their levels however the choice is made; the population statement pays for the choice by
    splitting its level (docs/guarantees.md, A.6).

    Args:
        view: of the bundle.
        entry: what the bundle states of it.
        methods: those that were tried, see `view_methods`.
        method: the one of them that was kept.
        sampling: of the sampled methods.
        classes: of the head.
        tally: of the rows of that method.

    Raises:
        DataError: there is nobody.
    """
    individuals, certified = tally.groups.total(), tally.count(status=Status.CERTIFIED)
    if not individuals:
        raise DataError("the bundle certifies no individual; ask the producer to export some")
    alpha = {**entry.alpha, **({HEAD_EVENT: sampling.alpha} if method.sampled else {})}
    total = sum(alpha.values())
    statement = population_statement(
        individuals, certified, total, CONFIDENCE, choices=len(methods)
    )
    # The ideal encoder of statement I was never evaluated: the predictions are those of an approximation.
    evaluated = entry.statement != Statement.I
    accuracy, balanced, majority = _accuracies(tally, classes) if evaluated else (None, None, None)
    return Claim(
        certified_model=contract_of(view).model(method.sampled),
        statement=entry.statement,
        sentence=entry.sentence,
        alpha=alpha,
        alpha_per_individual=total,
        radius_method=method,
        methods_tried=tuple(methods),
        sampling=sampling if any(tried.sampled for tried in methods) else None,
        individuals=individuals,
        labelled=sum(count for group, count in tally.groups.items() if group.label),
        counts=tally.counts,
        certified_fraction=certified / individuals,
        accuracy=accuracy,
        balanced_accuracy=balanced,
        majority_accuracy=majority,
        expected_false_certificates=statement.expected_false_certificates,
        false_certificates_bound=statement.false_certificates_bound,
        population=Population(confidence=CONFIDENCE, fair_at_least=statement.fair_at_least),
    )


def decide_rows(
    case: Case,
    view: str,
    method: RadiusMethod,
    sample_ids: Sequence[str],
    labels: npt.NDArray[np.int64],
    tensors: Mapping[str, Tensor],
    advance: Advance,
) -> Rows:
    """Decides the individuals of one shard: a row for each.

    Methods other than the closed form take milliseconds for each, so they are asked about some at a time.

    Args:
        case: the head and its draws.
        view: of the bundle.
        method: that fits the head.
        sample_ids: who they are [n].
        labels: class codes [n], -1 where unknown.
        tensors: of the shard.
        advance: told how many of them are decided.
    """
    together = len(sample_ids) if method == RadiusMethod.CLOSED_FORM else _TOGETHER
    parts = []
    for start in range(0, len(sample_ids), together):
        cut = slice(start, start + together)
        mine = {name: values[cut] for name, values in tensors.items() if is_of_view(name, view)}
        decisions = case.decide(view, method, sample_ids[cut], mine)
        radii = mine[f"{view}.radius"]
        parts.append(_rows(case, view, sample_ids[cut], labels[cut], radii, decisions))
        advance(start + len(parts[-1]), "")
    return Rows.joined(parts)


def _rows(
    case: Case,
    view: str,
    sample_ids: Sequence[str],
    labels: npt.NDArray[np.int64],
    radii: Tensor,
    decisions: Decisions,
) -> Rows:
    named = [*case.config.classes, ""]  # code -1, unknown or abstained, is the empty cell
    return Rows(
        view=view,
        sample_id=list(sample_ids),
        label=[named[code] for code in labels.tolist()],
        prediction=[named[code] for code in decisions.prediction.tolist()],
        status=decisions.status.tolist(),
        reason=decisions.reason.tolist(),
        d_cs=[None if radius >= UNBOUNDED else radius for radius in radii.tolist()],
        d_rs=_known(decisions.d_rs, len(radii)),
        method=decisions.method.tolist(),
        samples=decisions.samples.tolist(),
        successes=decisions.successes.tolist(),
        witness=_known(decisions.witness, len(radii)),
        epsilon=_known(decisions.epsilon, len(radii)),
    )


def _known(values: npt.NDArray[np.float64] | None, count: int) -> list[float | None]:
    """The numbers, with None where there is none."""
    if values is None:
        return [None] * count
    return [None if math.isnan(value) else value for value in values.tolist()]


def _accuracies(
    tally: Tally, classes: Sequence[str]
) -> tuple[float | None, float | None, float | None]:
    """Accuracy, balanced accuracy and the majority class's accuracy on the labelled; abstentions are errors."""
    counts: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for group, count in tally.groups.items():
        if group.label:
            counts[group.label] += count
            hits[group.label] += count * (group.prediction == group.label)
    if not counts:
        return None, None, None
    labelled = counts.total()
    balanced = np.mean([hits[name] / counts[name] for name in classes if counts[name]])
    return hits.total() / labelled, float(balanced), max(counts.values()) / labelled
