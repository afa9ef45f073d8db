"""`regulator inspect`."""

from __future__ import annotations

from pathlib import Path

import click

from regulator.cli.study_tables import study_tables
from shared_spec.artifacts.spec import load_spec
from shared_spec.console import emit, table

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
    loaded = load_spec(spec)
    document = loaded.document
    flow, quality = document.flow, document.quality
    rows = [
        ["digest", document.content_digest],
        ["epsilon", f"{document.epsilon:g}"],
        ["flow", f"{flow.size} px, {flow.blocks} blocks x {flow.flows} flows x {flow.hidden}, {flow.coupling}"],
        ["flow digest", document.flow_digest],
        ["data", f"{document.data.uri}, {document.data.digest}"],
        ["bits per dimension", f"{quality.bits_per_dim:.4f} on {quality.images} held-out images"],
        ["inversion error", f"max {quality.in_distribution.max:.2e}, p99.9 {quality.in_distribution.p999:.2e}"],
        ["  on noise", f"max {quality.out_of_distribution.max:.2e}, p99.9 {quality.out_of_distribution.p999:.2e}"],
        ["published by", f"{document.tool.name} {document.tool.version}, seed {document.seed}"],
    ]  # fmt: skip
    for entry in document.attributes:
        counts = ", ".join(f"{count} {name}" for name, count in entry.counts.items())
        rows.append(
            [
                f"attribute {entry.name}",
                f"{entry.method}, norm {entry.norm:.4g}, unit {entry.unit}; {counts}",
            ]
        )
    title = f"similarity spec {spec}"
    emit(
        document.model_dump(mode="json"),
        as_json,
        table(title, ["", ""], rows),
        *study_tables(quality),
    )
