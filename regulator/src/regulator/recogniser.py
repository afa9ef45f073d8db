"""A small convolutional network that reads attributes off images.

Two uses: the biased classifier whose decisions `discover` tries to move, and the independent reader that tells whether
decoded points of S(x) show more of an attribute (`study.effects`). Both see pixels, so neither shares the flow's view
of the world.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from shared_spec.data.source import Source
from shared_spec.errors import DataError
from shared_spec.flow import preprocess
from shared_spec.initial import unfilled
from shared_spec.progress import Report, silent, stage

__all__ = ["Recogniser", "RecogniserSettings", "train_recogniser"]

_READ = 500
"""Images read at once."""

_Layer = TypeVar("_Layer", nn.Conv2d, nn.Linear)


@dataclass(frozen=True)
class RecogniserSettings:
    """How a recogniser is trained: the most images held in memory at once (as uint8), and the steps over them."""

    images: int = 20_000
    epochs: int = 6
    batch: int = 100
    learning_rate: float = 2e-3


class Recogniser(nn.Module):
    """Strided convolutions down to 4x4, then one hidden layer: images [n, 3, S, S] -> logits [n, k].

    Args:
        size: side S of the images.
        outputs: k, how many columns are read.
        generator: CPU generator of the initial weights.
    """

    def __init__(self, size: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, width, side = 3, 32, size
        while side > 4:
            layers += [_convolution(channels, width, generator), nn.BatchNorm2d(width), nn.ReLU()]
            channels, width, side = width, min(2 * width, 128), side // 2
        features = channels * side * side
        self.layers = nn.Sequential(
            *layers,
            nn.Flatten(),
            _linear(features, 64, generator),
            nn.ReLU(),
            _linear(64, outputs, generator),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, k] of preprocessed or decoded images, [n, 3, S, S] in about [-0.5, 0.5]."""
        logits: Tensor = self.layers(x)
        return logits


def train_recogniser(
    source: Source,
    split: str,
    targets: npt.NDArray[np.float64],
    generator: torch.Generator,
    settings: RecogniserSettings | None = None,
    bits: int = 5,
    report: Report = silent,
) -> Recogniser:
    """Trains a recogniser by cross entropy with Adam and a falling step size.

    Args:
        source: where the images come from.
        split: whose images.
        targets: [n, k] for all individuals of the split: a label 0 or 1, or a factor in [0, 1]; NaN for one who is in
            neither group of a column and says nothing about it.
        generator: CPU generator of weights, choice and order of the individuals.
        settings: defaults unless given.
        bits: as the flow's preprocessing keeps them.
        report: told every step.

    Returns:
        The network in eval mode; a column's sigmoid estimates the label's probability, or the factor.

    Raises:
        DataError: an image cannot be read, or a column says nothing about anyone.
    """
    settings = settings or RecogniserSettings()
    chosen = torch.randperm(len(targets), generator=generator)[: settings.images].numpy()
    chosen = np.sort(chosen[~np.isnan(targets[chosen]).all(axis=1)])
    wanted = torch.from_numpy(targets[chosen]).to(torch.float32)
    if len(wanted) == 0 or bool(wanted.isnan().all(dim=0).any()):
        raise DataError(
            f"{source.uri}: a column has no labelled individual among those of {split}; use more data"
        )
    images = torch.from_numpy(np.concatenate(list(source.batches(split, _READ, chosen))))
    network = Recogniser(source.size, targets.shape[1], generator)
    batches = max(1, len(images) // settings.batch)
    steps = settings.epochs * batches
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=0.01
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    advance, done = stage(report, "training a reader of images", steps), 0
    for epoch in range(1, settings.epochs + 1):
        # Nearly equal parts: a last batch of one would break batch norm.
        for rows in torch.randperm(len(images), generator=generator).tensor_split(batches):
            logits = network(preprocess(images[rows], bits))
            loss = _masked_loss(logits, wanted[rows])
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
            done += 1
            advance(done, f"epoch {epoch}")
    return network.eval()


def _masked_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross entropy over the targets that are not NaN."""
    known = ~targets.isnan()
    return binary_cross_entropy_with_logits(logits[known], targets[known], reduction="sum") / max(
        1, int(known.sum())
    )


def _convolution(inputs: int, outputs: int, generator: torch.Generator) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False, device="meta")
    return _drawn(unfilled(layer), 16 * inputs, generator)


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    layer = unfilled(nn.Linear(inputs, outputs, device="meta"))
    with torch.no_grad():
        layer.bias.zero_()
    return _drawn(layer, inputs, generator)


def _drawn(layer: _Layer, fan_in: int, generator: torch.Generator) -> _Layer:
    """He's law for ReLU networks: weights from N(0, 2 / fan_in)."""
    with torch.no_grad():
        layer.weight.normal_(0.0, math.sqrt(2.0 / fan_in), generator=generator)
    return layer
