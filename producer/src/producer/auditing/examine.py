"""`producer.audit`: a bundle held against the spec, the model and the data, by whoever is given all three."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from producer.auditing.evidence import Evidence, Ledger, choose_rows, take_sample
from producer.auditing.numbers import (
    TOLERANCE,
    check_attack,
    check_bounds,
    check_representation,
)
from producer.auditing.statements import (
    check_data,
    check_encoder,
    check_individuals,
    check_labels,
    check_spec,
    check_statements,
    stated_views,
)
from producer.model import Model
from producer.plans import load_trained
from producer.settings import AuditSettings
from producer.views.registry import AnyView
from shared_spec.artifacts.atomic import building, publish_directory, refuse_existing
from shared_spec.artifacts.audit import Audit, save_audit
from shared_spec.artifacts.audit_documents import (
    CONFIDENCE,
    AuditDocument,
    NotChecked,
    SplitScope,
)
from shared_spec.artifacts.bundle import Bundle, load_bundle
from shared_spec.artifacts.document import this_tool
from shared_spec.artifacts.kinds import AUDIT
from shared_spec.artifacts.spec import Spec, load_spec
from shared_spec.data import open_source
from shared_spec.data.source import Source
from shared_spec.device import open_device
from shared_spec.errors import ArtifactError
from shared_spec.flow import Glow
from shared_spec.latents import data_entry
from shared_spec.progress import Advance, Report, silent, stage
from shared_spec.seeds import Seed
from shared_spec.stats import hypergeometric_upper

__all__ = ["audit"]


def audit(
    reps: Path | str | Bundle,
    spec: Path | str | Spec,
    model: Path | str | Model,
    data: str | Source,
    out: Path | str,
    *,
    settings: AuditSettings | None = None,
    auditor_seed: Seed | None = None,
    device: str = "cpu",
    force: bool = False,
    report: Report = silent,
) -> Audit:
    """Computes again what a bundle states, and writes what came of it; findings are results, not errors.

    Guarantee (docs/guarantees.md, G.2): per split, with 95 % confidence over the draw of the individuals, no more than
    `bad_at_most` of all would fail the checks of numbers, if the producer did not know the auditor's seed.

    Args:
        reps: the bundle.
        spec: the regulator's, from the regulator.
        model: the producer's encoder, or its folder.
        data: whose individuals.
        out: directory audit/ to write.
        settings: how many to look at.
        auditor_seed: draws whom to look at; from the system's randomness unless given.
        device: `cpu` or `cuda[:N]`, what encodes, bounds and attacks.
        force: replace the audit that stands at `out`.
        report: told how it goes.

    Raises:
        SettingsError: `out` exists, or there is no such device.
        ArtifactError, DataError: an input cannot be read, or model and spec do not belong together.
    """
    out, settings, place = Path(out), settings or AuditSettings(), open_device(device)
    refuse_existing(out, force, kind=AUDIT, inputs=(reps, spec, model))
    evidence = _collect(reps, spec, model, data, place)
    seed = secrets.token_hex(32) if auditor_seed is None else auditor_seed
    flow = copy.deepcopy(evidence.spec.flow).to(place)
    views = stated_views(evidence)
    ledgers = [
        check_spec(evidence), check_encoder(evidence), check_data(evidence), check_statements(evidence)
    ]  # fmt: skip
    scopes, left = [], _views_left(evidence, views)
    for split in evidence.bundle.manifest.splits:
        individuals = len(evidence.bundle.sample_ids(split))
        if not individuals:
            left.append(NotChecked(what=f"split {split}", why="the bundle has nobody of it"))
            continue
        rows = choose_rows(seed, split, individuals, settings.sample)
        entries = evidence.bundle.manifest.views
        mine = {name: view for name, view in views.items() if split in entries[name].splits}
        total = len(rows) * (1 + len(mine))
        advance = stage(report, f"auditing {split}", total)
        scope, found = _examine(evidence, flow, mine, split, rows, advance)
        advance(total, "")
        scopes.append(scope)
        ledgers += found
        if others := individuals - len(rows):
            what = f"numbers of {others} of {individuals} {split} individuals"
            left.append(NotChecked(what=what, why="not in the auditor's sample"))
    if not scopes:
        raise ArtifactError(f"{evidence.bundle.path}: there is nobody in it, so nothing to audit")
    draft = _draft(evidence, seed, scopes, ledgers, left)
    with building(out) as partial:
        document = save_audit(partial, draft)
        publish_directory(out, force, AUDIT)
    return Audit(out, document)


def _collect(
    reps: Path | str | Bundle, spec: Path | str | Spec, model: Path | str | Model, data: str | Source,
    device: torch.device,
) -> Evidence:  # fmt: skip
    bundle, loaded = load_bundle(reps), load_spec(spec)
    bundle.check()
    trained = load_trained(model, loaded)
    if trained.folded.input_dim != loaded.similarity.latent_dim:
        raise ArtifactError(
            f"{model}: takes latents of another dimension than the spec's; ask for it again"
        )
    return Evidence(bundle, loaded, trained.on(device), open_source(data, loaded.flow.config.size))


def _views_left(evidence: Evidence, views: Mapping[str, AnyView]) -> list[NotChecked]:
    """What is known not to be checked before anything is."""
    unbounded = "no bound is about them"
    impossible = "nothing computes it with these settings"
    drawn = "they hold with a probability, for a smoothed encoder"
    return [
        *(
            NotChecked(what=f"numbers of the {name} view", why=impossible)
            for name in evidence.bundle.manifest.views
            if name not in views
        ),
        *(
            NotChecked(what=f"an attack on the radii of the {name} view", why=drawn)
            for name, view in views.items()
            if view.contract.decides_at_centre
        ),
        *(
            NotChecked(what=f"representations of true counterparts in {name}", why=unbounded)
            for name in evidence.bundle.manifest.counterparts
        ),
    ]


def _examine(
    evidence: Evidence,
    flow: Glow,
    views: Mapping[str, AnyView],
    split: str,
    rows: npt.NDArray[np.int64],
    advance: Advance,
) -> tuple[SplitScope, list[Ledger]]:
    """All checks of one split, of whose individuals the rows were drawn."""
    ids = evidence.bundle.sample_ids(split)
    drawn = {ids[row] for row in rows}
    taken = take_sample(evidence, flow, split, rows, views)
    ledgers = [
        check_individuals(evidence, split),
        check_labels(evidence, split),
        check_representation(evidence, taken),
        check_bounds(evidence, taken, views, advance),
        check_attack(evidence, taken, views),
    ]
    found = {name for ledger in ledgers for name in ledger.concerned}
    # Nothing could be computed for whoever the data do not know.
    failed = len(drawn & found | drawn.difference(taken.sample_ids))
    bound = hypergeometric_upper(failed, len(drawn), len(ids), 1 - CONFIDENCE)
    scope = SplitScope(
        split=split, individuals=len(ids), checked=len(drawn), failed=failed, bad_at_most=bound
    )
    return scope, ledgers


def _draft(
    evidence: Evidence,
    seed: Seed,
    scopes: list[SplitScope],
    ledgers: list[Ledger],
    left: list[NotChecked],
) -> AuditDocument:
    return AuditDocument(
        bundle_digest=evidence.bundle.digest,
        spec_digest=evidence.spec.digest,
        encoder_digest=evidence.model.digest,
        data=data_entry(evidence.source),
        auditor_seed=seed,
        tolerance=TOLERANCE,
        scopes=tuple(scopes),
        checks=tuple(ledger.entry for ledger in ledgers),
        not_checked=tuple(left),
        findings=tuple(finding for ledger in ledgers for finding in ledger.findings),
        tool=this_tool("lassi-producer"),
    )
