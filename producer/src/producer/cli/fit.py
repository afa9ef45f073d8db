"""`producer fit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from producer.cli.export_options import (
    ExportJob,
    export_options,
    report,
    resolve_views,
    run_export,
    validation_step,
)
from producer.cli.fit_model import PRESETS, fitted_model, training_options, training_settings
from producer.training import Method
from shared_spec.artifacts.spec import load_spec
from shared_spec.console import common_options, config_option, data_option, device_option
from shared_spec.data import open_source
from shared_spec.distributed import join_workers
from shared_spec.errors import SettingsError
from shared_spec.latents import cache_folder

__all__ = ["fit"]


@click.command()
@click.option(
    "--spec",
    required=True,
    type=click.Path(path_type=Path),
    help="The regulator's spec.safetensors.",
)
@data_option
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME",
    help="Task of the auxiliary classifier; repeat for several, leave out for transfer (--lambda-1 0).",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Directory reps/ to write."
)
@click.option(
    "--model",
    "model_folder",
    type=click.Path(path_type=Path),
    default=Path("model"),
    show_default=True,
    help="Directory of the encoder, which stays yours.",
)
@click.option(
    "--method", type=click.Choice(["lassi", "augment", "naive"]), default="lassi", show_default=True
)
@click.option(
    "--lambda-2", "lambda_2", default=0.05, show_default=True, type=float, help="Adversarial loss."
)
@training_options
@export_options
@config_option(PRESETS)
@device_option
@common_options
def fit(
    spec: Path, data: str, targets: tuple[str, ...], out: Path, model_folder: Path, method: Method,
    seed: int, device: str, force: bool, as_json: bool, **settings: Any,
) -> None:  # fmt: skip
    """Train an encoder and export certified representations.

    LASSI keeps similar individuals close; augment and naive are the paper's baselines. Killed runs go on where they
    stopped when the same command is run again; under torchrun several processes share the encoding and the export.

    \b
    Example:
      producer fit --spec spec.safetensors --data portraits --target Smiling --model model/ --out reps/
    """
    views = resolve_views(settings)
    training = training_settings(settings, device).for_method(method)
    if training.lambda_1 > 0 and not targets:
        raise SettingsError(
            "no --target: name one, or pass --lambda-1 0 --lambda-3 0.1 to train without"
        )
    loaded = load_spec(spec)
    loaded.flow.to(device)
    source = open_source(data, loaded.flow.config.size)
    views.entries(
        loaded.similarity, ()
    )  # settings that could only abstain must not cost a training
    for name in (*targets, *settings["shared"]):
        source.check_column(name)
    cache = cache_folder(settings["cache"])
    with join_workers() as workers:
        model = fitted_model(
            model_folder, loaded, source, targets, method, training, seed, cache, force, workers
        )
        job = ExportJob(
            every={
                "train": 1,
                "valid": validation_step(source, settings["every"]),
                "test": settings["every"],
            },
            certified=("valid", "test"),
            shared=settings["shared"],
            shard_rows=settings["shard_rows"],
            cache=cache,
            seed=seed,
            force=force,
        )
        result = run_export(out, loaded, model, source, views, job, workers)
        if workers.first:
            report(result, targets[0] if targets else "NAME", as_json)
