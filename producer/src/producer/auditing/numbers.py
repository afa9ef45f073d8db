"""Checks of what a bundle's shards hold: representations, bounds computed again, and an attack on the radii."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import Tensor

from producer.auditing.dense_attack import Attack
from producer.auditing.evidence import Evidence, Ledger, Sample
from producer.views.registry import AnyView
from shared_spec.artifacts.audit_documents import AuditCheck
from shared_spec.chains import ChainSet, own_latents
from shared_spec.device import to_host
from shared_spec.progress import Advance, onward

__all__ = ["TOLERANCE", "check_attack", "check_bounds", "check_representation"]

TOLERANCE = 1e-5
"""Relative: another machine, or another batch, encodes an image into latents that differ in their last bits."""

_NUDGES = (0.0, 2.0**-23, -(2.0**-23))
"""Where a bound chooses between what is almost equal, such bits decide: then one of two neighbours gives the same."""

_COUNTS = 1e-3
"""Relative: of thousands of draws, one at the edge of a ball may fall on either side."""

_CHOSEN = ("exact.tube", "exact.place")
"""Where a curve is straight, its chain's vertices are chosen among equals: the attack says whether they will do."""

_ROUNDING = 2.0**-21
"""Relative to a centre: what float32 and such bits cost wherever a bound is as small as they are."""

Stated: TypeAlias = Mapping[str, Tensor]


def check_representation(evidence: Evidence, sample: Sample) -> Ledger:
    """Latents from the data and R(z) from them: the stored representation is that of this individual."""
    ledger = Ledger(AuditCheck.REPRESENTATION, sample.split)
    ledger.compared = len(sample.sample_ids)
    if evidence.foreign:
        for sample_id in sample.sample_ids:
            ledger.note("R(z)", "the stored one", "one of another dimension", sample_id)
        return ledger
    actual = _representation(evidence, sample)
    away, size = _norm(sample.stated["representation"].double() - actual), _norm(actual)
    for row in torch.nonzero(~(away <= TOLERANCE * size)).squeeze(1).tolist():
        stated, found = "the stored one", f"one at distance {away[row]:.6g}, of length {size[row]:.6g}"  # fmt: skip
        ledger.note("R(z)", stated, found, sample.sample_ids[row])
    return ledger


def check_bounds(
    evidence: Evidence,
    sample: Sample,
    views: Mapping[str, AnyView],
    advance: Advance = lambda done, word: None,
) -> Ledger:
    """Every number of every view, computed again with the stated settings and, where something is drawn, seed."""
    ledger = Ledger(AuditCheck.BOUNDS, sample.split)
    if evidence.foreign:
        return ledger
    for number, (name, view) in enumerate(views.items()):
        left = torch.arange(len(sample.sample_ids))
        told: dict[int, tuple[str, str, str]] = {}
        for nudge in _NUDGES:
            if not len(left):
                break
            counted = onward(advance, number * len(sample.sample_ids), name)
            complaints = _compute_again(evidence, sample, view, left, nudge, counted)
            told = told or complaints
            left = left[torch.tensor([row in complaints for row in left.tolist()])]
        ledger.compared += len(sample.sample_ids)
        for row in left.tolist():
            what, stated, found = told[row]
            ledger.note(what, stated, found, sample.sample_ids[row])
    return ledger


def _compute_again(
    evidence: Evidence, sample: Sample, view: AnyView, rows: Tensor, nudge: float, advance: Advance
) -> dict[int, tuple[str, str, str]]:
    """Of the rows that do not come out the same: what first, as stated and as found."""
    latents = (sample.latents[rows].double() * (1.0 + nudge)).float()
    ids = [sample.sample_ids[row] for row in rows.tolist()]
    bounds = view.bound(
        evidence.model.folded, latents, ids, evidence.spec.similarity, evidence.bundle.manifest.seed,
        advance,
    )  # fmt: skip
    found = bounds.tensors(view.name)
    stated = {
        name: tensor[rows]
        for name, tensor in sample.stated.items()
        if name.startswith(f"{view.name}.")
    }
    if stated.keys() != found.keys():
        odd = min(stated.keys() ^ found.keys())
        words = ("tensor " + odd, *(("present", "absent") if odd in stated else ("absent", "present")))  # fmt: skip
        return dict.fromkeys(rows.tolist(), words)
    room = _ROUNDING * _norm(bounds.centre.double())
    complaints: dict[int, tuple[str, str, str]] = {}
    radius = f"{view.name}.radius"
    for name in [radius, *(other for other in found if other != radius)]:
        if name in _CHOSEN and stated[name].shape == found[name].shape:
            continue
        for index in _differing(stated[name], found[name], room):
            row = int(rows[index])
            complaints.setdefault(row, (name, *_words(stated[name][index], found[name][index])))
    return complaints


