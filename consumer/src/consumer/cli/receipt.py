"""`consumer receipt` and `consumer verify-receipt`."""

from __future__ import annotations

from pathlib import Path

import click

import consumer
from shared_spec.cli.trust import trust_option
from shared_spec.console import emit, facts, following, path_option

__all__ = ["receipt", "verify_receipt"]


@click.command()
@click.argument("certificate", type=click.Path(path_type=Path))
@click.option("--individual", required=True, metavar="ID", help="A sample id of the certificate.")
@path_option("--out", "receipt.json to write.", required=True)
@click.option("--force", is_flag=True, help="Replace a receipt that stands there.")
@click.option("--json", "as_json", is_flag=True, help="Print the receipt itself.")
def receipt(certificate: Path, individual: str, out: Path, force: bool, as_json: bool) -> None:
    """Write one person's line of a certificate, to hand to that person.

    It proves that the line is in the certificate, to whoever holds certificate.json, and says nothing about anybody
    else.

    \b
    Example:
      consumer receipt certificate/ --individual test-000007 --out receipt.json
    """
    made = consumer.receipt(certificate, individual, out, force=force)
    rows = [["certificate", made.certificate]]
    rows += [["row", each.line] for each in made.rows]
    after = following(
        "consumer", "verify-receipt", out, "--certificate", certificate / "certificate.json"
    )
    emit(made.model_dump(mode="json"), as_json, facts(f"receipt {out}", rows), after)


@click.command("verify-receipt")
@click.argument("receipt", type=click.Path(path_type=Path))
@path_option("--certificate", "certificate.json, alone or in its directory.", required=True)
@trust_option
@click.option("--json", "as_json", is_flag=True, help="Print what was verified as JSON.")
def verify_receipt(receipt: Path, certificate: Path, trust: Path | None, as_json: bool) -> None:
    """Check that one person's line is in a certificate, of which the document alone is needed.

    With --trust, whoever issued the certificate must be pinned there, and its signature stands beside it as
    certificate.sig.json. That the line follows from the bundle is what `consumer verify` finds.

    \b
    Example:
      consumer verify-receipt receipt.json --certificate certificate.json --trust trust.toml
    """
    from shared_spec.statements import row_words
    from shared_spec.trust.verification import origin_words

    found = consumer.verify_receipt(receipt, certificate, trust=trust)
    document = found.document
    person = found.rows[0].sample_id
    origin = origin_words(found.origin)
    result = {
        "receipt": str(receipt),
        "individual": person,
        "certificate": document.content_digest,
        "origin": origin,
        "rows": {
            row.view: {"status": row.status, "prediction": row.prediction} for row in found.rows
        },
    }
    lines = [
        ["individual", person],
        ["certificate", f"{document.target}, {document.content_digest}"],
        *([f"{row.view} view", row_words(row, document.claims[row.view])] for row in found.rows),
        ["origin", origin],
    ]
    emit(result, as_json, facts(f"verified: {receipt}", lines))
