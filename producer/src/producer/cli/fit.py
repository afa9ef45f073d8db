"""`producer fit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import producer
from producer.cli.options import VIEW_SETTINGS, draw_options, job_options, model_option, show_bundle
from producer.settings import PRESETS, ExportSettings, TrainingSettings
from shared_spec.console import path_option, reporting
from shared_spec.options import Command, command_settings

__all__ = ["fit"]


@click.command(cls=Command)
@job_options
@draw_options
@click.option(
    "--target", "targets", multiple=True, metavar="NAME",
    help="Task of the auxiliary classifier; repeat for several, leave out for transfer (--lambda-1 0).",
)  # fmt: skip
@path_option("--out", "Directory reps/ to write.", required=True)
@model_option(Path("model"))
@command_settings(
    presets=PRESETS, training=TrainingSettings, export=ExportSettings, **VIEW_SETTINGS
)
def fit(
    targets: tuple[str, ...], out: Path, model: Path, training: TrainingSettings, export: ExportSettings,
    as_json: bool, **rest: Any,
) -> None:  # fmt: skip
    """Train an encoder and export certified representations.

    LASSI keeps similar individuals close; augment and naive are the paper's baselines. Killed runs go on where they
    stopped when the same command is run again; under torchrun several processes share the encoding and the export.

    \b
    Example:
      producer fit --spec spec.safetensors --data portraits --target Smiling --model model/ --out reps/
    """
    views = [rest.pop(name) for name in VIEW_SETTINGS]
    with reporting() as report:
        bundle = producer.fit(
            out=out, targets=targets, model=model, training=training, export=export, views=views,
            report=report, **rest,
        )  # fmt: skip
    show_bundle(bundle, targets[0] if targets else "NAME", as_json)
