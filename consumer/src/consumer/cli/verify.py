"""`consumer verify`."""

from __future__ import annotations

from pathlib import Path

import click

from consumer.verify import verify_certificate
from shared_spec.artifacts.bundle import load_bundle
from shared_spec.artifacts.certificate import load_certificate
from shared_spec.console import emit, table

__all__ = ["verify"]

_LEFT_OPEN = (
    "Not verified, for it takes the producer's encoder and data: that the bundle's radii hold."
)


@click.command()
@click.argument("path", type=click.Path(path_type=Path), metavar="CERTIFICATE")
@click.option(
    "--reps",
    required=True,
    type=click.Path(path_type=Path),
    help="The bundle that it was made from.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was verified as JSON.")
def verify(path: Path, reps: Path, as_json: bool) -> None:
    """Compute a certificate again from the bundle that it names, trusting nobody's word for it.

    Every decision, every figure and the report are made anew and compared; exits with 3 and names the first thing that
    differs.

    \b
    Example:
      consumer verify certificate/ --reps reps/
    """
    certificate = load_certificate(path)
    bundle = load_bundle(reps)
    found = verify_certificate(certificate, bundle)
    result = {
        "certificate": str(path),
        "digest": certificate.document.content_digest,
        "bundle": bundle.digest,
        "verified": dict(found),
    }
    text = table(f"verified: {path}", ["", ""], [list(check) for check in found])
    text.caption = _LEFT_OPEN
    text.caption_justify = "left"
    emit(result, as_json, text)
