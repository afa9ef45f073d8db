"""individuals.csv of reps/: which row of which shard is whose, and the labels that the producer chose to share.

The file is read shard by shard, again whenever it is needed, and never held as a whole.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from shared_spec.artifacts.bundle_documents import Manifest
from shared_spec.artifacts.cells import read_cells
from shared_spec.artifacts.directory import open_listed
from shared_spec.artifacts.distinct import Repeats
from shared_spec.errors import ArtifactError

__all__ = [
    "INDIVIDUALS",
    "Individuals",
    "SplitRows",
    "format_header",
    "format_individuals",
    "format_shard",
    "individuals_of",
]

INDIVIDUALS = "individuals.csv"
"""Name of the file."""

_FIXED = ("sample_id", "split", "shard", "row")

_ID_LENGTH = 1000


@dataclass(frozen=True)
class SplitRows:
    """Individuals of one split, in the order of the tensors.

    Attributes:
        sample_ids: n ids.
        labels: class codes [n] per label column.
    """

    sample_ids: tuple[str, ...]
    labels: Mapping[str, npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Individuals:
    """All individuals of a bundle.

    Attributes:
        where: what to call the file.
        open: opens it; at its end the stream raises ArtifactError if it is not the file that the manifest lists.
        splits: how many individuals each split has here.
        labels: the classes of each label column.
        rows_per_shard: individuals per shard; the last of a split may hold fewer.
        firsts: per split of a part the position of the first that is here; 0 unless given.
    """

    where: str
    open: Callable[[], AbstractContextManager[BinaryIO]]
    splits: Mapping[str, int]
    labels: Mapping[str, Sequence[str]]
    rows_per_shard: int
    firsts: Mapping[str, int] = field(default_factory=dict)

    def check(self) -> None:
        """Reads the whole file, whose rows must stand in the order of the tensors.

        Raises:
            ArtifactError: for another header, an empty or duplicate id, a label that is no class, a row that is out of
                order, and splits or numbers of individuals other than these.
        """
        with Repeats() as repeats:
            for _, rows in self._read():
                for sample_id in rows.sample_ids:
                    repeats.add(sample_id)
            suspects = repeats.found()
        if suspects:
            self._refuse_twins(suspects)

    def of(self, split: str) -> SplitRows:
        """All of one split, in memory. Raises ArtifactError if the bundle does not have it, and as `check`."""
        parts = list(self.shards(split))
        return SplitRows(
            tuple(sample_id for part in parts for sample_id in part.sample_ids),
            {
                name: np.concatenate(
                    [np.zeros(0, np.int64), *(part.labels[name] for part in parts)]
                )
                for name in self.labels
            },
        )

    def shards(self, split: str) -> Iterator[SplitRows]:
        """One split, shard by shard. Raises ArtifactError as `of`; a file that was changed shows at its end."""
        if split not in self.splits:
            raise ArtifactError(
                f"{self.where}: no individuals of split {split!r}; it has {', '.join(self.splits)}"
            )
        return (rows for name, rows in self._read() if name == split)

    def _read(self) -> Iterator[tuple[str, SplitRows]]:
        """The file shard by shard, checked but for ids that stand twice."""
        names = sorted(self.labels)
        parts = {split: _Part(names) for split in self.splits}
        done = dict.fromkeys(self.splits, 0)
        codes = {
            name: {label: code for code, label in enumerate(self.labels[name])} for name in names
        }
        with self.open() as stream:
            for line, cells in enumerate(read_cells(stream, [*_FIXED, *names], self.where), 2):
                split = cells[1]
                if split not in parts:
                    raise ArtifactError(
                        f"{self.where}:{line}: there is no split {split!r:.100} here"
                    )
                self._check_place(cells, self.firsts.get(split, 0) + done[split], line)
                part, done[split] = parts[split], done[split] + 1
                for name, label in zip(names, cells[len(_FIXED) :], strict=True):
                    part.codes[name].append(self._code(name, label, codes[name], line))
                part.sample_ids.append(cells[0])
                if len(part.sample_ids) == self.rows_per_shard:
                    parts[split] = _Part(names)
                    yield split, part.rows()
        for split, expected in self.splits.items():
            if done[split] != expected:
                raise ArtifactError(
                    f"{self.where}: {split} lists {done[split]} individuals, expected {expected}"
                )
            if parts[split].sample_ids:
                yield split, parts[split].rows()

    def _check_place(self, cells: Sequence[str], index: int, line: int) -> None:
        sample_id, _, *place = cells[: len(_FIXED)]
        if not 0 < len(sample_id) <= _ID_LENGTH:
            raise ArtifactError(
                f"{self.where}:{line}: sample id {sample_id!r:.100} is empty or too long"
            )
        if place != [str(part) for part in divmod(index, self.rows_per_shard)]:
            raise ArtifactError(f"{self.where}:{line}: shard and row {place} are out of order")

    def _code(self, name: str, label: str, codes: Mapping[str, int], line: int) -> int:
        if label not in codes:
            raise ArtifactError(
                f"{self.where}:{line}: label {label!r:.100} of {name} is no class; expected one of "
                f"{', '.join(self.labels[name]):.300}"
            )
        return codes[label]

    def _refuse_twins(self, suspects: set[int]) -> None:
        """Raises ArtifactError if any id with one of these hashes stands twice."""
        seen: set[str] = set()
        for _, rows in self._read():
            for sample_id in rows.sample_ids:
                if hash(sample_id) in suspects:
                    if sample_id in seen:
                        raise ArtifactError(
                            f"{self.where}: sample id {sample_id!r:.100} stands twice"
                        )
                    seen.add(sample_id)


class _Part:
    """A shard's individuals as they are read."""

    def __init__(self, names: Sequence[str]) -> None:
        self.sample_ids: list[str] = []
        self.codes: dict[str, list[int]] = {name: [] for name in names}

    def rows(self) -> SplitRows:
        codes = {name: np.array(found, dtype=np.int64) for name, found in self.codes.items()}
        return SplitRows(tuple(self.sample_ids), codes)


