"""The facts that every form states, in one set of words; and what only the operator of the model can say."""

from __future__ import annotations

import re
from dataclasses import dataclass

from consumer.report.reality import interval, reality_lines
from consumer.report.words import audit_words, meaning, probabilities, similarity, verdict
from shared_spec.artifacts.certificate import CertificateDocument, Claim
from shared_spec.population import percent_down
from shared_spec.trust.seeds import seed_words
from shared_spec.trust.verification import origin_words

__all__ = [
    "COUNTERPARTS",
    "LIMITS",
    "Stated",
    "cell",
    "labelled",
    "people",
    "provenance",
    "reality",
    "similar_people",
    "stated",
    "to_fill",
]

LIMITS = (
    "Individual fairness with respect to the similarity set is all that is certified.",
    "No statement is made about people without a certificate, nor about people who are not listed.",
    "Certificates hold for the stored weights, in float64; that a service runs these its operator has to show.",
    "The bundle's radii are the producer's word, or an auditor's where one has looked.",
)
"""What a certificate does not say."""

COUNTERPARTS = (
    "People who get the decision of all their true counterparts, images of the same individual that the data set "
    "knows; counted, not proved, with 95% intervals that hold if these people were drawn at random."
)
"""What the figures about true counterparts are."""


def to_fill(what: str) -> str:
    """A placeholder for what no artefact says."""
    return f"TO BE FILLED IN BY THE OPERATOR: {what}"


def cell(value: object) -> object:
    """A cell of a table that no spreadsheet takes for a formula, whichever separator it reads by: ' stands before."""
    return (
        re.sub(r"(^|[;\t])(\s*)(?=[=+\-@])", r"\1\2'", value) if isinstance(value, str) else value
    )


@dataclass(frozen=True)
class Stated:
    """One claim, in words."""

    view: str
    claim: Claim
    verdict: str
    """What is proved of how many."""
    percent: str
    """Of the individuals, rounded down."""
    reasoning: str
    """The statement behind it, with its probabilities."""


def stated(document: CertificateDocument) -> tuple[Stated, ...]:
    """The claims, by name of their view."""
    return tuple(
        Stated(
            view,
            claim,
            verdict(claim),
            percent_down(claim.certified_fraction),
            " ".join((claim.sentence, meaning(claim), *probabilities(claim))),
        )
        for view, claim in sorted(document.claims.items())
    )


def similar_people(document: CertificateDocument) -> str:
    """Who counts as similar to whom."""
    before, after = similarity(document.spec)
    return f"{before} {' and '.join(document.spec.attributes)}{after}"


def people(document: CertificateDocument) -> str:
    """Of whom something is claimed, and who was left out."""
    individuals = next(iter(document.claims.values())).individuals
    left = f", {document.skipped} left out" if document.skipped else ""
    return f"{document.split}, {individuals} of {individuals + document.skipped} individuals{left}"


def labelled(document: CertificateDocument, claim: Claim) -> str:
    """On whom accuracies were measured, by whose labels."""
    known = "" if claim.labelled is None else f"{claim.labelled} "
    whose = "the producer's" if document.labels == "producer" else "the issuer's own"
    return f"{document.split}, the {known}of {claim.individuals} individuals whose label is known, by {whose} labels"


def reality(document: CertificateDocument) -> list[tuple[str, str, str, str]]:
    """Per attribute and group of people: the attribute, which people, how many of how many are treated alike, and %."""
    return [
        (check.attribute, group, f"{found.alike} of {found.people}", interval(found))
        for check in document.reality
        for group, found in reality_lines(check)
        if found.people
    ]


def provenance(document: CertificateDocument) -> tuple[tuple[str, str], ...]:
    """What the certificate was made from, and who said so."""
    imprint = document.imprint
    dates = (
        ("issued", imprint.issued),
        ("last day", imprint.valid_until),
        ("contact", imprint.contact),
    )
    dated = [(name, str(value)) for name, value in dates if value is not None]
    return (
        ("certificate", document.content_digest),
        *dated,
        ("people", people(document)),
        ("labels behind the accuracies", f"the {document.labels}'s"),
        ("specification", document.spec.digest),
        ("bundle of representations", document.bundle_digest),
        ("encoder", document.encoder_digest),
        ("classifier", document.head.digest),
        ("origin of the bundle", origin_words(document.origin)),
        ("seed", seed_words(document.commitment)),
        ("audit of the bundle", audit_words(document.audit)),
    )
