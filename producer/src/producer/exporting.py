"""`producer.export`: certify individuals with an encoder that was trained before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from producer.bundle_plan import BundlePlan
from producer.job import open_job
from producer.model import Model, load_encoder
from producer.settings import ExportSettings
from producer.views.registry import choose_views
from shared_spec.artifacts.atomic import refuse_existing
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.kinds import BUNDLE
from shared_spec.artifacts.spec import Spec
from shared_spec.data.source import Source
from shared_spec.errors import ArtifactError
from shared_spec.progress import Report, silent
from shared_spec.rng import Seed
from shared_spec.settings import Settings

__all__ = ["export"]


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
    force: bool = False,
    report: Report = silent,
) -> Bundle:
    """Bounds and exports individuals with a trained encoder; its training data are not needed.

    Guarantee: per view, the statement in the bundle's manifest, for the individuals that it lists. Under torchrun the
    processes share the individuals, and the output is the same.

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
        device: `cpu` or `cuda[:N]`, what the flow encodes on.
        force: replace what stands at `out`.
        report: told how it goes.

    Raises:
        SettingsError: settings that could only abstain, or `out` was exported with others.
        ArtifactError, DataError: spec, model or data are not what they should be.
    """
    export = export or ExportSettings()
    bounding = choose_views(export.view, views)
    read = [Path(found) for found in (spec, model) if isinstance(found, Path | str)]
    refuse_existing(Path(out), force=True, kind=BUNDLE, inputs=read)
    with open_job(
        spec, data, cache=cache, seed=seed, device=device, force=force, report=report
    ) as job:
        trained = load_encoder(model)
        document = trained.document
        if document.spec_digest != job.spec.digest:
            raise ArtifactError(
                f"{model}: made for spec {document.spec_digest}, but the spec is {job.spec.digest}; "
                "pass the one that the encoder was trained for"
            )
        every = dict.fromkeys(splits, export.every)
        plan = BundlePlan(job, Path(out), export, bounding, every, tuple(every), document.targets)
        plan.check()
        plan.refuse_other(document, trained=True)
        job.workers.wait()
        return plan.write(trained)
