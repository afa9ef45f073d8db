"""individuals.csv of reps/: which row of which shard is whose, and the labels that the producer chose to share."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shared_spec.errors import ArtifactError

__all__ = ["Individuals", "SplitRows", "format_individuals", "read_individuals"]

_FIXED = ("sample_id", "split", "shard", "row")


@dataclass(frozen=True)
class SplitRows:
    """The individuals of one split, in the order of the tensors."""

    where: str
    sample_ids: tuple[str, ...]
    rows_per_shard: tuple[int, ...]
    labels: Mapping[str, tuple[str, ...]]

    def codes(self, name: str, classes: Sequence[str]) -> npt.NDArray[np.int64]:
        """Class codes [n] of a label column. Raises ArtifactError for a label that is no class."""
        code = {label: index for index, label in enumerate(classes)}
        try:
            return np.array([code[label] for label in self.labels[name]], dtype=np.int64)
        except KeyError as error:
            raise ArtifactError(
                f"{self.where}: label {error.args[0]!r} of {name} is no class; expected one of {', '.join(classes)}"
            ) from error


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


def read_individuals(path: Path, label_names: Sequence[str]) -> Individuals:
    """Reads individuals.csv, whose rows must stand in the order of the tensors.

    Raises:
        ArtifactError: for another header, a duplicate id, or a row that is out of order.
    """
    ids: dict[str, list[str]] = {}
    sizes: dict[str, list[int]] = {}
    labels: dict[str, dict[str, list[str]]] = {}
    seen: set[str] = set()
    names = sorted(label_names)
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            if header != [*_FIXED, *names]:
                raise ArtifactError(f"{path}: header is {header}, expected {[*_FIXED, *names]}")
            for line, cells in enumerate(reader, 2):
                if len(cells) != len(header):
                    raise ArtifactError(
                        f"{path}:{line}: {len(cells)} cells, expected {len(header)}"
                    )
                sample_id, split, shard, row = cells[0], cells[1], int(cells[2]), int(cells[3])
                if sample_id in seen:
                    raise ArtifactError(f"{path}:{line}: sample id {sample_id!r} stands twice")
                seen.add(sample_id)
                counts = sizes.setdefault(split, [])
                if row == 0:
                    counts.append(0)
                if shard != len(counts) - 1 or row != counts[-1]:
                    raise ArtifactError(f"{path}:{line}: shard {shard}, row {row} is out of order")
                counts[-1] += 1
                ids.setdefault(split, []).append(sample_id)
                columns = labels.setdefault(split, {name: [] for name in names})
                for name, label in zip(names, cells[len(_FIXED) :], strict=True):
                    columns[name].append(label)
    except (OSError, ValueError, csv.Error) as error:
        raise ArtifactError(
            f"{path}: cannot be read ({error}); ask for the artefact again"
        ) from error
    splits = {
        split: SplitRows(
            where=str(path),
            sample_ids=tuple(ids[split]),
            rows_per_shard=tuple(sizes[split]),
            labels={name: tuple(values) for name, values in labels[split].items()},
        )
        for split in ids
    }
    return Individuals(str(path), splits)
