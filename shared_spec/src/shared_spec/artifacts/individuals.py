"""individuals.csv of reps/: which row of which shard is whose, and the labels that the producer chose to share."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared_spec.artifacts.cells import read_cells
from shared_spec.errors import ArtifactError

__all__ = ["Individuals", "SplitRows", "format_individuals", "read_individuals"]

_FIXED = ("sample_id", "split", "shard", "row")

_ID_LENGTH = 1000


@dataclass(frozen=True)
class SplitRows:
    """The individuals of one split, in the order of the tensors.

    Attributes:
        sample_ids: n ids.
        labels: class codes [n] per label column.
    """

    sample_ids: tuple[str, ...]
    labels: Mapping[str, npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Individuals:
    """All individuals of a bundle."""

    where: str
    splits: Mapping[str, SplitRows]

    def of(self, split: str) -> SplitRows:
        """One split. Raises ArtifactError if the bundle does not have it."""
        if split not in self.splits:
            raise ArtifactError(
                f"{self.where}: no individuals of split {split!r}; it has {', '.join(self.splits)}"
            )
        return self.splits[split]


def format_individuals(
    splits: Mapping[str, Sequence[str]],
    labels: Mapping[str, Mapping[str, Sequence[str]]],
    rows_per_shard: int,
) -> bytes:
    """The file's bytes: per split its sample ids in order, and per label column and split the class names.

    Label columns stand in the order of their names, as the manifest has no order of its own.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = sorted(labels)
    writer.writerow([*_FIXED, *names])
    for split, sample_ids in splits.items():
        for index, sample_id in enumerate(sample_ids):
            shard, row = divmod(index, rows_per_shard)
            writer.writerow(
                [sample_id, split, shard, row, *(labels[name][split][index] for name in names)]
            )
    return text.getvalue().encode()


def read_individuals(
    content: bytes,
    where: str,
    splits: Mapping[str, int],
    labels: Mapping[str, Sequence[str]],
    rows_per_shard: int,
) -> Individuals:
    """Reads individuals.csv, whose rows must stand in the order of the tensors.

    Args:
        content: the file.
        where: what to call it.
        splits: how many individuals each split has.
        labels: the classes of each label column.
        rows_per_shard: individuals per shard; the last of a split may hold fewer.

    Raises:
        ArtifactError: for another header, an empty or duplicate id, a label that is no class, a row that is out of
            order, and splits or numbers of individuals other than these.
    """
    names = sorted(labels)
    codes = [{label: code for code, label in enumerate(labels[name])} for name in names]
    ids: dict[str, list[str]] = {split: [] for split in splits}
    found: dict[str, list[list[int]]] = {split: [[] for _ in names] for split in splits}
    seen: set[str] = set()
    for line, cells in enumerate(read_cells(content, [*_FIXED, *names], where), 2):
        (sample_id, split, *place), row = cells[: len(_FIXED)], cells[len(_FIXED) :]
        if not 0 < len(sample_id) <= _ID_LENGTH or sample_id in seen:
            problem = "stands twice" if sample_id in seen else "is empty or too long"
            raise ArtifactError(f"{where}:{line}: sample id {sample_id!r:.100} {problem}")
        seen.add(sample_id)
        if split not in ids:
            raise ArtifactError(f"{where}:{line}: the manifest knows no split {split!r:.100}")
        if place != [str(part) for part in divmod(len(ids[split]), rows_per_shard)]:
            raise ArtifactError(f"{where}:{line}: shard and row {place} are out of order")
        ids[split].append(sample_id)
        for name, column, label, code in zip(names, found[split], row, codes, strict=True):
            if label not in code:
                raise ArtifactError(
                    f"{where}:{line}: label {label!r:.100} of {name} is no class; expected one of "
                    f"{', '.join(labels[name]):.300}"
                )
            column.append(code[label])
    for split, expected in splits.items():
        if len(ids[split]) != expected:
            raise ArtifactError(
                f"{where}: {split} lists {len(ids[split])} individuals, expected {expected}"
            )
    return Individuals(
        where,
        {
            split: SplitRows(
                tuple(ids[split]),
                {
                    name: np.array(column, dtype=np.int64)
                    for name, column in zip(names, found[split], strict=True)
                },
            )
            for split in splits
        },
    )
