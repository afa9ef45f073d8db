"""`consumer inspect`."""

from __future__ import annotations

from pathlib import Path

import click

import shared_spec
from consumer.cli.beside import beside
from shared_spec.console import audit_rows, bundle_rows, emit, facts

__all__ = ["inspect"]


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the whole document as JSON.")
def inspect(path: Path, as_json: bool) -> None:
    """Check a certificate, a bundle or an audit and say what it claims.

    \b
    Example:
      consumer inspect certificate/
    """
    from consumer.report.words import audit_words, claim_rows, imprint_rows
    from shared_spec.artifacts.bundle import is_bundle
    from shared_spec.artifacts.kinds import AUDIT, BUNDLE, CERTIFICATE, refuse_others

    refuse_others(path, BUNDLE, CERTIFICATE, AUDIT)
    if AUDIT.recognises(path):
        audit = shared_spec.load_audit(path).document
        text = facts(f"audit {path}", audit_rows(audit))
        emit(audit.model_dump(mode="json"), as_json, text)
        return
    if is_bundle(path):
        bundle = shared_spec.load_bundle(path)
        bundle.check()
        manifest = bundle.manifest
        text = facts(f"representations {path}", bundle_rows(manifest))
        emit(manifest.model_dump(mode="json"), as_json, text)
        return
    document = shared_spec.load_certificate(path).document
    spec, head = document.spec, document.head
    rows = [
        ["digest", document.content_digest],
        ["spec", f"{', '.join(spec.attributes)}, {spec.similar}, epsilon {spec.epsilon:g}, {spec.digest}"],
        ["bundle", document.bundle_digest],
        ["task", f"{document.target}: {', '.join(head.classes)}"],
        ["head", f"{head.kind}, noise {head.sigma_rs:g}, {head.digest}"],
        ["left out", f"{document.skipped} individuals of {document.split}, about whom nothing is claimed"],
    ]  # fmt: skip
    rows += imprint_rows(document.imprint)
    rows.append(["audit", audit_words(document.audit)])
    for view, claim in document.claims.items():
        rows += claim_rows(view, claim)
    text = facts(f"certificate {path}", rows)
    emit(document.model_dump(mode="json"), as_json, text, *beside(document))
