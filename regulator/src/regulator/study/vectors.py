"""The study of a spec's vectors that is published with them: what they do to columns, and what S(x) covers."""

from __future__ import annotations

from collections.abc import Sequence

from regulator.study.coverage import measure_coverage
from regulator.study.effects import EffectSettings, measure_effects
from regulator.study.known_truth import KnownTruth
from regulator.vectors.groups import find_groups
from regulator.vectors.request import Encoded
from shared_spec.artifacts.quality import CoverageEntry, Quality
from shared_spec.chains import EditChains
from shared_spec.data.column import Column
from shared_spec.data.source import Source
from shared_spec.flow import Glow
from shared_spec.latents import evenly_spread
from shared_spec.progress import Report, silent
from shared_spec.seeds import Seed
from shared_spec.similarity import SimilaritySet

__all__ = ["columns_to_read", "known_names", "study_chains", "study_vectors"]

_INDIVIDUALS = 32
"""Of test, whose truly similar ones are looked at."""


def columns_to_read(
    source: Source, attributes: Sequence[str], study: Sequence[str]
) -> tuple[str, ...]:
    """The columns of a study: those asked for, after the binary attributes themselves; none if none is asked for.

    A vector's effect on others says little without its effect on its own attribute beside it.

    Raises:
        DataError: a column is unknown, or one of its groups is empty.
    """
    if not study:
        return ()
    own = [name for name in attributes if Column.parse(name).ends is None]
    columns = tuple(dict.fromkeys([*own, *study]))
    for column in columns:
        for split in ("train", "valid"):
            find_groups(source, split, column)
    return columns


def known_names(source: Source, names: Sequence[str]) -> list[str]:
    """The vectors' names that are columns of the data set; a direction that was discovered is none."""
    return [name for name in names if Column.parse(name).name in source.classes]


def study_vectors(
    quality: Quality,
    data: Encoded,
    similarity: SimilaritySet,
    names: Sequence[str],
    columns: Sequence[str],
    *,
    seed: Seed,
    settings: EffectSettings,
    report: Report = silent,
) -> Quality:
    """Measures what each vector does to `columns` and, where the data set knows the truth, what S(x) covers of it.

    Args:
        quality: the report of the gate, to which this is added.
        data: labels, images and latents.
        similarity: vectors [k, q] and epsilon.
        names: the vectors' names.
        columns: the label columns that are read.
        seed: of every draw.
        settings: how effects are measured.
        report: told what is done.

    Raises:
        DataError: a column is unknown or one of its groups is empty.
    """
    effects = measure_effects(data, similarity, names, columns, seed, settings, report)
    coverage = _known_coverage(data.source, data.flow, similarity, names, report)
    return quality.model_copy(update={"effects": effects, "coverage": coverage})


def study_chains(
    quality: Quality,
    source: Source,
    flow: Glow,
    chains: EditChains,
    names: Sequence[str],
    report: Report = silent,
) -> Quality:
    """As `study_vectors` of a spec along edits, of which only the coverage is measured: an edit is seen as it is."""
    coverage = _known_coverage(source, flow, chains, names, report)
    return quality.model_copy(update={"coverage": coverage})


def _known_coverage(
    source: Source,
    flow: Glow,
    similarity: SimilaritySet | EditChains,
    names: Sequence[str],
    report: Report,
) -> tuple[CoverageEntry, ...]:
    """What S(x) covers of the truth, where the data set knows it."""
    known = known_names(source, names)
    if not isinstance(source, KnownTruth) or not known:
        return ()
    rows = evenly_spread(len(source.sample_ids("test")), _INDIVIDUALS)
    measured = measure_coverage(
        source, "test", rows, flow, similarity, known, examples=0, report=report
    )
    return measured.table
