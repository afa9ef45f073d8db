"""The individuals of reps/: which row of which shard is whose, and the labels that the producer chose to share.

Their table is read shard by shard, again whenever it is needed, and never held as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from shared_spec.artifacts.bundle_documents import Manifest
from shared_spec.artifacts.cells import Block, Form, Kind
from shared_spec.artifacts.distinct import Repeats
from shared_spec.artifacts.tables import read_table, table_name
from shared_spec.errors import ArtifactError
from shared_spec.text import LONGEST_ID

__all__ = [
    "Cells",
    "Individuals",
    "SplitRows",
    "form_of",
    "individuals_of",
    "list_individuals",
    "list_shard",
]

Cells: TypeAlias = Sequence[Sequence[Any]]
"""Rows of the table, column by column."""

_FIXED = (
    ("sample_id", Kind.NAME),
    ("split", Kind.WORD),
    ("shard", Kind.COUNT),
    ("row", Kind.COUNT),
)
_SPLIT = 1


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
        blocks: reads it; raises ArtifactError at its end if it is not the file that the manifest lists.
        splits: how many individuals each split has here.
        labels: the classes of each label column.
        rows_per_shard: individuals per shard; the last of a split may hold fewer.
        firsts: per split of a part the position of the first that is here; 0 unless given.
    """

    where: str
    blocks: Callable[[], Iterator[Block]]
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
            for _, rows in self.together(self.splits):
                repeats.add(rows.sample_ids)
            suspects = repeats.found()
        if suspects:
            self._refuse_twins(suspects)

    def cells(self) -> Iterator[Cells]:
        """The table's rows as they are written, some at a time. Raises ArtifactError for what is no such table."""
        for block in self.blocks():
            sample_ids, split, shards, rows, *labels = block.columns
            yield [sample_ids, split, block.counts(shards), block.counts(rows), *labels]

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
        return (rows for _, rows in self.together([split]))

    def together(self, splits: Collection[str]) -> Iterator[tuple[str, SplitRows]]:
        """These splits shard by shard, in one pass over the file. Raises ArtifactError as `shards`."""
        parts = {split: _Part(split, self) for split in splits}
        for block in self.blocks():
            for split, found in block.runs(_SPLIT):
                if split in parts:
                    yield from ((split, rows) for rows in parts[split].add(found))
                elif split not in self.splits:
                    raise ArtifactError(
                        f"{self.where}:{found.first}: there is no split {split!r:.100} here"
                    )
        for split, part in parts.items():
            yield from ((split, rows) for rows in part.last())

    def _refuse_twins(self, suspects: set[int]) -> None:
        """Raises ArtifactError if any id with one of these hashes stands twice."""
        seen: set[str] = set()
        for _, rows in self.together(self.splits):
            for sample_id in rows.sample_ids:
                if hash(sample_id) in suspects:
                    if sample_id in seen:
                        raise ArtifactError(
                            f"{self.where}: sample id {sample_id!r:.100} stands twice"
                        )
                    seen.add(sample_id)


