"""Writing reps/: shards first, then the individuals, and last the manifest that lists them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import Tensor

from shared_spec.artifacts.bundle_documents import Manifest
from shared_spec.artifacts.directory import list_files, save_directory_document
from shared_spec.artifacts.individuals import Cells, form_of
from shared_spec.artifacts.shards import MANIFEST, bundle_files, shard_document, shard_name
from shared_spec.artifacts.tables import table_name, write_table
from shared_spec.artifacts.tensors import save_tensors

__all__ = ["save_shard", "seal_bundle"]


def save_shard(
    folder: Path, manifest: Manifest, split: str, shard: int, tensors: Mapping[str, Tensor]
) -> None:
    """Writes one shard atomically: `representation` [n, d] f32 and, per view, the tensors of docs/format.md.

    It says for which spec and by which encoder of the manifest it was made.
    """
    document = shard_document(manifest, split, shard)
    save_tensors(
        folder / shard_name(split, shard),
        tensors,
        document.model_dump(mode="json", exclude={"content_digest"}),
    )


def seal_bundle(folder: Path, individuals: Iterable[Cells], manifest: Manifest) -> Manifest:
    """Writes the individuals and manifest.json beside the finished shards; returns the manifest as it was written.

    Its `files` and `content_digest` are set here. The individuals are written as they come.
    """
    manifest = manifest.model_copy(update={"files": ()})
    write_table(folder / table_name(manifest.individuals), form_of(manifest.labels), individuals)
    complete = manifest.model_copy(update={"files": list_files(folder, bundle_files(manifest))})
    return save_directory_document(folder, MANIFEST, complete)
