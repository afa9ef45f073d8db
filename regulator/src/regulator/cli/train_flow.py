"""`regulator train-flow`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from shared_spec.artifacts.atomic import refuse_existing
from shared_spec.console import (
    common_options,
    config_option,
    data_option,
    device_option,
    emit,
    table,
)
from shared_spec.data import open_source

__all__ = ["train_flow"]

from regulator.cli.flow_options import flow_options, resolve_flow, train_and_save


@click.command("train-flow")
@data_option
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="flow.safetensors to write."
)
@flow_options
@config_option()
@device_option
@common_options
def train_flow(
    data: str,
    out: Path,
    preset: str,
    seed: int,
    device: str,
    force: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train the Glow flow G on images, without labels.

    A killed run resumes from its last checkpoint when the same command is run again. Several processes share each
    batch under torchrun.

    \b
    Example:
      regulator train-flow --data portraits --out flow.safetensors
    """
    refuse_existing(out, force)
    chosen = resolve_flow(preset, settings)
    source = open_source(data, chosen.config.size)
    file = train_and_save(chosen, source, out, seed, device)
    if file is None:
        return
    document = file.document
    result = {
        "flow": str(out),
        "digest": document.content_digest,
        "bits_per_dim": document.bits_per_dim,
        "steps": document.training["steps"],
    }
    rows = [[name, str(value)] for name, value in result.items()]
    text = table("trained flow", ["", ""], rows)
    text.caption = f"Next: regulator publish-spec --data {data} --flow {out} --attribute NAME --out spec.safetensors"
    emit(result, as_json, text)
