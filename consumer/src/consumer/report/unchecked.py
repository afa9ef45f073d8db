"""What nobody has checked behind a certificate, in plain words, each with what would check it."""

from __future__ import annotations

from shared_spec.artifacts.certificate import CertificateDocument

__all__ = ["Unchecked", "not_checked"]

Unchecked = tuple[str, str, str]
"""What was not checked, what would check it, and by which command, if by one."""


def not_checked(document: CertificateDocument) -> list[Unchecked]:
    """What is taken at somebody's word; all of it is about this certificate and none of it is other people's text."""
    drawn = any(claim.alpha_per_individual > 0 for claim in document.claims.values())
    found = [
        (
            "That those who count as similar are those whom you would call similar.",
            "The regulator's film strips and quality report, looked at by people.",
            "",
        ),
        *(
            [
                (
                    "That the film strip shows what the regulator's spec says.",
                    "Drawing it again from spec and data.",
                    "regulator preview --for-report",
                )
            ]
            if document.strip is not None
            else []
        ),
        (
            "That the system in use is the one certified here.",
            "Its operator, by the digests of encoder and head in the appendix.",
            "",
        ),
    ]
    if document.audit is None:
        found.append(
            (
                "That the producer's figures about similar people are right.",
                "An auditor whom the producer lets see encoder and data.",
                "producer audit",
            )
        )
    elif document.audit.scope.checked < document.audit.scope.individuals:
        scope = document.audit.scope
        found.append(
            (
                f"The producer's figures of {scope.individuals - scope.checked} of {scope.individuals} people.",
                "An audit of everybody.",
                "producer audit",
            )
        )
    if document.origin is None:
        found.append(
            (
                "Who made the representations that this rests on.",
                "The producer's signature and a trust file.",
                "consumer verify --trust",
            )
        )
    found.append(
        (
            "Who signed this certificate: a page cannot show it.",
            "The signature beside it, and a trust file.",
            "consumer verify --trust",
        )
    )
    if drawn and document.commitment is None:
        found.append(
            (
                "That the random seed was not chosen after looking at its results.",
                "A commitment made beforehand.",
                "consumer commit",
            )
        )
    if not document.reality:
        found.append(
            (
                "How the decisions on true counterparts compare with the certificates.",
                "Counterparts in the producer's bundle.",
                "producer export --counterparts",
            )
        )
    if not any(groups for table in document.groups for groups in table.views.values()):
        found.append(
            (
                "How often groups of people get each decision.",
                "Labels of groups in the producer's bundle.",
                "consumer certify --groups",
            )
        )
    whose = "the producer's" if document.labels == "producer" else "the issuer's own"
    found.append(
        (
            f"That the labels behind the accuracies are right; they are {whose}.",
            "Whoever collected them.",
            "",
        )
    )
    if document.imprint.stated:
        found.append(
            ("Issuer, system and contact: the issuer's own words.", "Asking the contact.", "")
        )
    return found
