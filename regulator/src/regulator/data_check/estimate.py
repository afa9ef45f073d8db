"""How long the next two commands will take on this machine: a short measurement, and ratios measured before."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from regulator.data_check.check import DataReport
from regulator.flow.settings import FlowSettings
from regulator.flow.training import coupling_dtype
from shared_spec.flow import Glow
from shared_spec.rng import torch_generator

__all__ = ["Estimate", "estimate_times"]

_ENCODED = 64
_DECODING = 0.002
"""Seconds to decode an image, where none was decoded (docs/own-data.md)."""

_VALIDATION, _EPOCHS = 500, 5
_TRAINED, _BOUNDED = 0.001, 0.35
"""Of `producer fit --preset demo`: one individual trained on once, or bounded in both views, in steps of the flow."""


@dataclass(frozen=True)
class Estimate:
    """Seconds that `regulator publish-spec` and `producer fit` take with their presets `demo`, without a promise."""

    publish_spec: float
    fit: float


def estimate_times(report: DataReport) -> Estimate:
    """Measures a step of the flow's training and the encoding of some images, of noise, on the CPU, and counts."""
    settings = FlowSettings.preset()
    flow = Glow(settings.architecture, torch_generator(0, "regulator.estimate"))
    size, batch = settings.architecture.size, settings.training.batch
    generator = torch_generator(0, "regulator.estimate.pixels")
    pixels = torch.rand(max(batch, _ENCODED), 3, size, size, generator=generator) - 0.5
    flow.initialise(pixels[:batch])

    def step() -> None:
        dtype = coupling_dtype(settings.training, pixels.device)
        torch.autograd.backward(flow(pixels[:batch], coupling_dtype=dtype)[1].sum())

    @torch.no_grad()
    def encode() -> None:
        flow.encode(pixels[:_ENCODED])

    train, valid, test = (report.counts[split] for split in ("train", "valid", "test"))
    one_step = _seconds(step)
    image = _seconds(encode) / _ENCODED + (report.seconds_per_image or _DECODING)
    bounded = min(valid, _VALIDATION) + test
    return Estimate(
        publish_spec=settings.training.steps * one_step + (train + valid) * image,
        fit=test * image + one_step * (train * _EPOCHS * _TRAINED + bounded * _BOUNDED),
    )


def _seconds(work: Callable[[], None]) -> float:
    """The shorter of two runs: the first also warms up."""
    taken = []
    for _ in range(2):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)
