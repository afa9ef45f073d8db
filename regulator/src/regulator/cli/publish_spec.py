"""`regulator publish-spec`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

import regulator
from regulator.cli.tables import study_tables
from regulator.flow.settings import FLOW_PRESETS, FlowSettings, FlowTrainingSettings
from regulator.vectors.settings import VectorSettings
from shared_spec.console import (
    cache_option,
    common_options,
    data_option,
    device_option,
    emit,
    facts,
    following,
    path_option,
    reporting,
)
from shared_spec.errors import SettingsError
from shared_spec.flow.config import GlowConfig
from shared_spec.options import Command, command_settings, given_settings
from shared_spec.seeds import Seed

if TYPE_CHECKING:
    from shared_spec.artifacts.spec_documents import SpecDocument

__all__ = ["publish_spec"]

_FLOW = {*GlowConfig.model_fields, *FlowTrainingSettings.model_fields, "preset"}


@click.command("publish-spec", cls=Command)
@data_option
@click.option(
    "--attribute", "attributes", multiple=True, metavar="NAME",
    help="Sensitive attribute: a binary column, COLUMN:BEGIN:END, or COLUMN>X of numbers. Repeat for several.",
)  # fmt: skip
@click.option(
    "--study", multiple=True, metavar="NAME",
    help="Measure what the vectors do to this column (repeat) and to their own, and what S(x) covers of a known truth.",
)  # fmt: skip
@path_option("--flow", "flow.safetensors of train-flow; without it a flow is trained first.")
@path_option("--out", "spec.safetensors to write.", required=True)
@cache_option
@device_option
@common_options
@command_settings(
    presets=FLOW_PRESETS, preset="demo",
    vectors=VectorSettings, architecture=GlowConfig, training=FlowTrainingSettings,
)  # fmt: skip
def publish_spec(
    data: str, attributes: tuple[str, ...], study: tuple[str, ...], flow: Path | None, out: Path, cache: Path | None,
    device: str, seed: Seed, force: bool, as_json: bool,
    vectors: VectorSettings, architecture: GlowConfig, training: FlowTrainingSettings,
) -> None:  # fmt: skip
    """Publish who is similar to whom: the flow, one vector per attribute, and epsilon.

    The flow must pass the publication gate: initialised, finite, and inverting well on held-out images and on noise.

    \b
    Example:
      regulator publish-spec --data portraits --attribute Pale_Skin --out spec.safetensors
    """
    if flow is not None and (vain := _FLOW & given_settings()):
        named = " ".join(f"`{name}`" for name in sorted(vain))
        raise SettingsError(f"`flow` fixes the flow; leave out {named}")
    with reporting() as report:
        spec = regulator.publish_spec(
            data, attributes, out, flow=flow or FlowSettings(architecture, training), vectors=vectors, study=study,
            seed=seed, device=device, cache=cache, force=force, report=report,
        )  # fmt: skip
    _show(spec.document, out, data, as_json)


def _show(document: SpecDocument, out: Path, data: str, as_json: bool) -> None:
    quality = document.quality
    result = {
        "spec": str(out),
        "digest": document.content_digest,
        "epsilon": document.epsilon,
        "attributes": [entry.model_dump(mode="json") for entry in document.attributes],
        "quality": quality.model_dump(mode="json"),
    }
    rows = [
        ["digest", document.content_digest],
        ["epsilon", f"{document.epsilon:g}"],
        ["bits per dimension", f"{quality.bits_per_dim:.3f}"],
        ["inversion error (max)", f"{quality.in_distribution.max:.1e}"],
        *([f"|a| {entry.name}", f"{entry.norm:.3f}"] for entry in document.attributes),
    ]
    after = following("regulator", "preview", "--spec", out, "--data", data, "--out", "strip.png")
    emit(result, as_json, *study_tables(quality), facts(f"published {out}", rows), after)
