"""From a bundle to certificates: train the noisy head, decide every individual in every view, count what is claimed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from consumer.decide import METHODS, Bounds, Decisions, Sampling, decide
from consumer.head import FrozenHead
from consumer.population import population_statement
from shared_spec.artifacts.bundle import UNBOUNDED, Bundle
from shared_spec.artifacts.bundle_documents import ViewEntry
from shared_spec.artifacts.certificate import STATUSES, Claim, Population, SamplingEntry
from shared_spec.errors import DataError, SettingsError

__all__ = ["ViewCertificates", "certify_view", "decide_all", "read_bounds", "view_methods"]

CONFIDENCE = 0.95
"""Of the statements about all certificates together."""


@dataclass(frozen=True)
class ViewCertificates:
    """The claim of one view and the rows that it counts."""

    claim: Claim
    rows: list[dict[str, Any]]


def read_bounds(bundle: Bundle, split: str, view: str) -> Iterator[Bounds]:
    """What the bundle states about a split's individuals in one view, shard by shard.

    Raises:
        ArtifactError: for a malformed shard.
    """
    for found in bundle.shards(split):
        centres = found[f"{view}.centre"]
        yield Bounds(
            points=found["representation"] if view == "exact" else centres,
            centres=centres,
            radii=found[f"{view}.radius"],
            status=found[f"{view}.status"],
            tube=found.get(f"{view}.tube"),
            affine=found.get(f"{view}.affine"),
            delta=found.get(f"{view}.delta"),
        )


def decide_all(
    head: FrozenHead,
    bounds: Iterable[Bounds],
    methods: Sequence[str],
    sigma_rs: float,
    sampling: Sampling,
    seed: int,
    sample_ids: Sequence[str],
) -> tuple[list[Decisions], npt.NDArray[np.float64]]:
    """Decides all individuals by each method, holding one shard at a time; also returns their d_cs [n]."""
    parts: list[list[Decisions]] = [[] for _ in methods]
    radii = []
    start = 0
    for shard in bounds:
        ids = sample_ids[start : start + len(shard.radii)]
        start += len(ids)
        radii.append(shard.radii.numpy())
        for method, found in zip(methods, parts, strict=True):
            found.append(decide(head, shard, method, sigma_rs, sampling, seed, ids))
    return [Decisions.join(found) for found in parts], np.concatenate(radii)


def view_methods(head: FrozenHead, method: str, sigma_rs: float) -> tuple[str, ...]:
    """The radius methods that `--radius METHOD` stands for: one, or for `auto` those among which the better is taken.

    A linear head needs no sampling: its closed form dominates randomized smoothing (docs/guarantees.md, C.4).

    Raises:
        SettingsError: for an unknown method, or one that does not fit the head.
    """
    if method == "auto":
        if head.is_linear:
            return ("closed-form",)
        return ("crown", "sequential") if sigma_rs > 0 else ("crown",)
    if method not in METHODS:
        raise SettingsError(f"--radius {method}: expected auto, {', '.join(METHODS)}")
    if method == "closed-form" and not head.is_linear:
        raise SettingsError("--radius closed-form: holds for linear heads only; use auto or crown")
    if method in ("sequential", "randomized") and not sigma_rs > 0:
        raise SettingsError(
            f"--radius {method}: needs noise; set --noise above 0 or use --radius auto"
        )
    return (method,)


def certify_view(
    head: FrozenHead,
    classes: Sequence[str],
    bounds: Iterable[Bounds],
    view: str,
    entry: ViewEntry,
    sample_ids: Sequence[str],
    labels: npt.NDArray[np.int64],
    methods: Sequence[str],
    sigma_rs: float,
    sampling: Sampling,
    seed: int,
) -> ViewCertificates:
    """Decides every individual of one view and counts the certificates.

    Where several methods are allowed, all are tried and the one that certifies more is kept, with the model that it
    certifies. A false certificate needs a failure of the producer's bound or of the sampled method, so its probability
    is at most the sum of their levels however the choice is made.

    Args:
        head: C.
        classes: class names.
        bounds: what the producer states, shard by shard.
        view: smoothing or exact.
        entry: the view's statement and failure probabilities.
        sample_ids: whose the bounds are.
        labels: class codes [n], -1 where unknown.
        methods: see `view_methods`.
        sigma_rs: noise of the smoothed head.
        sampling: settings of the sampled methods.
        seed: root of the individuals' random streams.
    """
    if len(sample_ids) == 0:
        raise DataError("the bundle certifies no individual; ask the producer to export some")
    tried, radii = decide_all(head, bounds, methods, sigma_rs, sampling, seed, sample_ids)
    best = max(range(len(tried)), key=lambda index: (tried[index].certified, -index))
    decisions, method = tried[best], methods[best]
    alpha = {**entry.alpha, **decisions.alpha}
    total = sum(alpha.values())
    statement = population_statement(len(sample_ids), decisions.certified, total, CONFIDENCE)
    accuracy, balanced, majority = _accuracies(decisions.prediction, labels, len(classes))
    encoder = "R̂" if view == "smoothing" else "R"
    claim = Claim(
        certified_model=f"{'Ĉ' if decisions.smoothed else 'C'}∘{encoder}∘E",
        statement=entry.statement,
        sentence=entry.sentence,
        alpha=alpha,
        alpha_per_individual=total,
        radius_method=method,
        sampling=SamplingEntry(**asdict(sampling)) if decisions.smoothed else None,
        individuals=len(sample_ids),
        counts={status: int((decisions.status == status).sum()) for status in STATUSES},
        certified_fraction=decisions.certified / len(sample_ids),
        accuracy=accuracy,
        balanced_accuracy=balanced,
        majority_accuracy=majority,
        expected_false_certificates=statement.expected_false_certificates,
        false_certificates_bound=statement.false_certificates_bound,
        population=Population(confidence=CONFIDENCE, fair_at_least=statement.fair_at_least),
    )
    return ViewCertificates(claim, _rows(view, classes, radii, sample_ids, labels, decisions))


def _rows(
    view: str,
    classes: Sequence[str],
    radii: npt.NDArray[np.float64],
    sample_ids: Sequence[str],
    labels: npt.NDArray[np.int64],
    decisions: Decisions,
) -> list[dict[str, Any]]:
    named = [*classes, ""]  # code -1, unknown or abstained, is the empty cell
    return [
        {
            "sample_id": sample_id,
            "view": view,
            "label": named[labels[row]],
            "prediction": named[decisions.prediction[row]],
            "status": decisions.status[row],
            "reason": decisions.reason[row],
            "d_cs": "" if radii[row] >= UNBOUNDED else float(radii[row]),
            "d_rs": "" if decisions.d_rs is None else float(decisions.d_rs[row]),
            "method": decisions.method[row],
            "samples": int(decisions.samples[row]),
            "successes": int(decisions.successes[row]),
        }
        for row, sample_id in enumerate(sample_ids)
    ]


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
