"""What was found, as rows and tables for a person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

from rich.table import Table

from shared_spec.console import table

if TYPE_CHECKING:
    from regulator.data_check.check import DataReport
    from shared_spec.artifacts.quality import CoverageEntry, EffectsEntry, Quality
    from shared_spec.artifacts.spec_documents import SpecDocument

__all__ = ["coverage_table", "data_rows", "problem_lines", "spec_rows", "study_tables"]

_CLASSES, _ASSOCIATIONS = 10, 20

_COUNTED = {
    "vector": "lengths of the vector",
    "unit-vector": "units, of which the vector is one long",
    "edit": "strengths of the edit",
    "counterpart": "nothing: the images are given",
}


def spec_rows(document: SpecDocument) -> list[list[str]]:
    """What a spec's document says."""
    flow, quality = document.flow, document.quality
    inside, outside = quality.in_distribution, quality.out_of_distribution
    rows = [
        ["digest", document.content_digest],
        ["similar along", document.similar],
        ["epsilon", f"{document.epsilon:g}"],
        ["flow", f"{flow.size} px, {flow.blocks} blocks x {flow.flows} flows x {flow.hidden}, {flow.coupling}"],
        ["flow digest", document.flow_digest],
        ["data", f"{document.data.uri}, {document.data.digest}"],
        ["bits per dimension", f"{quality.bits_per_dim:.4f} on {quality.images} held-out images"],
        ["inversion error", f"max {inside.max:.2e}, p99.9 {inside.p999:.2e}"],
        ["  on noise", f"max {outside.max:.2e}, p99.9 {outside.p999:.2e}"],
        ["published by", f"{document.tool.name} {document.tool.version}, seed {document.seed}"],
    ]  # fmt: skip
    for entry in document.attributes:
        counts = ", ".join(f"{count} {name}" for name, count in entry.counts.items())
        adjusted = entry.settings.get("adjusted_for")
        how = f"{entry.method} adjusted for {adjusted}" if adjusted else entry.method
        text = f"{how}, norm {entry.norm:.4g}, epsilon counts {_COUNTED[entry.unit]}; {counts}"
        rows.append([f"attribute {entry.name}", text])
    return rows


def data_rows(report: DataReport) -> list[list[str]]:
    """What a data set holds; of many classes or associations the first."""
    counts = ", ".join(f"{count} {split}" for split, count in report.counts.items())
    rows = [["individuals", counts]]
    rows += [["splits from", report.split_rule]] if report.split_rule else []
    rows.append(["images decoded", str(report.images_checked)])
    if report.images_unlisted:
        beside = f"{report.images_unlisted} beside these, which no line names"
        rows.append(["images left out", beside])
    for split, columns in report.balance.items():
        for column, classes in columns.items():
            total = sum(classes.values()) or 1
            shares = [f"{name} {100 * count / total:.1f}%" for name, count in classes.items()]
            more = ["…"] if len(shares) > _CLASSES else []
            rows.append([f"{split} {column}", ", ".join(shares[:_CLASSES] + more)])
    for pair in report.associations[:_ASSOCIATIONS]:
        if pair.cramers_v is not None:
            phi = "" if pair.phi is None else f", phi {pair.phi:+.3f}"
            rows.append(
                [f"{pair.split} {pair.first} ~ {pair.second}", f"V {pair.cramers_v:.3f}{phi}"]
            )
    rows += [[f"no label: {name}", reason] for name, reason in report.unserved.items()]
    return rows


def problem_lines(data: str, report: DataReport) -> list[str]:
    """What is wrong, cause by cause; and of a folder's `metadata.csv` how it should look."""
    lines = []
    for cause in report.causes:
        lines.append(f"problem: {cause.first}")
        if cause.count > 1:
            more = ", …" if cause.count > len(cause.others) + 1 else ""
            some = ", ".join(cause.others)
            lines.append(f"         and {cause.count - 1} more of this kind: {some}{more}")
    scheme, _, place = data.partition(":")
    if scheme == "folder" and any("metadata.csv" in cause.first for cause in report.causes):
        from regulator.data_check.mended import mended_example

        example = indent(mended_example(Path(place)), "    ")
        lines.append(f"metadata.csv as it is expected, for example:\n{example}")
    return lines


def study_tables(quality: Quality) -> list[Table]:
    """Tables of the readers, of the effects and of the coverage; empty where nothing was studied."""
    tables = _effects_tables(quality.effects) if quality.effects is not None else []
    return [*tables, coverage_table(quality.coverage)] if quality.coverage else tables


def _effects_tables(study: EffectsEntry) -> list[Table]:
    readers = [
        [reader.column, reader.truth, f"{100 * reader.probe_accuracy:.1f}", f"{100 * reader.image_accuracy:.1f}",
         f"{reader.image_error:.3f}"]
        for reader in study.readers
    ]  # fmt: skip
    effects = [
        [effect.vector, effect.column, f"{effect.logit:+.2f}", f"{effect.probability:+.3f}",
         f"{effect.reading:+.3f}", f"{100 * effect.rising:.0f}"]
        for effect in study.effects
    ]  # fmt: skip
    return [
        table(
            "how well each column is read, on held-out individuals",
            ["column", "truth", "in latents %", "in images %", "off by"],
            readers,
        ),
        table(
            f"what changes from t = -epsilon to epsilon, means over {study.individuals} individuals",
            ["vector", "column", "logit", "probability", "read in images", "rising %"],
            effects,
        ),
    ]


def coverage_table(entries: Sequence[CoverageEntry]) -> Table:
    """How far S(x) covers the truth, one line per attribute."""
    rows = [
        [row.attribute, f"{row.relative_mean:.3f}", f"{row.relative_p90:.3f}", f"{100 * row.at_border:.0f}",
         f"{row.pixel_set:.1f}", f"{row.pixel_line:.1f}", f"{row.pixel_self:.1f}"]
        for row in entries
    ]  # fmt: skip
    columns = ["attribute", "distance left", "p90", "at border %"]
    columns += ["pixels: S(x)", "best along a", "x itself"]
    return table("the truly similar, from the nearest point of S(x)", columns, rows)
