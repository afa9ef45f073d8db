"""Policies: a level that the certificates must reach for a command to succeed, as a gate in someone's pipeline."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared_spec.artifacts.certificate import Claim
from shared_spec.errors import SettingsError
from shared_spec.population import percent_down, population_statement

__all__ = ["Policy", "parse_policy"]

_FORM = re.compile(r"^(?:(smoothing|exact):)?certified>=([0-9.]+)(?:@confidence=([0-9.]+))?$")


@dataclass(frozen=True)
class Policy:
    """`[VIEW:]certified>=LEVEL[@confidence=CONFIDENCE]`.

    Without a confidence: at least LEVEL of these individuals are certified, less the share alpha of them whose
    certificates are expected to be false. With one: if these individuals were drawn at random, then with that
    confidence the model is fair at a random individual of their population with probability at least LEVEL
    (docs/guarantees.md, A.6).
    Without a view, every view of the certificate must meet it.
    """

    view: str | None
    level: float
    confidence: float | None

    def reached(self, claim: Claim) -> float:
        """The figure that is compared with LEVEL."""
        if self.confidence is None:
            return max(0.0, claim.certified_fraction - claim.alpha_per_individual)
        statement = population_statement(
            claim.individuals,
            claim.certified,
            claim.alpha_per_individual,
            self.confidence,
            choices=len(claim.methods_tried),
        )
        return statement.fair_at_least

    def failures(self, claims: Mapping[str, Claim]) -> list[str]:
        """One sentence per view that does not meet the policy."""
        return [
            f"{view}: reached {percent_down(self.reached(claims[view]), 2)}%, asked for {100 * self.level:g}%"
            for view in ([self.view] if self.view else claims)
            if not self.reached(claims[view]) >= self.level
        ]


def parse_policy(text: str, views: Sequence[str]) -> Policy:
    """Reads a policy for a certificate of these views.

    Raises:
        SettingsError: it has not the form that is expected, or asks for another view.

    >>> parse_policy("exact:certified>=0.95@confidence=0.99", ["smoothing", "exact"])
    Policy(view='exact', level=0.95, confidence=0.99)
    """
    match = _FORM.match(text.replace(" ", ""))
    if match is None:
        raise SettingsError(
            f"`policy` {text!r}: expected [VIEW:]certified>=LEVEL[@confidence=C], as in certified>=0.95@confidence=0.99"
        )
    view, level, confidence = match.groups()
    try:
        policy = Policy(view, float(level), None if confidence is None else float(confidence))
    except ValueError as error:
        raise SettingsError(f"`policy` {text!r}: {error}") from error
    if not 0 <= policy.level <= 1 or not (policy.confidence is None or 0 < policy.confidence < 1):
        raise SettingsError(
            f"`policy` {text!r}: expected a level in [0, 1] and a confidence in (0, 1)"
        )
    if view and view not in views:
        raise SettingsError(
            f"`policy` {text!r}: asks for the {view} view, but {', '.join(views)} alone is certified"
        )
    return policy
