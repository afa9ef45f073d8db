"""Writing a bundle, shard by shard, so that nothing is lost when a run is killed.

The shards of a bundle are a fixed partition of its individuals and each depends on nothing but its own, so the bytes
are the same for one process or many, for one machine or many, and a run that goes on after a kill only adds what is
missing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

from producer.contents import BundleContents
from producer.identity import refuse_other
from producer.parts import BundlePart, BundlePartDocument, load_bundle_part, seal_part
from shared_spec.artifacts.atomic import (
    Kind,
    begun_file,
    building,
    empty_directory,
    partial_directory,
    publish_directory,
    storage_errors,
    write_atomically,
)
from shared_spec.artifacts.bundle import Bundle, load_bundle
from shared_spec.artifacts.bundle_documents import Manifest
from shared_spec.artifacts.bundle_writing import save_shard, seal_bundle
from shared_spec.artifacts.canonical import canonical_json, parse_json
from shared_spec.artifacts.document import parse_document
from shared_spec.artifacts.kinds import BUNDLE, BUNDLE_PART
from shared_spec.artifacts.parts import Share
from shared_spec.artifacts.shards import shard_name
from shared_spec.distributed import Workers
from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.progress import Report, remark, silent, stage

__all__ = ["Plan", "refuse_other_plan", "write_bundle", "write_part"]

Plan: TypeAlias = Manifest | BundlePartDocument
"""What a directory will say of itself but for its files: the bundle's manifest, or that of a part of it."""


def refuse_other_plan(out: Path, plan: Plan, force: bool, apart_from: Collection[str] = ()) -> None:
    """Raises SettingsError if `out` was exported, or its export begun, with other settings and `force` is off.

    Which release finished a bundle does not matter. One that is continued must be the work of one release, since
    another may compute other last bits.
    """
    if force:
        return
    apart = {"files", "content_digest", *apart_from}
    if out.exists():
        _compare(out, _made(out, plan), plan, {"tool", *apart})
        return
    where = partial_directory(out)
    try:
        begun = _begun(out, plan)
    except ArtifactError:
        raise SettingsError(
            f"{where}: something else was begun there; name another `out`, or pass `force` to replace it"
        ) from None
    if begun is not None:
        refuse_other(where, "exported", _manifest(begun).tool, _manifest(plan).tool)
        _compare(where, begun, plan, apart)


def _compare(where: Path, found: Plan, plan: Plan, apart: Collection[str]) -> None:
    refuse_other(where, "exported", _manifest(found), _manifest(plan), apart)
    refuse_other(where, "exported", found, plan, {"manifest", *apart})


def _manifest(plan: Plan) -> Manifest:
    return plan if isinstance(plan, Manifest) else plan.manifest


def _made(out: Path, plan: Plan) -> Plan:
    """What the finished directory says."""
    return (
        load_bundle(out).manifest if isinstance(plan, Manifest) else load_bundle_part(out).document
    )


def write_bundle(
    out: Path,
    contents: BundleContents,
    force: bool = False,
    workers: Workers | None = None,
    report: Report = silent,
) -> Bundle:
    """Writes the bundle, or what is missing of it.

    Args:
        out: the directory to write; until it is complete it stands beside, under a name that no reader accepts.
        contents: what to write.
        force: replace what stands there.
        workers: the processes that share the shards; all must call with the same arguments.
        report: told how many individuals this process has bounded, in one view after the other.

    Raises:
        SettingsError: if `out` was exported, or its export begun, with other settings, or another process writes it.
        LassiError: if the place cannot be written.
    """

    def seal(partial: Path) -> None:
        seal_bundle(partial, contents.individuals(), contents.manifest)

    _write(out, contents.manifest, contents, seal, BUNDLE, force, workers or Workers(), report)
    return load_bundle(out)


def write_part(
    out: Path,
    contents: BundleContents,
    shard: Share,
    force: bool = False,
    workers: Workers | None = None,
    report: Report = silent,
) -> BundlePart:
    """Writes a part of the bundle, whose own individuals `contents` has, as `write_bundle` writes all of it."""
    plan = BundlePartDocument.of(contents.manifest, shard)

    def seal(partial: Path) -> None:
        seal_part(partial, contents.individuals(), plan)

    _write(out, plan, contents, seal, BUNDLE_PART, force, workers or Workers(), report)
    return load_bundle_part(out)


def _write(
    out: Path,
    plan: Plan,
    contents: BundleContents,
    seal: Callable[[Path], None],
    kind: Kind,
    force: bool,
    workers: Workers,
    report: Report,
) -> None:
    refuse_other_plan(out, plan, force)
    there = out.exists() and not force
    if there:
        remark(report, f"using {out}, exported before with the same settings")
    workers.wait()
    if not there:
        with ExitStack() as stack:
            if workers.first:
                _prepare(out, plan, stack.enter_context(building(out, keep=True)))
            workers.wait()
            partial = partial_directory(out)
            _write_shards(partial, contents, workers, report)
            workers.wait()
            if workers.first:
                seal(partial)
                publish_directory(out, force, kind)
    if workers.first and not partial_directory(out).exists():
        begun_file(out).unlink(missing_ok=True)
    workers.wait()


def _begun(out: Path, plan: Plan) -> Plan | None:
    """What an export of `out` that was cut off would have said, if it was of the same kind."""
    file = begun_file(out)
    if not (file.exists() and partial_directory(out).exists()):
        return None
    return parse_document(type(plan), parse_json(file.read_bytes(), str(file)), str(file))


def _prepare(out: Path, plan: Plan, partial: Path) -> None:
    """Leaves in the partial directory what an earlier run of this export finished, and nothing else."""
    try:
        same = _begun(out, plan) == plan
    except ArtifactError:
        same = False
    if same:
        for litter in partial.glob(".*.partial"):
            litter.unlink()
        return
    with storage_errors(out):
        empty_directory(partial)
    write_atomically(begun_file(out), canonical_json(plan.model_dump(mode="json")))


def _write_shards(folder: Path, contents: BundleContents, workers: Workers, report: Report) -> None:
    """Writes this process's share of the shards that are not there yet."""
    shards = [
        shard
        for shard in contents.shards()[workers.rank :: workers.world]
        if not (folder / shard_name(shard.split, shard.number)).exists()
    ]
    total = sum(shard.rows * len(shard.views) for shard in shards)
    advance = stage(report, "bounding similarity sets", total)
    done = 0
    for shard in shards:
        tensors = contents.tensors(shard, advance, done)
        save_shard(folder, contents.manifest, shard.split, shard.number, tensors)
        done += shard.rows * len(shard.views)
