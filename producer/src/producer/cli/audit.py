"""`producer audit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

import producer
from producer.cli.options import model_option
from producer.settings import AuditSettings
from shared_spec.console import (
    audit_rows,
    data_option,
    device_option,
    emit,
    facts,
    following,
    path_option,
    reporting,
)
from shared_spec.errors import AuditFailed
from shared_spec.options import Command, command_settings
from shared_spec.seeds import check_seed

if TYPE_CHECKING:
    from shared_spec.artifacts.audit import Audit

__all__ = ["audit"]


@click.command(cls=Command)
@click.argument("reps", type=click.Path(path_type=Path))
@path_option(
    "--spec", "The regulator's spec.safetensors, as the regulator gives it.", required=True
)
@model_option(None)
@data_option
@path_option("--out", "Directory audit/ to write.", required=True)
@click.option(
    "--auditor-seed", metavar="HEX",
    help="Draws whom to look at; from the system's randomness unless given. Nobody else may know it before.",
)  # fmt: skip
@device_option
@click.option("--force", is_flag=True, help="Replace the audit that stands at --out.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@command_settings(settings=AuditSettings)
def audit(
    reps: Path, spec: Path, model: Path, data: str, out: Path, auditor_seed: str | None, device: str, force: bool,
    as_json: bool, settings: AuditSettings,
) -> None:  # fmt: skip
    """Compute a bundle again from spec, model and data, as whoever is given all three.

    Compares digests, individuals and labels of everybody, and of a random sample representations, bounds and, by an
    attack, radii. Writes what was found either way, and exits with 7 if that is anything.

    \b
    Example:
      producer audit reps/ --spec spec.safetensors --model model/ --data portraits --out audit/
    """
    seed = None if auditor_seed is None else check_seed(auditor_seed, "auditor_seed")
    with reporting() as report:
        found = producer.audit(
            reps, spec, model, data, out, settings=settings, auditor_seed=seed, device=device,
            force=force, report=report,
        )  # fmt: skip
    _show(found, reps, as_json)
    if not found.document.passed:
        from shared_spec.artifacts.audit_documents import AuditCheck

        first = found.document.findings[0]
        other = any(each.check == AuditCheck.DATA for each in found.document.findings)
        hint = (
            f"; if {data} is not what the bundle was made from, name that with `data`"
            if other
            else ""
        )
        raise AuditFailed(
            f"{reps}: {found.document.count} findings, the first: {first}; the audit is at {out}{hint}"
        )


def _show(found: Audit, reps: Path, as_json: bool) -> None:
    document = found.document
    result = {
        "audit": str(found.path),
        "digest": found.digest,
        "scopes": [scope.model_dump() for scope in document.scopes],
        "findings": [finding.model_dump() for finding in document.findings],
    }
    shown = [facts(f"audit {found.path}", audit_rows(document))]
    if document.passed:
        words = ["--reps", reps, "--audit", found.path, "--target", "NAME", "--out", "certificate/"]
        shown.append(following("consumer", "certify", *words))
    emit(result, as_json, *shown)
