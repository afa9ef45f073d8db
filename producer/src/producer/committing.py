"""`producer.commit`: a promise of what will be drawn, before anybody knows the seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from producer.job import open_job
from producer.model import Model
from producer.plans import load_trained, plan_export, plan_whole
from producer.settings import ExportSettings
from producer.views.registry import choose_views
from shared_spec.artifacts.spec import Spec
from shared_spec.data.source import Source
from shared_spec.progress import Report, silent
from shared_spec.settings import Settings
from shared_spec.trust.commitments import sign_commitment
from shared_spec.trust.keys import SigningKey, passphrase_from_environment
from shared_spec.trust.settings import Issuance
from shared_spec.trust.signing import Passphrase, Signed

__all__ = ["commit"]


def commit(
    spec: Path | str | Spec,
    model: Path | str | Model,
    data: str | Source,
    out: Path | str,
    key: Path | str | SigningKey,
    issuance: Issuance,
    *,
    splits: Sequence[str] = (),
    export: ExportSettings | None = None,
    views: Sequence[Settings] = (),
    force: bool = False,
    passphrase: Passphrase = passphrase_from_environment,
    report: Report = silent,
) -> Signed:
    """Commits to a bundle: to spec, encoder, data, individuals and views, and to a nonce that nobody else knows yet.

    Send the statement to another party, keep the nonce beside it, and put the answer there; then `fit` or `export`,
    with the same settings and this commitment, draws from the seed that follows from nonce and answer.

    Args:
        spec: the spec that the encoder was made for.
        model: the encoder, or its folder; trained already.
        data: whose individuals.
        out: NAME.sig.json to write; NAME.nonce is written beside it.
        key: of the producer, or its file.
        issuance: who, which, how long; it may not end before the bundle is verified.
        splits: of `export`; the bundle of `fit` unless given.
        export: what goes into the bundle.
        views: settings of the views that `export` names; defaults for those without.
        force: replace another commitment.
        passphrase: asked if the key has one.
        report: told how it goes.

    Raises:
        SettingsError: settings that could only abstain, or there is a commitment already.
        ArtifactError, DataError: spec, model or data are not what they should be.
    """
    export = export or ExportSettings()
    bounding = choose_views(export.view, views)
    with open_job(spec, data, cache=None, seed=0, device="cpu", force=force, report=report) as job:
        trained = load_trained(model, job.spec)
        if splits:
            plan = plan_export(job, out, export, bounding, splits, trained)
        else:
            plan = plan_whole(job, out, export, bounding, trained.document.targets)
        plan.check()
        manifest = plan.manifest(trained.document)
        return sign_commitment(
            Path(out), manifest.draw, manifest.parents, "producer", key, issuance, force=force,
            passphrase=passphrase,
        )  # fmt: skip