class _Part:
    """A split as it is read.

    Args:
        split: its name.
        individuals: of whom it is one.
    """

    def __init__(self, split: str, individuals: Individuals) -> None:
        self._split, self._of = split, individuals
        self._codes = {
            name: {label: code for code, label in enumerate(individuals.labels[name])}
            for name in sorted(individuals.labels)
        }
        self._shard = self._before = individuals.firsts.get(split, 0) // individuals.rows_per_shard
        self._start()

    def _start(self) -> None:
        self._sample_ids: list[str] = []
        self._labels: dict[str, list[int]] = {name: [] for name in self._codes}

    def add(self, rows: Block) -> Iterator[SplitRows]:
        """More rows; the shards that they complete."""
        most, done = self._of.rows_per_shard, 0
        while done < len(rows):
            end = min(len(rows), done + most - len(self._sample_ids))
            self._hold(rows.cut(done, end))
            done = end
            if len(self._sample_ids) == most:
                yield self._rows()
                self._shard += 1
                self._start()

    def last(self) -> Iterator[SplitRows]:
        """The last shard, if it is not full. Raises ArtifactError unless the split has as many as it should."""
        found = (self._shard - self._before) * self._of.rows_per_shard + len(self._sample_ids)
        if found != self._of.splits[self._split]:
            raise ArtifactError(
                f"{self._of.where}: {self._split} lists {found} individuals, expected {self._of.splits[self._split]}"
            )
        if self._sample_ids:
            yield self._rows()

    def _rows(self) -> SplitRows:
        codes = {name: np.array(found, dtype=np.int64) for name, found in self._labels.items()}
        return SplitRows(tuple(self._sample_ids), codes)

    def _hold(self, block: Block) -> None:
        """Checks and keeps rows of one shard."""
        sample_ids, _, shards, rows, *labels = block.columns
        lengths = set(map(len, sample_ids))
        if min(lengths) == 0 or max(lengths) > LONGEST_ID:
            what = "as a sample id is empty or too long"
            block.refuse(sample_ids, lambda cell: 0 < len(cell) <= LONGEST_ID, what)
        shard, start = self._shard, len(self._sample_ids)
        shards, rows = block.counts(shards), block.counts(rows)
        places = list(range(start, start + len(block)))
        if rows != places or shards != [shard] * len(block):
            at = next(n for n, at in enumerate(zip(shards, rows, strict=True)) if at != (shard, places[n]))  # fmt: skip
            raise ArtifactError(
                f"{block.where}:{block.first + at}: shard and row {[shards[at], rows[at]]} are out of order"
            )
        for (name, codes), column in zip(self._codes.items(), labels, strict=True):
            if not set(column) <= codes.keys():
                expected = f"one of {', '.join(self._of.labels[name]):.300}"
                what = f"of {name} is no class; expected {expected}"
                block.refuse(column, codes.__contains__, what)
            self._labels[name] += [codes[label] for label in column]
        self._sample_ids += sample_ids


def form_of(labels: Iterable[str]) -> Form:
    """The table's columns: these label columns stand in the order of their names, as the manifest has no order."""
    return (*_FIXED, *((name, Kind.WORD) for name in sorted(labels)))


def individuals_of(
    folder: Path,
    manifest: Manifest,
    counts: Mapping[str, int],
    firsts: Mapping[str, int] | None = None,
) -> Individuals:
    """The table that a folder's manifest lists, not read yet; `counts` are `splits` of `Individuals`."""
    rows = sum(counts.values())
    return Individuals(
        str(folder / table_name(rows, manifest.files)),
        lambda: read_table(folder, manifest.files, form_of(manifest.labels), rows),
        counts,
        manifest.labels,
        manifest.shard_rows,
        firsts or {},
    )


def list_individuals(
    splits: Mapping[str, Sequence[str]],
    labels: Mapping[str, Mapping[str, Sequence[str]]],
    rows_per_shard: int,
    firsts: Mapping[str, int] | None = None,
) -> Iterator[Cells]:
    """The table's rows, shard by shard: per split its sample ids in order, and per label column and split the names.

    `firsts` are those of `Individuals`.
    """
    for split, sample_ids in splits.items():
        before = (firsts or {}).get(split, 0) // rows_per_shard
        for shard, first in enumerate(range(0, len(sample_ids), rows_per_shard), before):
            part = slice(first, first + rows_per_shard)
            named = {name: column[split][part] for name, column in labels.items()}
            yield list_shard(split, shard, sample_ids[part], named)


def list_shard(
    split: str, shard: int, sample_ids: Sequence[str], labels: Mapping[str, Sequence[str]]
) -> Cells:
    """The rows of one shard's individuals, with their class names per label column."""
    n, columns = len(sample_ids), [labels[name] for name in sorted(labels)]
    return [sample_ids, [split] * n, [shard] * n, range(n), *columns]
