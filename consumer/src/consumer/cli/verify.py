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
_AUDITED = "Not verified, for it takes the producer's encoder and data: what the auditor found."


@click.command()
@click.argument("certificate", type=click.Path(path_type=Path))
@path_option("--reps", "The bundle that it was made from.", required=True)
@path_option("--audit", "An audit of that bundle, to compare with what the certificate says of it.")
@click.option("--json", "as_json", is_flag=True, help="Print what was verified as JSON.")
def verify(certificate: Path, reps: Path, audit: Path | None, as_json: bool) -> None:
    """Compute a certificate again from the bundle that it names.

    Every decision, every figure and the report are made anew and compared; exits with 3 and names the first thing that
    differs. The bundle's radii are taken at the producer's word, or at that of an auditor who had the encoder.

    \b
    Example:
      consumer verify certificate/ --reps reps/
    """
    found = consumer.verify(certificate, reps, audit=audit)
    result = {
        "certificate": str(certificate),
        "digest": found.certificate.digest,
        "bundle": found.bundle.digest,
        "verified": {each.subject: each.finding for each in found.checks},
    }
    rows = [[each.subject, each.finding] for each in found.checks]
    emit(
        result,
        as_json,
        facts(f"verified: {certificate}", rows),
        _LEFT_OPEN if audit is None else _AUDITED,
    )