def individuals_of(
    folder: Path,
    manifest: Manifest,
    counts: Mapping[str, int],
    firsts: Mapping[str, int] | None = None,
) -> Individuals:
    """The file that a folder's manifest lists, not read yet; `counts` are `splits` of `Individuals`."""
    return Individuals(
        str(folder / INDIVIDUALS),
        lambda: open_listed(folder, manifest.files, INDIVIDUALS),
        counts,
        manifest.labels,
        manifest.shard_rows,
        firsts or {},
    )


def format_individuals(
    splits: Mapping[str, Sequence[str]],
    labels: Mapping[str, Mapping[str, Sequence[str]]],
    rows_per_shard: int,
    firsts: Mapping[str, int] | None = None,
) -> Iterator[bytes]:
    """The file's bytes, piece by piece: per split its sample ids in order, and per label column and split the names.

    Label columns stand in the order of their names, as the manifest has no order of its own. `firsts` are those of
    `Individuals`.
    """
    yield format_header(labels)
    for split, sample_ids in splits.items():
        before = (firsts or {}).get(split, 0) // rows_per_shard
        for shard, first in enumerate(range(0, len(sample_ids), rows_per_shard), before):
            part = slice(first, first + rows_per_shard)
            named = {name: column[split][part] for name, column in labels.items()}
            yield format_shard(split, shard, sample_ids[part], named)


def format_header(labels: Iterable[str]) -> bytes:
    """The first line of the file, with these label columns."""
    return _lines([[*_FIXED, *sorted(labels)]])


def format_shard(
    split: str, shard: int, sample_ids: Sequence[str], labels: Mapping[str, Sequence[str]]
) -> bytes:
    """The lines of one shard's individuals, and their class names per label column."""
    n, columns = len(sample_ids), (labels[name] for name in sorted(labels))
    return _lines(zip(sample_ids, [split] * n, [shard] * n, range(n), *columns, strict=True))


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
