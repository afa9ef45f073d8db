"""Fitting the head to a bundle: representations and labels in, a trained head out; noise chosen on validation data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from consumer.case import Case
from consumer.head import Head
from consumer.labels import UNLABELLED, TaskLabels
from consumer.settings import HeadSettings
from consumer.training import SigmaTrial, balanced_weights, choose_sigma, train_head
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.head_documents import HeadConfig
from shared_spec.errors import DataError
from shared_spec.rng import Seed, torch_generator
from shared_spec.sampling import Sampling
from shared_spec.terms import HeadKind, RadiusMethod

__all__ = ["NOISE_GRID", "FittedHead", "fit_head"]

NOISE_GRID = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Levels that noise `auto` tries, in representation units: the coordinates of a representation have variance one."""


@dataclass(frozen=True)
class FittedHead:
    """A trained head, the labelled individuals behind it, and what its choice of noise saw at each level."""

    head: Head
    individuals: int
    trials: tuple[SigmaTrial, ...]


def fit_head(
    bundle: Bundle, labels: TaskLabels, settings: HeadSettings, views: Sequence[str], seed: Seed
) -> FittedHead:
    """Trains the head on the bundle's training individuals.

    With noise `auto`, a head is trained at each level of `NOISE_GRID`, and of those within a point of the best
    validation accuracy the one that certifies most validation individuals is kept: in the exact view if it is one of
    `views`, else in another of them or of the bundle that has such individuals. The test split is not looked at.

    Raises:
        DataError: too few labelled individuals, or no certified validation individuals to choose the noise with.
    """
    representations = bundle.gather("train", ["representation"])["representation"]
    codes = labels.codes["train"]
    rows = np.flatnonzero(codes != UNLABELLED)
    if len(rows) < len(codes):
        representations = representations[torch.from_numpy(rows)]
    targets = torch.from_numpy(codes[rows])
    balanced = settings.class_weights == "balanced"
    weights = balanced_weights(targets, len(labels.classes)) if balanced else None

    def train(sigma: float) -> Head:
        config = HeadConfig(
            kind=settings.head,
            input_dim=bundle.dimension,
            hidden=settings.hidden if settings.head == HeadKind.MLP else (),
            classes=labels.classes,
            sigma_rs=sigma,
        )
        return train_head(
            representations, targets, config, torch_generator(seed, "consumer.head"),
            epochs=settings.epochs, batch=settings.batch, lr=settings.learning_rate, class_weights=weights,
        )  # fmt: skip

    if settings.noise != "auto":
        return FittedHead(train(settings.noise), len(rows), ())
    choice = choose_sigma(NOISE_GRID, train, _validation(bundle, labels, views))
    return FittedHead(choice.head, len(rows), choice.trials)


def _validation(
    bundle: Bundle, labels: TaskLabels, views: Sequence[str]
) -> Callable[[Head], tuple[float, float]]:
    """A function from a head C to its (accuracy, certified fraction) on validation individuals, without sampling."""
    codes = labels.codes.get("valid", np.zeros(0, dtype=np.int64))
    known = codes != UNLABELLED
    entries = bundle.manifest.views
    preferred = [*(view for view in views if view == "exact"), *views, *entries]
    view = next((view for view in preferred if "valid" in entries[view].splits), None)
    if view is None or not known.any():
        raise DataError(
            f"{bundle.path}: no certified, labelled validation individuals to choose the noise with; "
            "give `noise` a number"
        )

    def evaluate(head: Head) -> tuple[float, float]:
        case = Case(bundle, "valid", head, Sampling(), 0)
        method = RadiusMethod.CLOSED_FORM if case.frozen.is_linear else RadiusMethod.CROWN
        parts = [
            case.decide(view, method, rows.sample_ids, tensors)
            for rows, tensors in bundle.walk("valid")
        ]
        prediction = np.concatenate([part.prediction for part in parts])
        accuracy = float((prediction == codes)[known].mean())
        return accuracy, sum(part.certified for part in parts) / len(codes)

    return evaluate
