"""CycloneDX 1.6: a model card with fairness assessments, and declarations with claims, evidence and assessors."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

from consumer.evidencing.facts import (
    COUNTERPARTS,
    LIMITS,
    Stated,
    labelled,
    people,
    provenance,
    reality,
    similar_people,
    stated,
    to_fill,
)
from consumer.evidencing.group_table import COUNTED, GroupRate, fares_in, group_rates, spread_words
from consumer.report.fares import Fares
from consumer.report.words import audit_words
from shared_spec.artifacts.audit_documents import AuditEntry
from shared_spec.artifacts.certificate import CertificateDocument
from shared_spec.imprint import Imprint
from shared_spec.population import percent

__all__ = ["cyclonedx"]

_MODEL, _CERTIFICATE, _AUDIT = "model", "evidence-certificate", "evidence-audit"
_ISSUER, _AUDITOR = "assessor-issuer", "assessor-auditor"
_AUDITED = "claim-audited"


def cyclonedx(document: CertificateDocument) -> bytes:
    """The bill of materials, JSON in UTF-8; the same for the same certificate."""
    claims = stated(document)
    bom = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, document.content_digest).urn,
        "version": 1,
        "metadata": {
            "tools": {
                "components": [
                    {"type": "application", "name": document.tool.name, "version": document.tool.version}
                ]
            },
            "component": _model(document, claims),
        },
        "declarations": _declarations(document, claims),
    }  # fmt: skip
    return (json.dumps(bom, ensure_ascii=False, indent=2) + "\n").encode()


def _model(document: CertificateDocument, claims: tuple[Stated, ...]) -> dict[str, Any]:
    head = document.head
    return {
        "type": "machine-learning-model",
        "bom-ref": _MODEL,
        "name": f"classifier of {document.target}",
        "version": document.imprint.system or to_fill("the deployed system, with its version"),
        "properties": [
            {"name": f"lassi:{name.replace(' ', '-')}", "value": value}
            for name, value in provenance(document)
        ],
        "modelCard": {
            "modelParameters": {
                "approach": {"type": "supervised"},
                "task": f"classification: {document.target} ({', '.join(head.classes)})",
                "architectureFamily": f"{head.kind} head on fair representations",
                "modelArchitecture": f"{head.kind}, widths {' '.join(map(str, head.widths))}",
                "inputs": [{"format": f"representation, {head.input_dim} float32"}],
                "outputs": [{"format": "class"}],
            },
            "quantitativeAnalysis": {
                "performanceMetrics": [
                    *(metric for each in claims for metric in _metrics(document, each)),
                    *_reality_metrics(document),
                    *_group_metrics(document),
                ]
            },
            "considerations": {
                "users": [to_fill("who uses the system")],
                "useCases": [to_fill("what it is used for")],
                "technicalLimitations": list(LIMITS),
                "fairnessAssessments": [
                    *(_assessment(document, each) for each in claims),
                    *_group_assessments(document),
                ],
            },
        },
    }  # fmt: skip


def _metrics(document: CertificateDocument, each: Stated) -> list[dict[str, Any]]:
    claim = each.claim
    model = f"{each.view} view, statement {claim.statement}, {claim.certified_model}"
    where = f"{people(document)}, {model}"
    metrics = [
        {"type": "certified individuals, %, rounded down", "value": each.percent, "slice": where}
    ]
    known = f"{labelled(document, claim)}, {model}"
    for name, value in (
        ("accuracy", claim.accuracy),
        ("balanced accuracy", claim.balanced_accuracy),
        ("accuracy of the most frequent class", claim.majority_accuracy),
    ):
        if value is not None:
            metrics.append({"type": f"{name}, %", "value": percent(value), "slice": known})
    return metrics


def _reality_metrics(document: CertificateDocument) -> list[dict[str, str]]:
    return [
        {
            "type": f"true counterparts in {attribute}, %, counted",
            "value": share,
            "slice": f"{group}, {count} people of {document.split}. {COUNTERPARTS}",
        }
        for attribute, group, count, share in reality(document)
    ]


def _group_metrics(document: CertificateDocument) -> list[dict[str, str]]:
    return [
        {
            "type": f"{each.rate} {each.decided}".rstrip() + ", %, counted",
            "value": each.percent,
            "slice": f"{each.label}: {each.group}, {_counted(each)} people of {document.split}, {each.view} view",
        }
        for each in group_rates(document)
        if each.of
    ]


def _counted(each: GroupRate) -> str:
    return str(each.people) if each.of == each.people else f"{each.of} of {each.people}"


def _group_assessments(document: CertificateDocument) -> list[dict[str, str]]:
    """One per label and view."""
    return [
        {
            "groupAtRisk": _groups_in(found),
            "benefits": to_fill("what a favourable decision brings these people"),
            "harms": f"{view} view, {spread_words(found).removesuffix('.')}. {COUNTED}",
            "mitigationStrategy": to_fill("what is done about differences between these groups"),
        }
        for view, found in fares_in(document)
    ]


def _groups_in(found: Fares) -> str:
    sizes = ", ".join(f"{name} ({people} people)" for name, people, _ in found.groups)
    return f"People by {found.label}{f': {sizes}' if sizes else ''}. {found.few}".rstrip()


def _assessment(document: CertificateDocument, each: Stated) -> dict[str, str]:
    return {
        "groupAtRisk": f"People who differ in {' and '.join(document.spec.attributes)}. {similar_people(document)}",
        "benefits": f"{each.view} view: {each.verdict}",
        "harms": to_fill("what a decision that differs between similar people would cost them"),
        "mitigationStrategy": to_fill("what is done about people without a certificate"),
    }


def _declarations(document: CertificateDocument, claims: tuple[Stated, ...]) -> dict[str, Any]:
    audit = document.audit
    issuer = document.imprint.issuer or to_fill("organisation that issued the certificate")
    assessors = [_assessor(_ISSUER, issuer)]
    attestations = [
        _attestation(
            _ISSUER,
            "Certificates that anyone who has the bundle can compute again.",
            [_reference(each) for each in claims],
        )
    ]
    evidence_of_claims = [_CERTIFICATE, "evidence-bundle", "evidence-spec"]
    stated_claims = [_claim(each, evidence_of_claims) for each in claims]
    evidence = [
        _evidence(_CERTIFICATE, "certificate", "A row per individual and view, and the head.", document.content_digest)
        | _dates(document.imprint),
        _evidence("evidence-bundle", "bundle", "Representations and radii, by the producer.", document.bundle_digest),
        _evidence("evidence-spec", "specification", "Who is similar, by the regulator.", document.spec.digest),
    ]  # fmt: skip
    if audit is not None:
        assessors.append(_assessor(_AUDITOR, to_fill("organisation that audited the bundle")))
        attestations.append(_attestation(_AUDITOR, _audit_summary(audit), [_AUDITED]))
        stated_claims.append(
            {
                "bom-ref": _AUDITED,
                "target": _MODEL,
                "predicate": f"The radii that the claims rest on: {audit_words(audit)}.",
                "evidence": [_AUDIT],
            }
        )
        said = "The bundle computed again from encoder and data, on a sample."
        evidence.append(_evidence(_AUDIT, "audit", said, audit.digest))
    return {
        "assessors": assessors,
        "attestations": attestations,
        "claims": stated_claims,
        "evidence": evidence,
        "affirmation": {"statement": to_fill("who affirms this, and under which obligation")},
    }


def _dates(imprint: Imprint) -> dict[str, str]:
    """Since when it is, and until the end of which day."""
    dates = (("created", imprint.issued, "00:00:00"), ("expires", imprint.valid_until, "23:59:59"))
    return {name: f"{day.isoformat()}T{time}Z" for name, day, time in dates if day is not None}


def _assessor(reference: str, name: str) -> dict[str, Any]:
    return {"bom-ref": reference, "organization": {"name": name}}


def _attestation(assessor: str, summary: str, claims: Sequence[str]) -> dict[str, Any]:
    return {"summary": summary, "assessor": assessor, "map": [{"claims": list(claims)}]}


def _reference(each: Stated) -> str:
    return f"claim-{each.view}"


def _audit_summary(audit: AuditEntry) -> str:
    scope = audit.scope
    left = "".join(f" Not checked: {each.what} ({each.why})." for each in audit.not_checked)
    return (
        f"Of the evidence behind the claims the bundle was audited: {scope.checked} of {scope.individuals} individuals "
        f"of {scope.split} computed again, {audit.findings} findings. The classifier was not looked at.{left}"
    )


def _claim(each: Stated, evidence: list[str]) -> dict[str, Any]:
    return {
        "bom-ref": _reference(each),
        "target": _MODEL,
        "predicate": each.verdict,
        "reasoning": each.reasoning,
        "evidence": evidence,
    }


def _evidence(reference: str, name: str, said: str, digest: str) -> dict[str, Any]:
    content = {"attachment": {"contentType": "text/plain", "content": digest}}
    return {
        "bom-ref": reference,
        "propertyName": name,
        "description": said,
        "data": [{"name": "content digest", "contents": content}],
    }
