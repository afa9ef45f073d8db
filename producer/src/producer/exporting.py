"""`producer.export` and `producer.export_part`: certify individuals with an encoder that was trained before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from producer.bundle_plan import BundlePlan
from producer.job import open_job
from producer.model import Model
from producer.parts import BundlePart
from producer.plans import load_trained, plan_export
from producer.settings import ExportSettings
from producer.views.registry import choose_views
from shared_spec.artifacts.atomic import refuse_existing
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.kinds import BUNDLE, BUNDLE_PART
from shared_spec.artifacts.parts import Share, parse_share
from shared_spec.artifacts.spec import Spec
from shared_spec.data.source import Source
from shared_spec.progress import Report, silent
from shared_spec.seeds import Seed
from shared_spec.settings import Settings
from shared_spec.trust.pins import Trust

__all__ = ["export", "export_part"]


def export(
    spec: Path | str | Spec,
    model: Path | str | Model,
    data: str | Source,
    out: Path | str,
    *,
    splits: Sequence[str] = ("test",),
    export: ExportSettings | None = None,
    views: Sequence[Settings] = (),
    cache: Path | str | None = None,
    seed: Seed = 0,
    device: str = "cpu",
    trust: Path | str | Trust | None = None,
    commitment: Path | str | None = None,
    force: bool = False,
    report: Report = silent,
) -> Bundle:
    """Bounds and exports individuals with a trained encoder; its training data are not needed.

    Guarantee: per view, the statement in the bundle's manifest, for the individuals that it lists. Under torchrun the
    processes share the individuals, and the output is the same; machines that do not speak each make a part of it
    (`export_part`).

    Args:
        spec: the spec that the encoder was made for.
        model: the encoder, or its folder.
        data: whose individuals.
        out: directory reps/ to write; an unfinished export of the same settings is continued.
        splits: to certify and export.
        export: what goes into the bundle.
        views: settings of the views that `export` names; defaults for those without.
        cache: folder of the latent cache; `$LASSI_CACHE` or `~/.cache/lassi` unless given.
        seed: of whatever the views draw.
        device: `cpu` or `cuda[:N]`, what encodes the images and computes the bounds.
        trust: trust.toml: whose spec is accepted. Without it the origin is not verified.
        commitment: of `producer.commit` to this very bundle, with its nonce and answer beside it: the views draw from
            the seed that follows from them.
        force: replace what stands at `out`.
        report: told how it goes.

    Raises:
        SettingsError: settings that could only abstain, or `out` was exported with others.
        ArtifactError, ExpiredError, DataError: spec, its signature, commitment, model or data are not what they should
            be.
    """
    with _planned(
        spec, model, data, out, None, splits=splits, export=export, views=views, cache=cache, seed=seed, device=device,
        trust=trust, commitment=commitment, force=force, report=report,
    ) as (plan, trained):  # fmt: skip
        return plan.write(trained)


def export_part(
    spec: Path | str | Spec,
    model: Path | str | Model,
    data: str | Source,
    shard: str | Share,
    out: Path | str,
    *,
    splits: Sequence[str] = ("test",),
    export: ExportSettings | None = None,
    views: Sequence[Settings] = (),
    cache: Path | str | None = None,
    seed: Seed = 0,
    device: str = "cpu",
    trust: Path | str | Trust | None = None,
    commitment: Path | str | None = None,
    force: bool = False,
    report: Report = silent,
) -> BundlePart:
    """Exports a share of a bundle's shards; `producer.merge` makes all of them the bundle that `export` would write.

    Only the share's own images are encoded. An unfinished part of the same settings is continued, a finished one kept.

    Args:
        spec: as in `export`, like all that is not named here.
        model: likewise.
        data: likewise, all of it.
        shard: `I/N`, which of N equal shares of the shards.
        out: directory of the part.
        splits: as in `export`.
        export: likewise.
        views: likewise.
        cache: likewise; several machines may share it.
        seed: likewise.
        device: likewise.
        trust: likewise.
        commitment: likewise, to the whole bundle.
        force: replace the part that stands at `out`.
        report: told how it goes.

    Raises:
        SettingsError: as `export`, or `shard` is no share.
        ArtifactError, ExpiredError, DataError: as `export`.
    """
    share = parse_share(shard)
    with _planned(
        spec, model, data, out, share, splits=splits, export=export, views=views, cache=cache, seed=seed, device=device,
        trust=trust, commitment=commitment, force=force, report=report,
    ) as (plan, trained):  # fmt: skip
        return plan.write_part(trained, share)


@contextmanager
def _planned(
    spec: Path | str | Spec,
    model: Path | str | Model,
    data: str | Source,
    out: Path | str,
    share: Share | None,
    *,
    splits: Sequence[str],
    export: ExportSettings | None,
    views: Sequence[Settings],
    cache: Path | str | None,
    seed: Seed,
    device: str,
    trust: Path | str | Trust | None,
    commitment: Path | str | None,
    force: bool,
    report: Report,
) -> Iterator[tuple[BundlePlan, Model]]:
    """What is to be exported by which encoder, once all that can be refused is."""
    export = export or ExportSettings()
    bounding = choose_views(export.view, views)
    kind = BUNDLE if share is None else BUNDLE_PART
    refuse_existing(Path(out), force=True, kind=kind, inputs=(spec, model))
    with open_job(
        spec, data, cache=cache, seed=seed, device=device, force=force, report=report, trust=trust
    ) as job:
        trained = load_trained(model, job.spec)
        plan = plan_export(job, out, export, bounding, splits, trained)
        plan = plan.drawn_by(commitment, trained.document)
        plan.check(whole=share is None)
        plan.refuse_other(trained.document, shard=share)
        job.workers.wait()
        yield plan, trained
