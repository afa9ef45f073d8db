"""`consumer inspect`."""

from __future__ import annotations

from pathlib import Path

import click

from consumer.population import population_statement
from shared_spec.artifacts.bundle import load_bundle
from shared_spec.artifacts.certificate import load_certificate
from shared_spec.console import bundle_rows, emit, table

__all__ = ["inspect"]


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the whole document as JSON.")
def inspect(path: Path, as_json: bool) -> None:
    """Check a certificate or a bundle and say what it claims.

    \b
    Example:
      consumer inspect certificate/
    """
    if (path / "manifest.json").exists():
        manifest = load_bundle(path).manifest
        title = f"representations {path}"
        emit(
            manifest.model_dump(mode="json"), as_json, table(title, ["", ""], bundle_rows(manifest))
        )
        return
    certificate = load_certificate(path)
    document = certificate.document
    rows = [
        ["digest", document.content_digest],
        [
            "spec",
            f"{', '.join(document.spec.attributes)}, epsilon {document.spec.epsilon:g}, {document.spec.digest}",
        ],
        ["bundle", document.bundle_digest],
        ["task", f"{document.target}: {', '.join(document.head.classes)}"],
        ["head", f"{document.head.kind}, noise {document.head.sigma_rs:g}, {document.head.digest}"],
        [
            "left out",
            f"{document.skipped} individuals of {document.split}, about whom nothing is claimed",
        ],
    ]
    for view, claim in document.claims.items():
        statement = population_statement(
            claim.individuals, claim.counts["CERTIFIED"], claim.alpha_per_individual, claim.population.confidence
        )  # fmt: skip
        accuracy = "unknown" if claim.accuracy is None else f"{100 * claim.accuracy:.1f}%"
        rows += [
            [
                f"{view} view",
                f"certifies {claim.certified_model} by {claim.radius_method}, accuracy {accuracy}",
            ],
            ["  counts", ", ".join(f"{count} {status}" for status, count in claim.counts.items())],
            [f"  statement {claim.statement}", claim.sentence],
            *(["", sentence] for sentence in statement.sentences()),
        ]
    emit(document.model_dump(mode="json"), as_json, table(f"certificate {path}", ["", ""], rows))
