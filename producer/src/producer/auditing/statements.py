"""Checks of what a bundle says: what it was made from, what its views state, and whom and which labels it lists."""

from __future__ import annotations

import math
from collections.abc import Mapping

from producer.auditing.evidence import Evidence, Ledger
from producer.bundle_plan import encoder_entry
from producer.views.registry import VIEW_TYPES, AnyView
from shared_spec.artifacts.audit_documents import AuditCheck
from shared_spec.errors import DataError, SettingsError

__all__ = [
    "check_data",
    "check_encoder",
    "check_individuals",
    "check_labels",
    "check_spec",
    "check_statements",
    "stated_views",
]


def check_spec(evidence: Evidence) -> Ledger:
    """The spec's digest, which covers flow and vectors, and what the bundle repeats of it."""
    ledger = Ledger(AuditCheck.SPEC)
    stated, spec = evidence.bundle.manifest.spec, evidence.spec
    ledger.compare("digest", stated.digest, spec.digest)
    names = tuple(entry.name for entry in spec.document.attributes)
    ledger.compare("attributes", ", ".join(stated.attributes), ", ".join(names))
    ledger.compare("similar", stated.similar, spec.document.similar)
    ledger.compare("epsilon", stated.epsilon, spec.document.epsilon)
    return ledger


def check_encoder(evidence: Evidence) -> Ledger:
    """The model's digest and its description."""
    ledger = Ledger(AuditCheck.ENCODER)
    stated, actual = evidence.bundle.manifest.encoder, encoder_entry(evidence.model.document)
    for name in type(stated).model_fields:
        ledger.compare(name, getattr(stated, name), getattr(actual, name))
    return ledger


def check_data(evidence: Evidence) -> Ledger:
    """The data's digest and image size; what they are called is up to whoever has them."""
    ledger = Ledger(AuditCheck.DATA)
    stated, source = evidence.bundle.manifest.data, evidence.source
    ledger.compare("digest", stated.digest, source.digest())
    ledger.compare("size", stated.size, source.size)
    return ledger


def stated_views(evidence: Evidence) -> dict[str, AnyView]:
    """The bundle's views with the settings that it states, but those that these packages cannot compute."""
    found = {}
    for name, entry in evidence.bundle.manifest.views.items():
        try:
            found[name] = VIEW_TYPES[name].stated(entry)
        except (KeyError, SettingsError):
            continue
    return found


def check_statements(evidence: Evidence) -> Ledger:
    """Statement, alpha and settings of each view follow from each other for the spec's epsilon."""
    ledger = Ledger(AuditCheck.STATEMENTS)
    views = stated_views(evidence)
    for name, entry in evidence.bundle.manifest.views.items():
        try:
            actual = views[name].entry(evidence.spec.similarity, entry.splits)
        except (KeyError, SettingsError) as error:
            ledger.note(f"{name} view", "settings", f"nothing that they describe ({error})")
            continue
        ledger.compare(f"{name}: statement", entry.statement, actual.statement)
        _compare_numbers(ledger, f"{name}: alpha", entry.alpha, actual.alpha)
        _compare_numbers(ledger, f"{name}: settings", entry.settings, actual.settings)
    return ledger


def _compare_numbers(
    ledger: Ledger, what: str, stated: Mapping[str, object], actual: Mapping[str, object]
) -> None:
    """Names and values; floats up to their last digits, which special functions of another machine may round."""
    for name in dict.fromkeys([*stated, *actual]):
        one, other = stated.get(name), actual.get(name)
        same = isinstance(one, float) and isinstance(other, float) and math.isclose(one, other)
        ledger.compare(f"{what}: {name}", other if same else one, other)


def check_individuals(evidence: Evidence, split: str) -> Ledger:
    """Everybody whom the data have is counted, and every n-th is there, in the data's order."""
    ledger = Ledger(AuditCheck.INDIVIDUALS, split)
    entry = evidence.bundle.manifest.splits[split]
    try:
        everybody = evidence.source.sample_ids(split)
    except DataError:
        ledger.note("split", "its individuals", "no such split")
        return ledger
    ledger.compare("available", entry.available, len(everybody))
    expected = list(everybody[:: entry.every])
    listed = list(evidence.bundle.sample_ids(split))
    ledger.compare("individuals", len(listed), len(expected))
    for row, (stated, found) in enumerate(zip(listed, expected, strict=False)):
        ledger.compare(f"row {row}", stated, found, stated)
    return ledger


def check_labels(evidence: Evidence, split: str) -> Ledger:
    """Classes and labels of every shared column, individual by individual."""
    ledger = Ledger(AuditCheck.LABELS, split)
    bundle, source, place = evidence.bundle, evidence.source, evidence.places(split)
    if not place:
        return ledger
    for name, classes in bundle.manifest.labels.items():
        if name not in source.classes:
            ledger.note(f"column {name}", "its labels", "no such column")
            continue
        actual = source.classes[name]
        ledger.compare(f"classes of {name}", ", ".join(classes), ", ".join(actual))
        stated, codes = bundle.labels(split, name), source.labels(split, name)
        for row, sample_id in enumerate(bundle.sample_ids(split)):
            if sample_id in place:
                label, found = classes[stated[row]], actual[codes[place[sample_id]]]
                ledger.compare(name, label, found, sample_id)
    return ledger
