"""Training curves: what is recorded per epoch, and the sums it is computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from producer.objective import Losses
from shared_spec.device import to_host

__all__ = ["EpochCurve", "LossSums", "LossValues"]


@dataclass(frozen=True)
class LossValues:
    """Means over one epoch; the units of `producer.objective.Losses`. `accuracy` is per target, in [0, 1]."""

    total: float
    classification: float
    adversarial: float
    reconstruction: float
    accuracy: Mapping[str, float]


@dataclass(frozen=True)
class EpochCurve:
    """One point of the training curves.

    Attributes:
        epoch: from 1.
        training: means while training, networks in train mode.
        validation: means on the validation data in eval mode, or None without such data.
        validation_distance: mean of max ||R(z) - R(z')||_2 over the points tried there, or None.
    """

    epoch: int
    training: LossValues
    validation: LossValues | None
    validation_distance: float | None


class LossSums:
    """Adds up the losses of an epoch, weighted by the number of individuals."""

    def __init__(self, targets: tuple[str, ...]) -> None:
        self._targets = targets
        self._losses = np.zeros(4)
        self._correct = np.zeros(len(targets))
        self._individuals = 0

    def add(self, result: Losses, individuals: int) -> float:
        """Adds one batch and returns its objective."""
        parts = (result.total, result.classification, result.adversarial, result.reconstruction)
        values = to_host(torch.stack(parts).double()).numpy()
        self._losses += individuals * values
        self._correct += to_host(result.correct).numpy()
        self._individuals += individuals
        return float(values[0])

    def means(self) -> LossValues:
        """Means over everybody added."""
        total, classification, adversarial, reconstruction = (
            self._losses / self._individuals
        ).tolist()
        rates = (self._correct / self._individuals).tolist()
        accuracy = dict(zip(self._targets, rates, strict=True))
        return LossValues(total, classification, adversarial, reconstruction, accuracy)
