"""`producer commit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import producer
from producer.cli.options import VIEW_SETTINGS, model_option
from producer.settings import ExportSettings
from shared_spec.cli.trust import ask_passphrase, key_option, outcome_options, show_signed
from shared_spec.console import data_option, path_option, reporting
from shared_spec.options import Command, command_settings
from shared_spec.trust.settings import Issuance

__all__ = ["commit"]


@click.command(cls=Command)
@path_option("--spec", "The regulator's spec.safetensors.", required=True)
@model_option(None)
@data_option
@click.option(
    "--split", "splits", multiple=True, metavar="NAME",
    help="As of export; the bundle that fit writes unless given. Repeat for several.",
)  # fmt: skip
@path_option("--out", "NAME.sig.json to write; the secret NAME.nonce stands beside it.", required=True)  # fmt: skip
@key_option
@outcome_options
@command_settings(issuance=Issuance, export=ExportSettings, **VIEW_SETTINGS)
def commit(
    spec: Path, model: Path, data: str, splits: tuple[str, ...], out: Path, key: Path, force: bool, as_json: bool,
    issuance: Issuance, export: ExportSettings, **rest: Any,
) -> None:  # fmt: skip
    """Commit to what a bundle will draw, before anybody knows its seed.

    Send the statement to another party, who answers it; put the answer beside it and pass --commitment, with the same
    settings, to fit or export.

    \b
    Example:
      producer commit --spec spec.safetensors --model model/ --data portraits --key id_producer \\
        --config issuer.toml --out c.sig.json
    """
    views = [rest[name] for name in VIEW_SETTINGS]
    with reporting() as report:
        signed = producer.commit(
            spec, model, data, out, key, issuance, splits=splits, export=export, views=views, force=force,
            passphrase=ask_passphrase, report=report,
        )  # fmt: skip
    show_signed(signed, as_json, f"Next: send {signed.path} to the party that answers it.")
