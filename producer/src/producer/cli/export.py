"""`producer export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from producer.cli.export_options import ExportJob, export_options, report, resolve_views, run_export
from producer.model import load_encoder
from shared_spec.artifacts.spec import load_spec
from shared_spec.console import common_options, config_option, data_option, device_option
from shared_spec.data import open_source
from shared_spec.distributed import join_workers
from shared_spec.errors import ArtifactError
from shared_spec.latents import cache_folder

__all__ = ["export"]


@click.command()
@click.option(
    "--spec",
    required=True,
    type=click.Path(path_type=Path),
    help="The spec that the encoder was made for.",
)
@click.option("--model", "model_folder", required=True, type=click.Path(path_type=Path))
@data_option
@click.option(
    "--split",
    "splits",
    multiple=True,
    default=("test",),
    show_default=True,
    help="Splits to certify and export; repeat for several.",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Directory reps/ to write."
)
@export_options
@config_option()
@device_option
@common_options
def export(
    spec: Path, model_folder: Path, data: str, splits: tuple[str, ...], out: Path, seed: int, device: str,
    force: bool, as_json: bool, **settings: Any,
) -> None:  # fmt: skip
    """Certify more individuals with a trained encoder; its training data are not needed.

    Under torchrun the individuals are divided among the processes, and the output is the same.

    \b
    Example:
      producer export --spec spec.safetensors --model model/ --data folder:new/ --split test --out new-reps/
    """
    views = resolve_views(settings)
    loaded = load_spec(spec)
    loaded.flow.to(device)
    views.entries(loaded.similarity, ())
    model = load_encoder(model_folder)
    if model.document.spec_digest != loaded.digest:
        raise ArtifactError(
            f"{model_folder}: made for spec {model.document.spec_digest}, but {spec} is {loaded.digest}; "
            "pass the spec that the encoder was trained for"
        )
    source = open_source(data, loaded.flow.config.size)
    job = ExportJob(
        every=dict.fromkeys(splits, settings["every"]),
        certified=splits,
        shared=settings["shared"],
        shard_rows=settings["shard_rows"],
        cache=cache_folder(settings["cache"]),
        seed=seed,
        force=force,
    )
    with join_workers() as workers:
        result = run_export(out, loaded, model, source, views, job, workers)
        if workers.first:
            report(result, "NAME", as_json)
