"""`consumer merge`."""

from __future__ import annotations

from pathlib import Path

import click

import consumer
from consumer.cli.issuing import conclude, paper_options, rule_of
from shared_spec.console import path_option, reporting
from shared_spec.imprint import Imprint
from shared_spec.options import Command, command_settings

__all__ = ["merge"]


@click.command(cls=Command)
@click.argument("parts", nargs=-1, required=True, type=click.Path(path_type=Path))
@path_option("--reps", "The bundle that they decide.", required=True)
@path_option("--out", "Directory to write.", required=True)
@paper_options
@click.option("--force", is_flag=True, help="Replace what stands at --out.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@command_settings(imprint=Imprint)
def merge(
    parts: tuple[Path, ...], reps: Path, out: Path, audit: Path | None, groups: tuple[str, ...], strip: Path | None,
    policy: str | None, trust: Path | None, salt: Path | None, force: bool, as_json: bool, imprint: Imprint,
) -> None:  # fmt: skip
    """Issue the certificate of the parts that `consumer certify --shard` decided, in any order.

    It has the bytes of one that was issued at once with the same salt.

    \b
    Example:
      consumer merge parts/* --reps reps/ --out certificate/
    """
    decided = [consumer.load_certificate_part(part) for part in parts]
    rule = rule_of(policy, decided[0].document.plan.choices.views)
    with reporting() as report:
        certificate = consumer.merge(
            decided, reps, out, audit=audit, trust=trust, salt=salt, imprint=imprint, strip=strip, groups=groups,
            force=force, report=report,
        )  # fmt: skip
    conclude(certificate, reps, as_json, policy, rule, audit, trust)
