"""`producer.fit`: train an encoder and export certified representations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from producer.fitted import plan_fitting
from producer.job import open_job
from producer.plans import plan_whole
from producer.settings import ExportSettings, TrainingSettings
from producer.views.registry import choose_views
from shared_spec.artifacts.atomic import refuse_existing
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.kinds import BUNDLE
from shared_spec.artifacts.spec import Spec
from shared_spec.data.source import Source
from shared_spec.errors import SettingsError
from shared_spec.progress import Report, silent
from shared_spec.seeds import Seed
from shared_spec.settings import Settings
from shared_spec.trust.pins import Trust

__all__ = ["fit"]


def fit(
    spec: Path | str | Spec,
    data: str | Source,
    out: Path | str,
    *,
    targets: Sequence[str] = (),
    model: Path | str = "model",
    training: TrainingSettings | None = None,
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
    """Trains an encoder, or takes the one in `model` that these settings made, and exports its representations.

    Guarantee: per view, the statement in the bundle's manifest, for the individuals of the view's `splits`: those of
    test and, in the cheapest view alone, some of valid, to choose by.
    Everything that can be refused is refused before any image is encoded. Killed runs go on where they stopped; under
    torchrun the processes share the encoding and the export.

    Args:
        spec: the regulator's spec.
        data: individuals with their labels.
        out: directory reps/ to write.
        targets: tasks of the auxiliary classifiers; none for transfer (lambda_1 = 0).
        model: directory of the encoder, which stays the producer's.
        training: how the encoder is trained.
        export: what goes into the bundle.
        views: settings of the views that `export` names; defaults for those without.
        cache: folder of the latent cache; `$LASSI_CACHE` or `~/.cache/lassi` unless given.
        seed: of training and of whatever the views draw.
        device: `cpu` or `cuda[:N]`, what encodes, trains the encoder and computes the bounds.
        trust: trust.toml: whose spec is accepted. Without it the origin is not verified.
        commitment: of `producer.commit` to this very bundle, with its nonce and answer beside it: the views draw from
            the seed that follows from them, and `seed` is of training alone.
        force: replace what stands at `model` and `out`.
        report: told how it goes.

    Raises:
        SettingsError: settings that are impossible or could only abstain, or `model` or `out` was made with others.
        ArtifactError, ExpiredError, DataError: spec, its signature, commitment or data are not what they should be.
    """
    export = export or ExportSettings()
    bounding = choose_views(export.view, views)
    refuse_existing(Path(out), force=True, kind=BUNDLE, inputs=(spec,))
    _refuse_nested(Path(model), Path(out))
    with open_job(
        spec, data, cache=cache, seed=seed, device=device, force=force, report=report, trust=trust
    ) as job:
        plan = plan_whole(job, out, export, bounding, targets)
        plan.check()
        fitting = plan_fitting(job, model, targets, training or TrainingSettings())
        if commitment is not None and fitting.found is None:
            raise SettingsError(
                f"`commitment` is to an encoder, and there is none in {model}, or `force` replaces it: train it, "
                "commit, then fit"
            )
        plan = plan.drawn_by(commitment, fitting.document)
        plan.refuse_other(fitting.document, trained=fitting.found is not None)
        # Nobody writes before everybody has looked.
        job.workers.wait()
        return plan.write(fitting.model())


def _refuse_nested(model: Path, out: Path) -> None:
    """A bundle goes to consumers as it stands, and no encoder with it."""
    if model.resolve().is_relative_to(out.resolve()):
        raise SettingsError(
            f"`model` is {model}, inside `out`, {out}: name a folder that stays with you"
        )
