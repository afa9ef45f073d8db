"""`regulator inspect`."""

from __future__ import annotations

from pathlib import Path

import click

import shared_spec
from regulator.cli.tables import spec_rows, study_tables
from shared_spec.console import emit, facts

__all__ = ["inspect"]


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the whole document as JSON.")
def inspect(spec: Path, as_json: bool) -> None:
    """Check a spec and say what it holds.

    \b
    Example:
      regulator inspect spec.safetensors
    """
    from shared_spec.artifacts.kinds import SPEC, refuse_others

    refuse_others(spec, SPEC)
    document = shared_spec.load_spec(spec).document
    text = facts(f"similarity spec {spec}", spec_rows(document))
    emit(document.model_dump(mode="json"), as_json, text, *study_tables(document.quality))
