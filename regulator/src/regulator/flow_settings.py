"""Every choice of a flow's training, with the sizes that are ready to use."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from shared_spec.artifacts.document import Strict
from shared_spec.errors import SettingsError
from shared_spec.flow import GlowConfig

__all__ = ["FLOW_PRESETS", "FlowPreset", "FlowTrainingSettings", "flow_preset", "learning_rate"]


class FlowTrainingSettings(Strict):
    """How a flow is trained. Two runs with equal settings, seed, data and threads are equal bit for bit on one CPU.

    Attributes:
        steps: optimiser steps in all.
        batch: images per step, over all processes.
        micro_batch: images that one process pushes through the flow at a time; smaller needs less memory and gives the
            same gradient. All of a process's share if not given.
        learning_rate: Adam's rate after warm-up.
        warmup: steps over which the rate rises linearly from zero.
        decay: how the rate falls from the end of warm-up to the last step.
        clip: largest l2 norm of the gradient of bits per dimension.
        ema: decay of the moving average of the weights, which is what is evaluated and kept; 0 keeps the weights as
            they are.
        flips: mirror every training image with probability 1/2.
        bf16: bfloat16 in the coupling networks' convolutions while training; evaluation and publication never use it.
        recompute: recompute activations in the backward pass: less memory, about a third more time.
        evaluate_every: steps between measurements on held-out images and checkpoints.
        held_out: images of the split `valid` that are measured; all if there are fewer.
        initial_images: images on which ActNorm is initialised.
    """

    steps: int = Field(gt=0)
    batch: int = Field(default=64, gt=0)
    micro_batch: int | None = Field(default=None, gt=0)
    learning_rate: float = Field(default=1e-3, gt=0)
    warmup: int = Field(default=100, ge=0)
    decay: Literal["none", "linear", "cosine"] = "linear"
    clip: float = Field(default=1.0, gt=0)
    ema: float = Field(default=0.99, ge=0, lt=1)
    flips: bool = False
    bf16: bool = False
    recompute: bool = False
    evaluate_every: int = Field(default=500, gt=0)
    held_out: int = Field(default=512, gt=0)
    initial_images: int = Field(default=256, gt=0)


def learning_rate(settings: FlowTrainingSettings, step: int) -> float:
    """Adam's rate at `step`, counted from 0: warm-up, then decay to zero after the last step."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    if settings.decay == "none":
        return settings.learning_rate
    left = (settings.steps - step) / max(settings.steps - settings.warmup, 1)
    if settings.decay == "cosine":
        left = 0.5 - 0.5 * math.cos(math.pi * left)
    return settings.learning_rate * left


@dataclass(frozen=True)
class FlowPreset:
    """An architecture and the training that suits it."""

    config: GlowConfig
    training: FlowTrainingSettings


FLOW_PRESETS = {
    "demo": FlowPreset(
        GlowConfig(size=32, blocks=3, flows=8, hidden=64),
        FlowTrainingSettings(steps=1100, batch=32, learning_rate=4e-3, bf16=True),
    ),
    "fairface": FlowPreset(
        GlowConfig(size=32, blocks=3, flows=8, hidden=128),
        FlowTrainingSettings(steps=2800, batch=32, learning_rate=3e-3, bf16=True),
    ),
    "paper": FlowPreset(
        GlowConfig(size=64, blocks=4, flows=32, hidden=512),
        FlowTrainingSettings(
            steps=200_000, batch=16, learning_rate=1e-4, warmup=1000, decay="none", ema=0.999,
            evaluate_every=2000, recompute=True,
        ),
    ),
    "paper-128": FlowPreset(
        GlowConfig(size=128, blocks=5, flows=32, hidden=512),
        FlowTrainingSettings(
            steps=200_000, batch=16, micro_batch=4, learning_rate=1e-4, warmup=1000, decay="none",
            ema=0.999, evaluate_every=2000, recompute=True,
        ),
    ),
}  # fmt: skip


def flow_preset(name: str) -> FlowPreset:
    """The preset of this name. Raises SettingsError naming the known ones."""
    if name not in FLOW_PRESETS:
        raise SettingsError(f"no flow preset {name!r}; expected one of {', '.join(FLOW_PRESETS)}")
    return FLOW_PRESETS[name]
