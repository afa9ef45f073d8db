"""`producer inspect`."""

from __future__ import annotations

from pathlib import Path

import click

import producer
import shared_spec
from shared_spec.artifacts.atomic import refuse_existing, write_atomically
from shared_spec.console import audit_rows, bundle_rows, emit, facts, path_option
from shared_spec.errors import SettingsError

__all__ = ["inspect"]


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@path_option("--curves", "Draw a model's training curves as this PNG.")
@click.option("--force", is_flag=True, help="Replace the picture at --curves.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole document as JSON.")
def inspect(path: Path, curves: Path | None, force: bool, as_json: bool) -> None:
    """Check a bundle, an audit or a model and say what it holds.

    \b
    Example:
      producer inspect reps/
      producer inspect model/ --curves curves.png
    """
    from producer.model import model_path
    from shared_spec.artifacts.kinds import AUDIT, BUNDLE, MODEL, PICTURE, refuse_others

    if curves is not None:
        refuse_existing(curves, force, kind=PICTURE, inputs=[path])
    refuse_others(path, MODEL, BUNDLE, AUDIT)
    if model_path(path).exists():
        document = producer.load_encoder(path).document
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
            if not document.curves:
                raise SettingsError(f"{path}: a closed form has no training curves to draw")
            from producer.pictures import draw_curves

            write_atomically(curves, draw_curves(document))
        emit(document.model_dump(mode="json"), as_json, facts(f"encoder {path}", rows))
        return
    if curves is not None:
        raise SettingsError(f"{path}: a bundle has no `curves`; name a model's folder")
    if AUDIT.recognises(path):
        audit = shared_spec.load_audit(path).document
        text = facts(f"audit {path}", audit_rows(audit))
        emit(audit.model_dump(mode="json"), as_json, text)
        return
    bundle = shared_spec.load_bundle(path)
    bundle.check()
    manifest = bundle.manifest
    text = facts(f"representations {path}", bundle_rows(manifest))
    emit(manifest.model_dump(mode="json"), as_json, text)
