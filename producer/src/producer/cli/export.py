"""`producer export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import producer
from producer.cli.options import VIEW_SETTINGS, draw_options, job_options, model_option, show_bundle
from producer.settings import ExportSettings
from shared_spec.console import emit, facts, following, path_option, reporting, shard_option
from shared_spec.options import Command, command_settings

__all__ = ["export"]


@click.command(cls=Command)
@job_options
@draw_options
@model_option(None)
@click.option(
    "--split", "splits", multiple=True, default=("test",), show_default=True,
    help="Splits to certify and export; repeat for several.",
)  # fmt: skip
@path_option("--out", "Directory reps/ to write; with --shard that of the part.", required=True)
@shard_option("producer merge")
@command_settings(export=ExportSettings, **VIEW_SETTINGS)
def export(
    model: Path, splits: tuple[str, ...], out: Path, shard: str | None, export: ExportSettings, as_json: bool,
    **rest: Any,
) -> None:  # fmt: skip
    """Certify more individuals with a trained encoder; its training data are not needed.

    Under torchrun the individuals are divided among the processes, and the output is the same. Machines that do not
    speak each make a part, and one of them merges all.

    \b
    Example:
      producer export --spec spec.safetensors --model model/ --data folder:new/ --split test --out new-reps/
      producer export --spec spec.safetensors --model model/ --data folder:new/ --shard 3/7 --out parts/3
      producer merge parts/* --out new-reps/
    """
    views = [rest.pop(name) for name in VIEW_SETTINGS]
    with reporting() as report:
        rest |= {"model": model, "out": out, "splits": splits, "export": export, "views": views}
        if shard is None:
            bundle = producer.export(report=report, **rest)
        else:
            part = producer.export_part(shard=shard, report=report, **rest)
    if shard is None:
        show_bundle(bundle, "NAME", as_json)
        return
    result = {"part": str(part.path), "digest": part.digest, "shard": str(part.document.shard)}
    rows = [["digest", part.digest], ["shard", result["shard"]]]
    rows += [[split, f"{n} individuals"] for split, n in part.held.individuals.splits.items()]
    after = following("producer", "merge", "PARTS", "--out", "reps/")
    emit(result, as_json, facts(f"part {part.path}", rows), after)
