"""The bundles that there are: the whole one that goes with an encoder, and one of further individuals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from producer.bundle_plan import BundlePlan
from producer.job import Job
from producer.model import Model, load_encoder
from producer.settings import ExportSettings
from producer.views.registry import AnyView
from shared_spec.artifacts.spec import Spec
from shared_spec.errors import ArtifactError

__all__ = ["load_trained", "plan_export", "plan_whole", "validation_step"]

_VALIDATION = 500
"""Validation individuals only help to choose, for which so many do."""


def plan_whole(
    job: Job, out: Path | str, export: ExportSettings, views: tuple[AnyView, ...], targets: Sequence[str]
) -> BundlePlan:  # fmt: skip
    """What `fit` writes: representations to train heads on, and bounds for validation and test individuals."""
    every = {"train": 1, "valid": validation_step(job, export.every), "test": export.every}
    return BundlePlan(job, Path(out), export, views, every, ("valid", "test"), tuple(targets))


def plan_export(
    job: Job,
    out: Path | str,
    export: ExportSettings,
    views: tuple[AnyView, ...],
    splits: Sequence[str],
    model: Model,
) -> BundlePlan:
    """What `export` writes: bounds for these splits."""
    every, targets = dict.fromkeys(splits, export.every), model.document.targets
    return BundlePlan(job, Path(out), export, views, every, tuple(every), targets)


def load_trained(model: Path | str | Model, spec: Spec) -> Model:
    """The encoder, if it was made for this spec. Raises ArtifactError."""
    trained = load_encoder(model)
    if trained.document.spec_digest != spec.digest:
        raise ArtifactError(
            f"{model}: made for spec {trained.document.spec_digest}, but the spec is {spec.digest}; "
            "pass the one that the encoder was trained for"
        )
    return trained


def validation_step(job: Job, every: int) -> int:
    """Every how many-th validation individual is bounded."""
    return max(every, -(-len(job.source.sample_ids("valid")) // _VALIDATION))
