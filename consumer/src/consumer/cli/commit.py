"""`consumer commit`."""

from __future__ import annotations

from pathlib import Path

import click

import consumer
from consumer.settings import HeadSettings, MethodSettings
from shared_spec.cli.trust import ask_passphrase, key_option, outcome_options, show_signed
from shared_spec.console import path_option
from shared_spec.options import Command, command_settings
from shared_spec.sampling import Sampling
from shared_spec.trust.settings import Issuance

__all__ = ["commit"]


@click.command(cls=Command)
@path_option("--reps", "The producer's bundle.", required=True)
@click.option("--target", required=True, metavar="NAME", help="The task, as of certify.")
@path_option("--labels", "Your own labels: sample_id,label.")
@click.option(
    "--view", "views", multiple=True, metavar="NAME", help="Views to certify; all unless given."
)
@path_option("--out", "NAME.sig.json to write; the secret NAME.nonce stands beside it.", required=True)  # fmt: skip
@key_option
@outcome_options
@command_settings(issuance=Issuance, head=HeadSettings, method=MethodSettings, sampling=Sampling)
def commit(
    reps: Path, target: str, labels: Path | None, views: tuple[str, ...], out: Path, key: Path, force: bool,
    as_json: bool, issuance: Issuance, head: HeadSettings, method: MethodSettings, sampling: Sampling,
) -> None:  # fmt: skip
    """Commit to how a certificate will be made, before anybody knows its seed.

    Send the statement to another party, who answers it; put the answer beside it and pass --commitment, with the same
    settings, to certify.

    \b
    Example:
      consumer commit --reps reps/ --target Smiling --key id_consumer --config issuer.toml --out c.sig.json
    """
    signed = consumer.commit(
        reps, target, out, key, issuance, labels=labels, views=views, head=head, method=method, sampling=sampling,
        force=force, passphrase=ask_passphrase,
    )  # fmt: skip
    show_signed(signed, as_json, f"Next: send {signed.path} to the party that answers it.")
