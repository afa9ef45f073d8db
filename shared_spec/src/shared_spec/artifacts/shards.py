"""Shards of a bundle: what says that one belongs where it stands, and what is wrong with its numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from shared_spec.artifacts.arrays import Array, dtype_name
from shared_spec.artifacts.bundle_documents import Manifest, ShardDocument
from shared_spec.artifacts.document import parse_document
from shared_spec.artifacts.tables import table_name
from shared_spec.errors import ArtifactError
from shared_spec.views import TensorForm, contract_of

__all__ = [
    "COUNTERPART",
    "MANIFEST",
    "OWNER",
    "bundle_files",
    "check_shard",
    "counterparts_in",
    "refuse_unseen",
    "shard_document",
    "shard_name",
]

COUNTERPART, OWNER = "counterparts.{}.representation", "counterparts.{}.owner"
"""Names of the two tensors of an attribute's counterparts."""

MANIFEST = "manifest.json"
"""Name of the document of a bundle."""

_REPRESENTATION = TensorForm(("n", "d"), "F32")


def shard_name(split: str, shard: int) -> str:
    """File name of a shard."""
    return f"{split}-{shard:05d}.safetensors"


def bundle_files(manifest: Manifest) -> list[str]:
    """The names of all files but the manifest, which follow from it."""
    table = table_name(manifest.individuals, manifest.files)
    return [table, *(shard_name(*place) for place in manifest.shards)]


def shard_document(manifest: Manifest, split: str, shard: int) -> ShardDocument:
    """What a shard at this place of the bundle says of itself."""
    return ShardDocument(
        spec_digest=manifest.spec.digest,
        encoder_digest=manifest.encoder.digest,
        split=split,
        shard=shard,
    )


def counterparts_in(manifest: Manifest, split: str) -> set[str]:
    """Names of the tensors of counterparts, each of which some shard of the split holds."""
    return {COUNTERPART.format(name) for name in manifest.counterparts_of(split)}


def refuse_unseen(folder: Path, split: str, unseen: Collection[str]) -> None:
    """Raises ArtifactError if there are counterparts that no shard of the split held."""
    if unseen:
        raise ArtifactError(
            f"{folder}: no shard of {split} holds {min(unseen)}, of which the manifest speaks; trust none of it"
        )


def check_shard(
    where: str,
    manifest: Manifest,
    place: ShardDocument,
    rows: int,
    arrays: Mapping[str, Array],
    document: Mapping[str, Any],
) -> None:
    """Checks the form of a shard that was read; `shared_spec.view_checks` knows what its numbers may be.

    Args:
        where: what to call it.
        manifest: of the bundle.
        place: what its document must say.
        rows: n, its individuals.
        arrays: what it holds.
        document: what it says.

    Raises:
        ArtifactError: it belongs elsewhere, or holds other tensors than its views have.
    """
    stated = parse_document(ShardDocument, document, where)
    for name in ("spec_digest", "encoder_digest", "split", "shard"):
        if getattr(stated, name) != getattr(place, name):
            raise ArtifactError(
                f"{where}: belongs elsewhere: {name} is {getattr(stated, name)}, "
                f"expected {getattr(place, name)}"
            )
    forms = {"representation": _REPRESENTATION} | {
        f"{view}.{name}": form
        for view in manifest.bounding(place.split)
        for name, form in contract_of(view).tensors.items()
    }
    sizes = {
        "n": rows,
        "d": manifest.encoder.output_dim,
        "1+k": 1 + len(manifest.spec.attributes),
    }
    counterparts = manifest.counterparts_of(place.split)
    for name in counterparts:
        forms[COUNTERPART.format(name)] = TensorForm(("m", "d"), "F32", required=False)
        forms[OWNER.format(name)] = TensorForm(("m",), "I64", required=False)
    _check_forms(where, forms, sizes, arrays)
    for name in counterparts:
        _check_owners(
            where, rows, arrays.get(COUNTERPART.format(name)), arrays.get(OWNER.format(name))
        )


def _check_forms(
    where: str,
    forms: Mapping[str, TensorForm],
    sizes: Mapping[str, int],
    arrays: Mapping[str, Array],
) -> None:
    for name in arrays:
        if name not in forms:
            raise ArtifactError(f"{where}: tensor {name:.100}: there is no such tensor in a shard")
    for name, form in forms.items():
        array = arrays.get(name)
        if array is None:
            if form.required:
                raise ArtifactError(f"{where}: tensor {name} is missing")
            continue
        found = f"{dtype_name(array)} {list(array.shape)}"
        expected = f"{form.dtype} {[sizes.get(dim, dim) for dim in form.dims]}"
        fits = len(form.dims) == array.ndim and all(
            size == sizes.get(dim, max(size, 1))
            for dim, size in zip(form.dims, array.shape, strict=True)
        )
        if not fits or dtype_name(array) != form.dtype:
            raise ArtifactError(f"{where}: tensor {name}: expected {expected}, got {found}")


def _check_owners(where: str, rows: int, points: Array | None, owners: Array | None) -> None:
    """Every counterpart is of one of the shard's individuals, and they stand in their order."""
    if points is None and owners is None:
        return
    if points is None or owners is None or len(points) != len(owners):
        raise ArtifactError(f"{where}: counterparts without owners, or owners without counterparts")
    if not bool(((owners >= 0) & (owners < rows)).all()) or bool((np.diff(owners) < 0).any()):
        raise ArtifactError(
            f"{where}: counterparts of somebody else, or not in the order of their owners"
        )
