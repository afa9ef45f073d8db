"""reps/: the representations that a producer hands to consumers, with a bound for every certified individual.

`manifest.json` says what they are, the table of individuals whose they are, and shards of bounded size hold the
numbers, so that neither party ever needs all of them in memory. To open a bundle needs no torch, which takes seconds to
load; whoever asks for tensors loads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from shared_spec.ahead import ahead
from shared_spec.artifacts.arrays import Array, parse_arrays
from shared_spec.artifacts.bundle_documents import Manifest
from shared_spec.artifacts.directory import check_directory, load_directory_document, read_listed
from shared_spec.artifacts.individuals import Individuals, SplitRows, individuals_of
from shared_spec.artifacts.shards import (
    MANIFEST,
    bundle_files,
    check_shard,
    counterparts_in,
    refuse_unseen,
    shard_document,
    shard_name,
)
from shared_spec.errors import ArtifactError, DataError
from shared_spec.views import contract_of

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["UNBOUNDED", "Bundle", "is_bundle", "load_bundle"]

Held = TypeVar("Held")

UNBOUNDED = float(np.finfo(np.float64).max)
"""The radius of an individual without a bound: no head's certified radius exceeds it."""


@dataclass(frozen=True)
class Bundle:
    """A bundle whose manifest and individuals are checked; shards are read, and checked, when they are asked for."""

    path: Path
    manifest: Manifest
    individuals: Individuals

    def __repr__(self) -> str:
        splits = ", ".join(f"{n.individuals} {split}" for split, n in self.manifest.splits.items())
        views = ", ".join(f"{view} ({n.statement})" for view, n in self.manifest.views.items())
        return f"Bundle({self.path}: {splits}; d = {self.dimension}; {views or 'no views'}; {self.digest})"

    @property
    def digest(self) -> str:
        """Content digest that certificates quote."""
        return self.manifest.content_digest

    def sample_ids(self, split: str) -> Sequence[str]:
        """Ids of all of the split's individuals, in the order of the tensors."""
        return self._split(split).sample_ids

    def labels(self, split: str, name: str) -> npt.NDArray[np.int64]:
        """Class codes [n] of a label column that the producer shares. Raises DataError for another one."""
        self.check_label(name)
        return self._split(split).labels[name]

    def check_label(self, name: str) -> None:
        """Raises DataError unless the producer shares a label column of this name."""
        if name not in self.manifest.labels:
            known = ", ".join(sorted(self.manifest.labels)) or "none"
            raise DataError(
                f"{self.path}: no labels {name!r} (it has: {known}); pass --labels FILE.csv with your own"
            )

    def _split(self, split: str) -> SplitRows:
        if split not in self._held:
            self._held[split] = self.individuals.of(split)
        return self._held[split]

    @cached_property
    def _held(self) -> dict[str, SplitRows]:
        return {}

    def shards(self, split: str) -> Iterator[dict[str, Tensor]]:
        """The tensors of each shard in order, none of which contradicts the manifest or another.

        Raises:
            ArtifactError: for a shard that is changed, belongs elsewhere, or contradicts itself.
        """
        return self._all(split, self.shard)

    def _all(
        self, split: str, read: Callable[[str, int], dict[str, Held]]
    ) -> Iterator[dict[str, Held]]:
        unseen = counterparts_in(self.manifest, split)
        self.individuals.shards(split)
        for shard in range(self.manifest.shards_of(split)):
            found = read(split, shard)
            unseen -= found.keys()
            yield found
        refuse_unseen(self.path, split, unseen)

    def shard(self, split: str, shard: int) -> dict[str, Tensor]:
        """The tensors of one shard. Raises ArtifactError as `shards`."""
        from shared_spec.artifacts.tensors import as_tensors
        from shared_spec.view_checks import check_bounds

        tensors = as_tensors(self._form(split, shard))
        check_bounds(str(self.path / shard_name(split, shard)), self.manifest, split, tensors)
        return tensors

    def _form(self, split: str, shard: int) -> dict[str, Array]:
        """What one shard holds, if it is unchanged, stands where it belongs and has the form of its views."""
        file, rows = shard_name(split, shard), self.manifest.shard_rows
        content = read_listed(self.path, self.manifest.files, file)
        arrays, document = parse_arrays(content, str(self.path / file), listed=True)
        place = shard_document(self.manifest, split, shard)
        there = min(rows, self.manifest.splits[split].individuals - shard * rows)
        check_shard(str(self.path / file), self.manifest, place, there, arrays, document)
        return arrays

    def walk(
        self, split: str, part: range | None = None
    ) -> Iterator[tuple[SplitRows, dict[str, Tensor]]]:
        """Whose each shard is and what it holds, one after the other; those of a part, or all. One is read ahead.

        Raises:
            ArtifactError: as `shards`; also at the end, if the table of individuals was changed.
        """
        people = self.individuals.shards(split)
        if part is None:
            return ahead(zip(people, self.shards(split), strict=True))
        numbered = enumerate(people)
        return ahead((who, self.shard(split, number)) for number, who in numbered if number in part)

    def gather(self, split: str, names: Sequence[str]) -> dict[str, Tensor]:
        """These tensors of the split, shards concatenated; a name that no shard holds is left out."""
        import torch

        parts: dict[str, list[Tensor]] = {}
        for tensors in self.shards(split):
            for name in names:
                if name in tensors:
                    parts.setdefault(name, []).append(tensors[name])
        return {name: torch.cat(values) for name, values in parts.items()}

    def check(self, *splits: str) -> None:
        """Reads every shard of these splits; of all unless given. Raises ArtifactError as `shards` does."""
        for split in splits or self.manifest.splits:
            for _ in self.shards(split):
                pass

    def check_form(self) -> None:
        """Reads every shard, but does not ask whether its bounds contradict each other, and so needs no torch.

        Raises:
            ArtifactError: for a shard that is changed, belongs elsewhere, or is not of the form of its views.
        """
        for split in self.manifest.splits:
            for _ in self._all(split, self._form):
                pass

    @cached_property
    def dimension(self) -> int:
        """d, the dimension of the representations."""
        return self.manifest.encoder.output_dim


def is_bundle(path: Path) -> bool:
    """Whether there is a manifest, so that the directory was meant to be a bundle."""
    return (path / MANIFEST).exists()


def load_bundle(path: Path | str | Bundle) -> Bundle:
    """Opens reps/; one that is open is returned.

    Checked are the manifest with the plans of its views, whose the representations are, and that the files are there.
    What is in the shards is checked when they are read, or by `Bundle.check`.

    Raises:
        ArtifactError: if anything is missing, changed, unlisted, or inconsistent.
    """
    if isinstance(path, Bundle):
        return path
    path = Path(path)
    manifest = load_directory_document(path, MANIFEST, Manifest)
    if manifest.shard_count > len(manifest.files):  # before anything of that length is made
        raise ArtifactError(
            f"{path / MANIFEST}: lists {len(manifest.files)} files, of a bundle with {manifest.shard_count} shards"
        )
    check_directory(path, MANIFEST, manifest.files, bundle_files(manifest))
    for view, entry in manifest.views.items():
        problem = contract_of(view).check_entry(entry, manifest.spec.epsilon)
        if problem is not None:
            raise ArtifactError(f"{path / MANIFEST}: {view} view: {problem}; trust none of it")
    counts = {split: entry.individuals for split, entry in manifest.splits.items()}
    individuals = individuals_of(path, manifest, counts)
    individuals.check()
    return Bundle(path, manifest, individuals)
