"""What the commands share that issue a certificate: what goes into it beside the decisions, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from consumer.cli.beside import beside
from shared_spec.cli.trust import trust_option
from shared_spec.console import emit, following, path_option, table
from shared_spec.errors import PolicyNotMet

if TYPE_CHECKING:
    from consumer.policy import Policy
    from consumer.sealing import Issued
    from shared_spec.artifacts.claim_documents import Claim

__all__ = ["conclude", "paper_options", "rule_of"]

Command = TypeVar("Command", bound=Callable[..., Any])


def paper_options(command: Command) -> Command:
    """Adds `--audit`, `--groups`, `--strip`, `--policy`, `--trust` and `--salt`."""
    for add in (
        path_option("--salt", "salt.json of another certificate, to issue the very bytes of that one."),
        trust_option,
        click.option(
            "--policy", metavar="POLICY",
            help='Exit with 4 unless met: "certified>=0.95" of these individuals, or "certified>=0.95@confidence=0.99" '
            "of a population that they were drawn from at random; alpha counts against it.",
        ),
        path_option(
            "--strip",
            "The regulator's film strip for the page (regulator preview --for-report): who counts as similar, in "
            "pictures.",
        ),
        click.option(
            "--groups", multiple=True, metavar="NAME",
            help="Count selection rate, accuracy and certificates by the classes of this shared label; repeat for "
            "several.",
        ),
        path_option("--audit", "An audit of the bundle, for the certificate to quote; refused with findings."),
    ):  # fmt: skip
        command = add(command)
    return command


def rule_of(policy: str | None, views: Sequence[str]) -> Policy | None:
    """The policy for a certificate of these views, read before any work."""
    from consumer.policy import parse_policy

    return None if policy is None else parse_policy(policy, views)


def conclude(
    certificate: Issued,
    reps: Path,
    as_json: bool,
    policy: str | None,
    rule: Policy | None,
    audit: Path | None,
    trust: Path | None,
) -> None:
    """Shows a certificate that was issued. Raises PolicyNotMet if it does not reach its policy."""
    papers = {"--audit": audit, "--trust": trust}
    _show(certificate, reps, as_json, [word for pair in papers.items() if pair[1] for word in pair])
    if rule is not None and (failures := rule.failures(certificate.document.claims)):
        raise PolicyNotMet(
            f"policy {policy!r} is not met: {'; '.join(failures)}; the certificate is at {certificate.path}"
        )


def _accuracy(claim: Claim) -> str:
    """In per cent, and of how many, where the labels of some alone are known."""
    from shared_spec.population import percent

    if claim.accuracy is None:
        return ""
    part = f" (of {claim.labelled})" if claim.labelled not in (None, claim.individuals) else ""
    return f"{percent(claim.accuracy)}{part}"


def _show(
    certificate: Issued, reps: Path, as_json: bool, papers: Sequence[str | Path | None]
) -> None:
    from consumer.report.page import REPORT
    from shared_spec.population import percent_down, rounded_up
    from shared_spec.trust.seeds import seed_words
    from shared_spec.trust.verification import origin_words

    document, outcomes = certificate.document, certificate.outcomes
    rows = [
        [view, claim.certified_model, _accuracy(claim),
         f"{claim.certified} of {claim.individuals}", percent_down(claim.certified_fraction),
         str(outcomes[view].unfair), str(outcomes[view].unknown),
         f"{claim.alpha_per_individual:g}", rounded_up(claim.expected_false_certificates, 2),
         percent_down(claim.population.fair_at_least)]
        for view, claim in document.claims.items()
    ]  # fmt: skip
    columns = [
        "view", "certified model", "accuracy %", "certified", "%", "proven unfair", "unknown", "alpha each",
        "false expected", "if drawn at random, fair >= %",
    ]  # fmt: skip
    text = table(
        f"{document.target}, noise {document.head.sigma_rs:g}: {certificate.path}", columns, rows
    )
    result: dict[str, Any] = {
        "certificate": str(certificate.path),
        "digest": certificate.digest,
        "origin": origin_words(document.origin),
        "seed": seed_words(document.commitment),
        "claims": {view: claim.model_dump(mode="json") for view, claim in document.claims.items()},
    }
    result["outcomes"] = {view: asdict(found) for view, found in outcomes.items()}
    result["reality"] = [check.model_dump(mode="json") for check in document.reality]
    result["groups"] = [found.model_dump(mode="json") for found in document.groups]
    verify = ["consumer", "verify", certificate.path, "--reps", reps, *papers]
    after = following(*verify)
    if "--trust" in papers:
        words = ["--key", "KEY", "--issuer", "NAME", "--serial", "1", "--expires", "YYYY-MM-DD"]
        first = following("consumer", "sign", certificate.path, *words)
        after = f"{first}\n{following(*verify, lead='Then')}"
    said = f"bundle: {result['origin']}; {result['seed']}\nTo read: {certificate.path / REPORT}\n{after}"
    emit(result, as_json, text, *beside(document), said)
