"""Fitting the head to a bundle: representations and labels in, a trained head out; noise chosen on validation data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from consumer.certify import decide_all, read_bounds
from consumer.decide import Sampling
from consumer.head import Head, HeadConfig
from consumer.labels import UNLABELLED, TaskLabels
from consumer.training import balanced_weights, choose_sigma, train_head
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.bundle_documents import View
from shared_spec.errors import DataError
from shared_spec.rng import torch_generator

__all__ = ["NOISE_GRID", "FittedHead", "HeadSettings", "fit_head"]

NOISE_GRID = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Levels that `--noise auto` tries, in representation units: the coordinates of a representation have variance one."""


@dataclass(frozen=True)
class HeadSettings:
    """What a consumer may choose; the defaults are the paper's but for the noise, which it chose per data set."""

    kind: str = "linear"
    hidden: tuple[int, ...] = ()
    sigma_rs: float | None = None
    """None: chosen on validation data."""
    epochs: int = 1
    batch: int = 128
    learning_rate: float = 1e-3
    balanced: bool = False


@dataclass(frozen=True)
class FittedHead:
    """A trained head and what its choice of noise saw: (sigma_rs, accuracy, certified fraction) per level tried."""

    head: Head
    trials: tuple[tuple[float, float, float], ...]


def fit_head(
    bundle: Bundle, labels: TaskLabels, settings: HeadSettings, view: View, seed: int
) -> FittedHead:
    """Trains the head on the bundle's training individuals.

    With `settings.sigma_rs` None, a head is trained at each level of `NOISE_GRID`, and of those within a point of the
    best validation accuracy the one that certifies most validation individuals in `view` is kept. The test split is
    not looked at.

    Raises:
        DataError: too few labelled individuals, or no certified validation individuals to choose the noise with.
    """
    representations = bundle.gather("train", ["representation"])["representation"]
    codes = labels.codes["train"]
    rows = np.flatnonzero(codes != UNLABELLED)
    if len(rows) < len(codes):
        representations = representations[torch.from_numpy(rows)]
    targets = torch.from_numpy(codes[rows])
    weights = balanced_weights(targets, len(labels.classes)) if settings.balanced else None

    def train(sigma: float) -> Head:
        config = HeadConfig(
            kind="linear" if settings.kind == "linear" else "mlp",
            input_dim=bundle.dimension,
            hidden=settings.hidden,
            classes=labels.classes,
            sigma_rs=sigma,
        )
        return train_head(
            representations, targets, config, torch_generator(seed, "consumer.head"),
            epochs=settings.epochs, batch=settings.batch, lr=settings.learning_rate, class_weights=weights,
        )  # fmt: skip

    if settings.sigma_rs is not None:
        return FittedHead(train(settings.sigma_rs), ())
    choice = choose_sigma(NOISE_GRID, train, _validation(bundle, labels, view))
    trials = [(trial.sigma_rs, trial.accuracy, trial.certified) for trial in choice.trials]
    return FittedHead(choice.head, tuple(trials))


def _validation(
    bundle: Bundle, labels: TaskLabels, view: View
) -> Callable[[Head], tuple[float, float]]:
    """A function from a head C to its (accuracy, certified fraction) on validation individuals, without sampling."""
    codes = labels.codes.get("valid", np.zeros(0, dtype=np.int64))
    known = codes != UNLABELLED
    if "valid" not in bundle.manifest.views[view].splits or not known.any():
        raise DataError(
            f"{bundle.path}: no certified, labelled validation individuals to choose the noise with; "
            "give --noise a number"
        )
    bounds = list(read_bounds(bundle, "valid", view))
    sample_ids = bundle.sample_ids("valid")

    def evaluate(head: Head) -> tuple[float, float]:
        frozen = head.frozen()
        method = "closed-form" if frozen.is_linear else "crown"
        (decisions,), _ = decide_all(frozen, bounds, [method], 0.0, Sampling(), 0, sample_ids)
        accuracy = float((decisions.prediction == codes)[known].mean())
        return accuracy, decisions.certified / len(sample_ids)

    return evaluate
