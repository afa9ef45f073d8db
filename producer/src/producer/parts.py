"""A part of a bundle: some of its shards and whose they are, sealed by one machine and merged with the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.bundle_documents import Manifest, Names
from shared_spec.artifacts.directory import (
    check_directory,
    list_files,
    load_directory_document,
    save_directory_document,
)
from shared_spec.artifacts.individuals import Cells, form_of, individuals_of
from shared_spec.artifacts.parts import PART, PartDocument, Share
from shared_spec.artifacts.shards import shard_name
from shared_spec.artifacts.tables import CSV, write_table
from shared_spec.errors import ArtifactError

__all__ = [
    "BundlePart",
    "BundlePartDocument",
    "load_bundle_part",
    "seal_part",
]


class BundlePartDocument(PartDocument):
    """part.json of a bundle's part."""

    media_type: Literal["application/vnd.lassi.representations-part.v1+json"] = (
        "application/vnd.lassi.representations-part.v1+json"
    )
    manifest: Manifest
    """What the whole bundle will say, but for its files."""
    order: Names
    """The splits, as they stand in the table: the keys of a stored document have no order of their own."""

    @model_validator(mode="after")
    def _is_not_sealed(self) -> Self:
        if self.manifest.files or self.manifest.content_digest:
            raise ValueError("the manifest is that of a finished bundle")
        if set(self.order) != set(self.manifest.splits):
            raise ValueError(
                f"the splits in order are {list(self.order)}, not those of the manifest"
            )
        return self

    @classmethod
    def of(cls, manifest: Manifest, shard: Share) -> Self:
        """Of a bundle that is not written yet, whose manifest has the splits in their order."""
        return cls(shard=shard, manifest=manifest, order=tuple(manifest.splits))

    @property
    def positions(self) -> dict[str, slice]:
        """Per split whose individuals are in it; splits of which nobody is are left out."""
        manifest, before, found = self.manifest, 0, {}
        mine = self.shard.of_list(manifest.shard_count)
        for split in self.order:
            count, rows = manifest.shards_of(split), manifest.shard_rows
            first, last = max(0, mine.start - before), min(count, mine.stop - before)
            if first < last:
                stop = min(manifest.splits[split].individuals, last * rows)
                found[split] = slice(first * rows, stop)
            before += count
        return found

    @property
    def shards(self) -> Iterator[tuple[str, int]]:
        """Split and number of each of its shards, which are neighbours in the bundle's order."""
        rows = self.manifest.shard_rows
        for split, within in self.positions.items():
            for first in range(within.start, within.stop, rows):
                yield split, first // rows


@dataclass(frozen=True)
class BundlePart:
    """A part whose document and individuals are checked; its shards are read, and checked, when they are asked for.

    Attributes:
        path: of the directory.
        document: what it says of itself.
        held: the bundle, of which only the part's own shards and individuals are here.
    """

    path: Path
    document: BundlePartDocument
    held: Bundle

    def __repr__(self) -> str:
        count = sum(self.held.individuals.splits.values())
        return f"BundlePart({self.path}: {self.document.shard}; {count} individuals; {self.digest})"

    @property
    def digest(self) -> str:
        """Content digest."""
        return self.document.content_digest

    @property
    def shards(self) -> Iterator[tuple[str, int]]:
        """Split and number of each shard, in the order of the bundle."""
        return self.document.shards


def seal_part(folder: Path, individuals: Iterable[Cells], plan: BundlePartDocument) -> None:
    """Writes individuals.csv and part.json beside the finished shards."""
    write_table(folder / CSV, form_of(plan.manifest.labels), individuals)
    complete = plan.model_copy(update={"files": list_files(folder, _files(plan))})
    save_directory_document(folder, PART, complete)


def _files(plan: BundlePartDocument) -> list[str]:
    """The names of all files but part.json, which follow from it."""
    return [CSV, *(shard_name(*place) for place in plan.shards)]


def load_bundle_part(path: Path | str | BundlePart) -> BundlePart:
    """Opens a part after checking its document, that its files are there, and whose its shards are.

    Raises:
        ArtifactError: if anything is missing, changed, unlisted, or not in its share.
    """
    if isinstance(path, BundlePart):
        return path
    path = Path(path)
    document = load_directory_document(path, PART, BundlePartDocument)
    manifest, share = document.manifest, document.shard
    count = len(share.of_list(manifest.shard_count))
    if count > len(document.files):  # before anything of that length is made
        raise ArtifactError(
            f"{path / PART}: lists {len(document.files)} files, of a part with {count} shards"
        )
    check_directory(path, PART, document.files, _files(document))
    listed = manifest.model_copy(update={"files": document.files})
    within = document.positions
    individuals = individuals_of(
        path, listed,
        {split: part.stop - part.start for split, part in within.items()},
        {split: part.start for split, part in within.items()},
    )  # fmt: skip
    individuals.check()
    return BundlePart(path, document, Bundle(path, listed, individuals))