def _differing(stated: Tensor, found: Tensor, room: Tensor) -> list[int]:
    """Rows that differ by more than the tolerance; `room` [n] is for distances alone."""
    if stated.shape != found.shape:
        return list(range(len(found)))
    one, other = stated.double(), found.double()
    if found.ndim == 1:
        allowed = TOLERANCE * other.abs() + room if found.is_floating_point() else _COUNTS * other
        same = (one - other).abs() <= allowed
    else:
        # Vectors: an individual's largest difference against its longest.
        away, size = _norm(one - other), _norm(other)
        if found.ndim > 2:
            away, size = away.amax(1), size.amax(1)
        same = away <= TOLERANCE * size
    return torch.nonzero(~same).squeeze(1).tolist()


def _words(stated: Tensor, found: Tensor) -> tuple[str, str]:
    if found.ndim == 0:
        return f"{stated.item():.9g}", f"{found.item():.9g}"
    if stated.shape != found.shape:
        return f"of shape {list(stated.shape)}", f"of shape {list(found.shape)}"
    return "the stored one", f"one at distance {_norm(stated.double() - found.double()).max():.6g}"


def check_attack(evidence: Evidence, sample: Sample, views: Mapping[str, AnyView]) -> Ledger:
    """Nobody similar is found further from a stated centre than its radius, or from a polyline than its delta.

    Each vertex of a polyline is the representation of the similar individual at its stated place, and along one vector
    whoever is between two places is no further than delta from the polyline's point there. Of views that bound R
    itself; a radius around a smoothed encoder holds with a probability, for other points.
    """
    ledger = Ledger(AuditCheck.ATTACK, sample.split)
    mine = [name for name, view in views.items() if not view.contract.decides_at_centre]
    if not mine or not sample.sample_ids or evidence.foreign:
        return ledger
    attack = Attack(evidence.model.encoder, evidence.spec.similarity)
    # What the last bits of a latent move R(z) by, they can move the representations of similar individuals by.
    moved = _norm(sample.stated["representation"].double() - _representation(evidence, sample))
    for name in mine:
        centre = sample.stated[f"{name}.centre"]
        chain, place = (sample.stated.get(f"{name}.{what}") for what in ("tube", "place"))
        size = _norm(centre.double())
        latents, stated = sample.latents, sample.stated
        attacked = [("radius", stated[f"{name}.radius"], attack.from_centre(latents, centre))]
        if chain is not None:
            attacked.append(("delta", stated[f"{name}.delta"], attack.from_chain(latents, chain)))
        if chain is not None and place is not None:
            away = attack.from_places(latents, chain, place)
            attacked.append(("place", TOLERANCE * size, away))
            if not isinstance(evidence.spec.similarity, ChainSet):
                # What is said of a smaller epsilon rests on this (docs/guarantees.md, E.2).
                behind = attack.from_timetable(latents, chain, place)
                attacked.append(("delta at its place", stated[f"{name}.delta"], behind))
        room = 2.0 * moved + _ROUNDING * size
        for what, bound, found in attacked:
            ledger.compared += len(found)
            for row in torch.nonzero(~(found <= bound * (1.0 + 1e-9) + room)).squeeze(1).tolist():
                words = f"{bound[row]:.9g}", f"somebody similar at {found[row]:.9g}"
                ledger.note(f"{name}.{what}", *words, sample.sample_ids[row])
    return ledger


def _representation(evidence: Evidence, sample: Sample) -> Tensor:
    return to_host(evidence.model.folded(own_latents(sample.latents)))


def _norm(values: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(values, dim=-1)
    return norm
