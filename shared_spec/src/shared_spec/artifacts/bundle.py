"""reps/: the representations that a producer hands to consumers, with a bound for every certified individual.

`manifest.json` says what they are, `individuals.csv` whose they are, and shards of bounded size hold the numbers, so
that neither party ever needs all of them in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shared_spec.artifacts.atomic import write_atomically
from shared_spec.artifacts.bundle_documents import Manifest
from shared_spec.artifacts.directory import (
    list_files,
    load_directory_document,
    save_directory_document,
)
from shared_spec.artifacts.individuals import Individuals, read_individuals
from shared_spec.artifacts.tensors import load_tensors, save_tensors
from shared_spec.errors import ArtifactError, DataError

__all__ = [
    "BOUND_STATUS",
    "UNBOUNDED",
    "Bundle",
    "is_bundle",
    "load_bundle",
    "save_shard",
    "seal_bundle",
    "shard_name",
]

BOUND_STATUS = ("BOUNDED", "ABSTAIN", "UNDECIDED")
"""What the codes in the `status` tensors mean."""

UNBOUNDED = float(np.finfo(np.float64).max)
"""The radius of an individual without a bound: no head's certified radius exceeds it."""

_MANIFEST, _INDIVIDUALS = "manifest.json", "individuals.csv"
_SHARD_MEDIA_TYPE = "application/vnd.lassi.representation-shard.v1+safetensors"


def shard_name(split: str, shard: int) -> str:
    """File name of a shard."""
    return f"{split}-{shard:05d}.safetensors"


def save_shard(folder: Path, split: str, shard: int, tensors: Mapping[str, Tensor]) -> None:
    """Writes one shard atomically: `representation` [n, d] f32 and, per view, the tensors of docs/format.md."""
    document = {"media_type": _SHARD_MEDIA_TYPE, "split": split, "shard": shard}
    save_tensors(folder / shard_name(split, shard), tensors, document)


def seal_bundle(folder: Path, individuals: bytes, manifest: Manifest) -> Manifest:
    """Writes individuals.csv and manifest.json beside the finished shards; returns the manifest as it was written.

    Its `files` and `content_digest` are set here.
    """
    write_atomically(folder / _INDIVIDUALS, individuals)
    names = [path.name for path in folder.iterdir() if path.name != _MANIFEST]
    complete = manifest.model_copy(update={"files": list_files(folder, names)})
    return save_directory_document(folder, _MANIFEST, complete)


@dataclass(frozen=True)
class Bundle:
    """A checked bundle; tensors are read shard by shard when they are asked for."""

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
        """Ids of the split's individuals, in the order of the tensors."""
        return self.individuals.of(split).sample_ids

    def labels(self, split: str, name: str) -> npt.NDArray[np.int64]:
        """Class codes [n] of a label column that the producer shares. Raises DataError for another one."""
        if name not in self.manifest.labels:
            known = ", ".join(sorted(self.manifest.labels)) or "none"
            raise DataError(
                f"{self.path}: no labels {name!r} (it has: {known}); pass --labels FILE.csv with your own"
            )
        return self.individuals.of(split).codes(name, self.manifest.labels[name])

    def shards(self, split: str) -> Iterator[dict[str, Tensor]]:
        """The tensors of each shard in order, checked against the manifest."""
        rows = self.individuals.of(split).rows_per_shard
        for shard, expected in enumerate(rows):
            path = self.path / shard_name(split, shard)
            tensors, document = load_tensors(path)
            if document.get("media_type") != _SHARD_MEDIA_TYPE:
                raise ArtifactError(
                    f"{path}: media type is {document.get('media_type')!r}, expected a shard"
                )
            self._check_shard(path, split, expected, tensors)
            yield tensors

    def gather(self, split: str, names: Sequence[str]) -> dict[str, Tensor]:
        """These tensors of the split, shards concatenated; a name that no shard holds is left out."""
        parts: dict[str, list[Tensor]] = {}
        for tensors in self.shards(split):
            for name in names:
                if name in tensors:
                    parts.setdefault(name, []).append(tensors[name])
        return {name: torch.cat(values) for name, values in parts.items()}

    @cached_property
    def dimension(self) -> int:
        """d, the dimension of the representations."""
        return self.manifest.encoder.output_dim

    def _check_shard(
        self, path: Path, split: str, rows: int, tensors: Mapping[str, Tensor]
    ) -> None:
        expected: dict[str, tuple[tuple[int, ...], torch.dtype]] = {
            "representation": ((rows, self.dimension), torch.float32)
        }
        for view, entry in self.manifest.views.items():
            if split in entry.splits:
                expected[f"{view}.centre"] = ((rows, self.dimension), torch.float32)
                expected[f"{view}.radius"] = ((rows,), torch.float64)
                expected[f"{view}.status"] = ((rows,), torch.uint8)
        for name, (shape, dtype) in expected.items():
            tensor = tensors.get(name)
            if tensor is None or tuple(tensor.shape) != shape or tensor.dtype != dtype:
                found = "nothing" if tensor is None else f"{tensor.dtype} {tuple(tensor.shape)}"
                raise ArtifactError(f"{path}: tensor {name}: expected {dtype} {shape}, got {found}")
            if name.endswith(".radius") and bool((tensor < 0).any()):
                raise ArtifactError(f"{path}: tensor {name} holds a negative radius")


def is_bundle(path: Path) -> bool:
    """Whether there is a manifest, so that the directory was meant to be a bundle."""
    return (path / _MANIFEST).exists()


def load_bundle(path: Path | str | Bundle) -> Bundle:
    """Opens reps/ after checking the manifest's digest and the hash of every file; one that is open is returned.

    Raises:
        ArtifactError: if anything is missing, changed, unlisted, or inconsistent.
    """
    if isinstance(path, Bundle):
        return path
    path = Path(path)
    manifest = load_directory_document(path, _MANIFEST, Manifest)
    individuals = read_individuals(path / _INDIVIDUALS, tuple(manifest.labels))
    for split, entry in manifest.splits.items():
        found = len(individuals.of(split).sample_ids)
        if found != entry.individuals:
            raise ArtifactError(
                f"{path}: {split} lists {found} individuals, expected {entry.individuals}"
            )
    return Bundle(path, manifest, individuals)
