"""`consumer verify`."""

from __future__ import annotations

from pathlib import Path

import click

import consumer
from shared_spec.cli.trust import trust_option
from shared_spec.console import emit, facts, path_option, reporting

__all__ = ["verify"]


@click.command()
@click.argument("certificate", type=click.Path(path_type=Path))
@path_option("--reps", "The bundle that it was made from.", required=True)
@path_option("--spec", "The regulator's spec, to compare with what both say of it.")
@path_option("--audit", "An audit of that bundle, to compare with what the certificate says of it.")
@trust_option
@click.option("--json", "as_json", is_flag=True, help="Print what was verified as JSON.")
def verify(
    certificate: Path, reps: Path, spec: Path | None, audit: Path | None, trust: Path | None, as_json: bool
) -> None:  # fmt: skip
    """Compute a certificate again from the bundle that it names, and walk the chain behind it.

    Every decision, every figure and the report are made anew and compared; exits with 3 and names the first thing that
    differs. The bundle's radii are taken at the producer's word, or at that of an auditor who had the encoder. With
    --trust, whoever issued an artefact must be pinned there; exits with 6 where a signature or a key has expired or was
    revoked.

    \b
    Example:
      consumer verify certificate/ --reps reps/ --spec spec.safetensors --trust trust.toml
    """
    with reporting() as report:
        found = consumer.verify(
            certificate, reps, spec=spec, audit=audit, trust=trust, report=report
        )
    chain = found.chain
    result = {
        "certificate": str(certificate),
        "digest": found.certificate.digest,
        "bundle": found.bundle.digest,
        "verified": {each.subject: each.finding for each in found.checks},
        "chain": [link.to_json() for link in chain.links],
        "not_checked": list(chain.open),
    }
    rows = [[each.subject, each.finding] for each in found.checks]
    lines = [*map(str, chain.links), *(f"not checked: {each}" for each in chain.open)]
    emit(result, as_json, facts(f"verified: {certificate}", rows), "\n".join(lines))
