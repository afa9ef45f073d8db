"""Checkpoints of a flow's training: enough to continue the same loss curve bit for bit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from shared_spec.artifacts.tensors import load_tensors, save_tensors
from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.flow import Glow

__all__ = ["TrainingState", "load_checkpoint", "save_checkpoint"]

_MEDIA_TYPE = "application/vnd.lassi.flow-checkpoint.v1+safetensors"


@dataclass
class TrainingState:
    """Everything that changes while a flow trains.

    Attributes:
        flow: the weights that are trained.
        average: their moving average; the weights that are measured and kept.
        optimiser: Adam with its moments.
        step: steps done.
        best: state of the average with the fewest held-out bits per dimension so far; empty before the first
            measurement.
        best_bits_per_dim: its bits per dimension.
        best_step: its step.
    """

    flow: Glow
    average: Glow
    optimiser: torch.optim.Adam
    step: int
    best: dict[str, Tensor]
    best_bits_per_dim: float
    best_step: int


def save_checkpoint(path: Path, state: TrainingState, settings: dict[str, Any]) -> None:
    """Write the state atomically, with the settings that a resumed run must share."""
    tensors = {f"flow.{name}": value for name, value in state.flow.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in state.average.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in state.best.items()}
    for index, moments in state.optimiser.state_dict()["state"].items():
        tensors |= {f"adam.{index}.{name}": value for name, value in moments.items()}
    document = {
        "media_type": _MEDIA_TYPE,
        "settings": settings,
        "step": state.step,
        "best_bits_per_dim": state.best_bits_per_dim if state.best else None,
        "best_step": state.best_step,
    }
    save_tensors(path, tensors, document)


def load_checkpoint(path: Path, state: TrainingState, settings: dict[str, Any]) -> None:
    """Fill `state` from a checkpoint.

    Raises:
        ArtifactError: the file is damaged or no checkpoint of a flow.
        SettingsError: it was written under other settings; the message names the first that differs.
    """
    tensors, document = load_tensors(path)
    if document.get("media_type") != _MEDIA_TYPE:
        raise ArtifactError(
            f"{path}: media type {document.get('media_type')!r}, expected {_MEDIA_TYPE!r}; "
            "remove it to train from the start"
        )
    _check_settings(path, document["settings"], settings)

    def part(prefix: str) -> dict[str, Tensor]:
        return {
            name.removeprefix(prefix): value
            for name, value in tensors.items()
            if name.startswith(prefix)
        }

    state.flow.load_state_dict(part("flow."))
    state.average.load_state_dict(part("average."))
    state.best = part("best.")
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in part("adam.").items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = value
    groups = state.optimiser.state_dict()["param_groups"]
    state.optimiser.load_state_dict({"state": moments, "param_groups": groups})
    state.step = document["step"]
    state.best_bits_per_dim = document["best_bits_per_dim"] if state.best else math.inf
    state.best_step = document["best_step"]


def _check_settings(path: Path, written: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name in sorted(written.keys() | wanted.keys()):
        if written.get(name) != wanted.get(name):
            raise SettingsError(
                f"{path}: was written with `{name}` = {written.get(name)!r}, this run has {wanted.get(name)!r}; "
                "use the same settings to resume, or remove the file to start again"
            )
