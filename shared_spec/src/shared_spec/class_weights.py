"""Classes that count alike, however rare: weights of a loss, and balanced accuracy."""

from __future__ import annotations

import torch
from torch import Tensor

from shared_spec.errors import DataError
from shared_spec.terms import ClassWeights

__all__ = ["accuracy", "loss_weights", "measured_accuracy"]


def loss_weights(chosen: ClassWeights, labels: Tensor, classes: int) -> Tensor | None:
    """Class weights [classes] of a loss, None where all are alike.

    Balanced ones are inversely proportional to the classes' counts, mean 1 over the individuals.

    Args:
        chosen: the setting.
        labels: class codes [n] of the training individuals.
        classes: how many there are.

    Raises:
        DataError: balanced, and a class has no individual.
    """
    if chosen == "none":
        return None
    counts = torch.bincount(labels, minlength=classes)
    if int(counts.min()) == 0:
        missing = torch.nonzero(counts == 0).flatten().tolist()
        raise DataError(
            f"no training individual of class {missing}: balanced class weights need at least one of each;"
            " add some or train unweighted"
        )
    return (labels.numel() / (classes * counts)).to(torch.float32)


def accuracy(right: Tensor, counts: Tensor, balanced: bool) -> float:
    """The fraction of right decisions, or the mean of the recalls of the classes that occur.

    Args:
        right: how many of each class are decided rightly, [classes] int64.
        counts: how many there are of each, not all 0.
        balanced: whether classes count alike.
    """
    if not balanced:
        return int(right.sum()) / int(counts.sum())
    present = counts > 0
    return float((right[present].double() / counts[present]).mean())


def measured_accuracy(chosen: ClassWeights) -> str:
    """What choices go by where classes are weighed so, in words."""
    return "accuracy" if chosen == "none" else "balanced accuracy"
