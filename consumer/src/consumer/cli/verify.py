"""`consumer verify`."""

from __future__ import annotations

from pathlib import Path

import click

import consumer
from shared_spec.console import emit, facts, path_option

__all__ = ["verify"]

_LEFT_OPEN = (
    "Not verified, for it takes the producer's encoder and data: that the bundle's radii hold."
)


@click.command()
@click.argument("certificate", type=click.Path(path_type=Path))
@path_option("--reps", "The bundle that it was made from.", required=True)
@click.option("--json", "as_json", is_flag=True, help="Print what was verified as JSON.")
def verify(certificate: Path, reps: Path, as_json: bool) -> None:
    """Compute a certificate again from the bundle that it names.

    Every decision, every figure and the report are made anew and compared; exits with 3 and names the first thing that
    differs. The bundle's radii are taken at the producer's word.

    \b
    Example:
      consumer verify certificate/ --reps reps/
    """
    found = consumer.verify(certificate, reps)
    result = {
        "certificate": str(certificate),
        "digest": found.certificate.digest,
        "bundle": found.bundle.digest,
        "verified": {each.subject: each.finding for each in found.checks},
    }
    rows = [[each.subject, each.finding] for each in found.checks]
    emit(result, as_json, facts(f"verified: {certificate}", rows), _LEFT_OPEN)
