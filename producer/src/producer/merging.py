"""`producer.merge`: a bundle from the parts that several machines exported."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from producer.parts import BundlePart, load_bundle_part
from shared_spec.artifacts.atomic import (
    building,
    publish_directory,
    refuse_existing,
    writing_atomically,
)
from shared_spec.artifacts.bundle import Bundle, load_bundle
from shared_spec.artifacts.bundle_writing import seal_bundle
from shared_spec.artifacts.directory import open_listed
from shared_spec.artifacts.individuals import form_of
from shared_spec.artifacts.kinds import BUNDLE
from shared_spec.artifacts.parts import in_order
from shared_spec.artifacts.shards import counterparts_in, refuse_unseen, shard_name
from shared_spec.artifacts.tables import check_writable
from shared_spec.errors import ArtifactError
from shared_spec.progress import Report, silent, stage

__all__ = ["merge"]

_REMEDIES = (
    ("manifest.tool", "export all parts with one release of the packages and of torch"),
    ("shard.of", "export all parts of the same number"),
)


def merge(
    parts: Sequence[Path | str | BundlePart],
    out: Path | str,
    *,
    force: bool = False,
    report: Report = silent,
) -> Bundle:
    """Puts the parts of an export together; the bundle has the bytes of one that was exported at once.

    Guarantee: as `export`. Every shard is read and checked as a reader of the bundle checks it, and stands where its
    own document says that it belongs; what it states is the word of whoever exported the part.

    Args:
        parts: all of them, in any order; a part may be given twice if both have the same bytes.
        out: directory reps/ to write.
        force: replace what stands at `out`.
        report: told how many shards are done.

    Raises:
        SettingsError: `out` exists, or is one of the parts.
        ArtifactError: a part is missing, changed, of another bundle, or not what it should be.
    """
    out = Path(out)
    named = [part.path if isinstance(part, BundlePart) else Path(part) for part in parts]
    refuse_existing(out, force, kind=BUNDLE, inputs=named)
    found = in_order([load_bundle_part(part) for part in parts], _REMEDIES)
    check_writable(
        found[0].document.manifest.individuals, form_of(found[0].document.manifest.labels)
    )
    rows = (cells for part in found for cells in part.held.individuals.cells())
    with building(out) as partial:
        _copy_shards(found, out, partial, report)
        seal_bundle(partial, rows, found[0].document.manifest)
        try:
            load_bundle(partial)
        except ArtifactError as error:
            raise ArtifactError(f"the parts make no bundle: {error}") from None
        publish_directory(out, force, BUNDLE)
    return load_bundle(out)


def _copy_shards(parts: Sequence[BundlePart], out: Path, partial: Path, report: Report) -> None:
    manifest = parts[0].document.manifest
    unseen = {split: counterparts_in(manifest, split) for split in manifest.splits}
    advance, done = stage(report, "copying shards", manifest.shard_count), 0
    for part in parts:
        for split, number in part.shards:
            unseen[split] -= part.held.shard(split, number).keys()
            name = shard_name(split, number)
            with (
                open_listed(part.path, part.document.files, name) as source,
                writing_atomically(partial / name) as target,
            ):
                shutil.copyfileobj(source, target)
            done += 1
            advance(done, str(part.document.shard))
    for split, names in unseen.items():
        refuse_unseen(out, split, names)
