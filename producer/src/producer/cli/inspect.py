"""`producer inspect`."""

from __future__ import annotations

from pathlib import Path

import click

from producer.model import load_encoder, model_path
from producer.pictures import draw_curves
from shared_spec.artifacts.atomic import refuse_existing, write_atomically
from shared_spec.artifacts.audit import is_audit, load_audit
from shared_spec.artifacts.bundle import load_bundle
from shared_spec.console import audit_rows, bundle_rows, emit, path_option, table
from shared_spec.errors import SettingsError

__all__ = ["inspect"]


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@path_option("--curves", "Draw a model's training curves as this PNG.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole document as JSON.")
def inspect(path: Path, curves: Path | None, as_json: bool) -> None:
    """Check a bundle, an audit or a model and say what it holds.

    \b
    Example:
      producer inspect reps/
      producer inspect model/ --curves curves.png
    """
    if model_path(path).exists():
        document = load_encoder(path).document
        training = document.training.model_dump(mode="json", exclude={"method"})
        rows = [
            ["digest", document.content_digest],
            ["spec", document.spec_digest],
            ["encoder", " -> ".join(str(width) for width in document.encoder.widths)],
            ["method", document.method],
            ["targets", ", ".join(document.targets) or "none"],
            *([name, str(value)] for name, value in training.items()),
            ["epochs", f"{len(document.curves)}, of which {document.chosen_epoch} was kept"],
        ]
        if curves is not None:
            refuse_existing(curves, force=False)
            if not document.curves:
                raise SettingsError(f"{path}: a closed form has no training curves to draw")
            write_atomically(curves, draw_curves(document))
        emit(document.model_dump(mode="json"), as_json, table(f"encoder {path}", ["", ""], rows))
        return
    if curves is not None:
        raise SettingsError(f"{path}: a bundle has no `curves`; name a model's folder")
    if is_audit(path):
        audit = load_audit(path).document
        text = table(f"audit {path}", ["", ""], audit_rows(audit))
        emit(audit.model_dump(mode="json"), as_json, text)
        return
    bundle = load_bundle(path)
    bundle.check()
    manifest = bundle.manifest
    text = table(f"representations {path}", ["", ""], bundle_rows(manifest))
    emit(manifest.model_dump(mode="json"), as_json, text)
