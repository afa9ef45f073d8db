"""`regulator train-flow`."""

from __future__ import annotations

from pathlib import Path

import click

import regulator
from regulator.flow.settings import FLOW_PRESETS, FlowSettings, FlowTrainingSettings
from shared_spec.console import (
    common_options,
    data_option,
    device_option,
    emit,
    facts,
    following,
    path_option,
    reporting,
)
from shared_spec.flow.config import GlowConfig
from shared_spec.options import Command, command_settings
from shared_spec.seeds import Seed

__all__ = ["train_flow"]


@click.command("train-flow", cls=Command)
@data_option
@path_option("--out", "flow.safetensors to write.", required=True)
@device_option
@common_options
@command_settings(
    presets=FLOW_PRESETS, preset="demo", architecture=GlowConfig, training=FlowTrainingSettings
)
def train_flow(
    data: str, out: Path, device: str, seed: Seed, force: bool, as_json: bool,
    architecture: GlowConfig, training: FlowTrainingSettings,
) -> None:  # fmt: skip
    """Train the Glow flow G on images, without labels.

    A killed run resumes from its last checkpoint when the same command is run again. Several processes share each
    batch under torchrun.

    \b
    Example:
      regulator train-flow --data portraits --out flow.safetensors
    """
    with reporting() as report:
        file = regulator.train_flow(
            data, out, flow=FlowSettings(architecture, training), seed=seed, device=device, force=force, report=report
        )  # fmt: skip
    result = {
        "flow": str(out),
        "digest": file.document.content_digest,
        "bits_per_dim": file.document.bits_per_dim,
        "steps": training.steps,
    }
    rows = [[name, str(value)] for name, value in result.items()]
    after = following(
        "regulator", "publish-spec", "--data", data, "--flow", out, "--attribute", "NAME", "--out", "spec.safetensors"
    )  # fmt: skip
    emit(result, as_json, facts("trained flow", rows), after)
