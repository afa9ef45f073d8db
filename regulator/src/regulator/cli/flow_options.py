"""Training a flow from the command line: the options that `train-flow` and `publish-spec` share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from regulator.flow_file import FlowDocument, FlowFile, save_flow
from regulator.flow_settings import FLOW_PRESETS, FlowPreset, FlowTrainingSettings
from regulator.flow_training import FlowProgress, train_flow
from regulator.publish import data_entry
from shared_spec.artifacts.document import this_tool
from shared_spec.console import note, progress
from shared_spec.data.source import Source
from shared_spec.distributed import join_workers
from shared_spec.errors import SettingsError
from shared_spec.flow import GlowConfig

__all__ = ["flow_options", "resolve_flow", "train_and_save"]

Command = TypeVar("Command", bound=Callable[..., Any])
_ARCHITECTURE = ("size", "blocks", "flows", "hidden", "coupling")
_TRAINING = ("steps", "batch", "learning_rate", "bf16", "recompute")


def flow_options(command: Command) -> Command:
    """Adds the flow's preset and the settings that override it."""
    options = [
        click.option("--preset", type=click.Choice(sorted(FLOW_PRESETS)), default="demo", show_default=True,
                     help="The flow's size and training."),
        click.option("--size", type=int, help="Side of the images in pixels."),
        click.option("--blocks", type=int, help="Scales of the flow."),
        click.option("--flows", type=int, help="Steps per scale."),
        click.option("--hidden", type=int, help="Channels of the coupling nets."),
        click.option("--coupling", type=click.Choice(["additive", "affine"])),
        click.option("--steps", type=int, help="Training steps."),
        click.option("--batch", type=int, help="Images per training step."),
        click.option("--learning-rate", type=float),
        click.option("--bf16/--no-bf16", default=None, help="bfloat16 coupling nets, in training only."),
        click.option("--recompute/--no-recompute", default=None, help="Less memory, more time."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def resolve_flow(preset: str, values: dict[str, Any]) -> FlowPreset:
    """The preset with the given settings put over it. Raises SettingsError for impossible ones."""
    base = FLOW_PRESETS[preset]
    given = {name: value for name, value in values.items() if value is not None}
    try:
        return FlowPreset(
            GlowConfig.model_validate(
                base.config.model_dump()
                | {name: given[name] for name in _ARCHITECTURE if name in given}
            ),
            FlowTrainingSettings.model_validate(
                base.training.model_dump()
                | {name: given[name] for name in _TRAINING if name in given}
            ),
        )
    except ValueError as error:
        raise SettingsError(f"the flow's settings: {error}") from error


def train_and_save(
    chosen: FlowPreset, source: Source, path: Path, seed: int, device: str
) -> FlowFile | None:
    """Trains a flow, resuming from the checkpoint beside `path`; the first process writes it and returns it."""
    settings = chosen.training
    checkpoint = path.with_name(f".{path.name}.checkpoint")
    with join_workers() as workers, progress("training the flow", settings.steps) as advance:

        def show(step: FlowProgress) -> None:
            word = f"{step.bits_per_dim:.3f} bits/dim, {step.images_per_s:.0f} images/s"
            if step.held_out is not None:
                word += f", held out {step.held_out:.3f}"
                note(f"step {step.step}: {word}")
            advance(step.step, word)

        trained = train_flow(
            chosen.config, source, settings, seed,
            checkpoint=checkpoint, progress=show, workers=workers, device=device,
        )  # fmt: skip
        if not workers.first:
            return None
    document = FlowDocument(
        flow=chosen.config,
        data=data_entry(source),
        training={
            name: value for name, value in settings.model_dump().items() if value is not None
        },
        bits_per_dim=trained.bits_per_dim,
        tool=this_tool("lassi-regulator"),
        seed=seed,
    )
    digest = save_flow(path, document, trained.flow)
    checkpoint.unlink(missing_ok=True)
    return FlowFile(document.model_copy(update={"content_digest": digest}), trained.flow)
