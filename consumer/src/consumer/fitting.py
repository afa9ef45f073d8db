"""Fitting the head to a bundle: representations and labels in, a trained head out; noise chosen on validation data."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from consumer.case import Case
from consumer.head import Head
from consumer.labels import UNLABELLED, TaskLabels
from consumer.settings import HeadSettings
from consumer.training import SigmaTrial, choose_sigma, train_head
from shared_spec.artifacts.atomic import storage_errors
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.head_documents import HeadConfig
from shared_spec.class_weights import accuracy, loss_weights
from shared_spec.errors import DataError
from shared_spec.rng import torch_generator
from shared_spec.sampling import Sampling
from shared_spec.seeds import Seed
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
    validation accuracy (balanced accuracy where class weights are) the one that certifies most validation
    individuals is kept: in the exact view if it is one of `views`, else in another of them or of the bundle that has
    such individuals. The test split is not looked at.

    Raises:
        DataError: too few labelled individuals, or no certified validation individuals to choose the noise with.
    """
    codes = labels.codes["train"]
    labelled = codes != UNLABELLED
    representations = _mapped(bundle, labelled)
    targets = torch.from_numpy(codes[labelled])
    weights = loss_weights(settings.class_weights, targets, len(labels.classes))

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
        return FittedHead(train(settings.noise), len(targets), ())
    choice = choose_sigma(
        NOISE_GRID, train, _validation(bundle, labels, views, weights is not None)
    )
    return FittedHead(choice.head, len(targets), choice.trials)


def _mapped(bundle: Bundle, labelled: npt.NDArray[np.bool_]) -> Tensor:
    """Representations [n, d] of the labelled training individuals, in a file without a name instead of in memory."""
    done = 0
    with storage_errors(Path(tempfile.gettempdir())), tempfile.TemporaryFile() as file:
        for tensors in bundle.shards("train"):
            points = tensors["representation"].numpy()
            file.write(points[labelled[done : done + len(points)]].tobytes())
            done += len(points)
        file.flush()
        # Copied on writing, of which there is none: torch does not take what it could not write to.
        shape = (int(labelled.sum()), bundle.dimension)
        return torch.from_numpy(np.memmap(file, np.float32, "c", shape=shape))


def _validation(
    bundle: Bundle, labels: TaskLabels, views: Sequence[str], balanced: bool
) -> Callable[[Sequence[Head]], list[tuple[float, float]]]:
    """A function from heads to their (accuracy, certified fraction) on validation individuals, without sampling."""
    codes = labels.codes.get("valid", np.zeros(0, dtype=np.int64))
    known, classes = codes != UNLABELLED, len(labels.classes)
    entries = bundle.manifest.views
    preferred = [*(view for view in views if view == "exact"), *views, *entries]
    view = next((view for view in preferred if "valid" in entries[view].splits), None)
    if view is None or not known.any():
        raise DataError(
            f"{bundle.path}: no certified, labelled validation individuals to choose the noise with; "
            "give `noise` a number"
        )

    def evaluate(heads: Sequence[Head]) -> list[tuple[float, float]]:
        cases = [Case(bundle, "valid", head, Sampling(), 0) for head in heads]
        right = torch.zeros(len(heads), classes, dtype=torch.int64)
        certified, done = [0] * len(heads), 0
        for rows, tensors in bundle.walk("valid"):
            part = slice(done, done + len(rows.sample_ids))
            for place, case in enumerate(cases):
                method = RadiusMethod.CLOSED_FORM if case.frozen.is_linear else RadiusMethod.CROWN
                found = case.decide(view, method, rows.sample_ids, tensors)
                hits = codes[part][(found.prediction == codes[part]) & known[part]]
                right[place] += torch.from_numpy(np.bincount(hits, minlength=classes))
                certified[place] += found.certified
            done = part.stop
        counts = torch.from_numpy(np.bincount(codes[known], minlength=classes))
        return [
            (accuracy(hits, counts, balanced), among / len(codes))
            for hits, among in zip(right, certified, strict=True)
        ]

    return evaluate
