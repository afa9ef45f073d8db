"""What a study of the vectors found, as tables for a person."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from shared_spec.artifacts.quality import CoverageEntry, Quality
from shared_spec.console import table

__all__ = ["coverage_table", "study_tables"]


def study_tables(quality: Quality) -> list[Table]:
    """Tables of the readers, of the effects and of the coverage; empty where nothing was studied."""
    tables = []
    if quality.effects is not None:
        study = quality.effects
        readers = [
            [
                reader.column,
                reader.truth,
                f"{100 * reader.probe_accuracy:.1f}",
                f"{100 * reader.image_accuracy:.1f}",
                f"{reader.image_error:.3f}",
            ]
            for reader in study.readers
        ]
        effects = [
            [effect.vector, effect.column, f"{effect.logit:+.2f}", f"{effect.probability:+.3f}",
             f"{effect.reading:+.3f}", f"{100 * effect.rising:.0f}"]
            for effect in study.effects
        ]  # fmt: skip
        tables += [
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
    if quality.coverage:
        tables.append(coverage_table(quality.coverage))
    return tables


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
