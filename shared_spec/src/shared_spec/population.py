"""What a set of certificates says, in numbers and in words: about each person, about all of them, about everybody.

A certificate with failure probability alpha is not a claim that the certified person is treated fairly with
probability 1 - alpha. What is proved is P(certified and not fair) <= alpha, per individual (docs/guarantees.md, A.2
item 3, A.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from shared_spec.errors import SettingsError
from shared_spec.stats import clopper_pearson_lower, count_bound

__all__ = ["PopulationStatement", "percent", "percent_down", "population_statement", "rounded_up"]


@dataclass(frozen=True)
class PopulationStatement:
    """Statements over N individuals with independent random streams, of whom K are certified.

    Attributes:
        individuals: N, all individuals that were tried, not only the certified ones.
        certified: K.
        alpha: P(certified and not fair) for each individual; 0 for deterministic certificates.
        confidence: of `false_certificates_bound` and of `fair_at_least`, each by itself.
        expected_false_certificates: at most this many false certificates on average: N alpha.
        false_certificates_bound: with probability `confidence` there are no more false certificates than this.
        any_false_certificate: P(at least one false certificate) is at most this.
        fair_at_least: with probability `confidence` over the individuals and the samples, the model is fair at a
            random individual with at least this probability, if the N individuals were drawn at random from that
            population.
    """

    individuals: int
    certified: int
    alpha: float
    confidence: float
    expected_false_certificates: float
    false_certificates_bound: int
    any_false_certificate: float
    fair_at_least: float

    def sentences(self) -> tuple[str, ...]:
        """The statements in words, one sentence each; those that would say nothing are left out."""
        confidence = f"{100 * self.confidence:g}%"
        said = [f"{self.certified} of {self.individuals} individuals are certified"]
        if self.alpha == 0.0:
            said[0] += (
                "; each of these certificates holds without any failure probability."
                if self.certified
                else "."
            )
        else:
            said[0] += "."
            said.append(
                "For each individual, the probability of being certified and yet not treated fairly is at most"
                f" {rounded_up(self.alpha)}."
            )
            if self.certified:
                said.append(
                    f"On average at most {rounded_up(self.expected_false_certificates)} of the certificates are false;"
                    f" with {confidence} probability no more than {self.false_certificates_bound} are."
                )
            if self.certified and self.any_false_certificate < 1.0:
                said.append(
                    f"The probability that any of them is false is at most {rounded_up(self.any_false_certificate)}."
                )
        if self.fair_at_least >= 1e-4:
            said.append(
                f"If these {self.individuals} individuals were drawn at random, then with {confidence} confidence the"
                f" model treats at least {percent_down(self.fair_at_least, 2)}% of their population fairly."
            )
        return tuple(said)


def population_statement(
    individuals: int, certified: int, alpha: float, confidence: float = 0.95, choices: int = 1
) -> PopulationStatement:
    """The statements of docs/guarantees.md, A.6, for K certified of N individuals at level alpha each.

    Where K is that of the best of several methods, tried on the same individuals, the statements hold for every one of
    them at once, and so for the one that was chosen: each takes an equal share of 1 - confidence.

    Args:
        individuals: N >= 1, abstentions and undecided ones included.
        certified: K, 0 <= K <= N.
        alpha: all failure probabilities of one certificate together (those of producer and consumer added up), in [0,
            1).
        confidence: 1 - delta, in (0, 1).
        choices: how many methods were tried on these individuals.

    Raises:
        SettingsError: a number out of its range.
    """
    if individuals < 1 or not 0 <= certified <= individuals:
        raise SettingsError(
            f"{certified} certified of {individuals} individuals: expected 0 <= certified <= individuals, and one"
        )
    if not 0.0 <= alpha < 1.0 or not 0.0 < confidence < 1.0:
        raise SettingsError(
            f"alpha {alpha!r}, confidence {confidence!r}: expected alpha in [0, 1) and confidence in (0, 1)"
        )
    delta = (1.0 - confidence) / choices
    return PopulationStatement(
        individuals=individuals,
        certified=certified,
        alpha=alpha,
        confidence=confidence,
        expected_false_certificates=individuals * alpha,
        false_certificates_bound=min(certified, count_bound(individuals, alpha, delta)),
        any_false_certificate=min(1.0, individuals * alpha),
        fair_at_least=max(0.0, clopper_pearson_lower(certified, individuals, delta) - alpha),
    )


def percent_down(fraction: float, places: int = 1) -> str:
    """A lower bound in per cent, rounded down: what is printed is never more than what is proved.

    >>> percent_down(0.66858), percent_down(0.962)
    ('66.8', '96.2')
    """
    # From the shortest decimal that is this float, as users see it, so that 0.962 is 96.2 and not 96.1.
    exact = Decimal(repr(fraction)) * 100
    return str(exact.quantize(Decimal(1).scaleb(-places), ROUND_FLOOR))


def rounded_up(bound: float, digits: int = 3) -> str:
    """An upper bound with so many digits, never less than what is proved; whole numbers with all of theirs.

    >>> rounded_up(12.34), rounded_up(1004.99), rounded_up(0.01), rounded_up(0.01 / 3), rounded_up(5.0)
    ('12.4', '1005', '0.01', '0.00334', '5')
    """
    exact = Decimal(repr(bound))
    last = min(exact.adjusted() - digits + 1, 0)
    shown = exact.quantize(Decimal(1).scaleb(last), ROUND_CEILING)
    return f"{shown.normalize():f}"


def percent(fraction: float) -> str:
    """What was measured, in per cent, to the nearest tenth; 100.0 is of all and 0.0 of none.

    >>> percent(0.9996), percent(1.0), percent(0.8304), percent(1e-9)
    ('99.9', '100.0', '83.0', '0.1')
    """
    if fraction in (0.0, 1.0):
        return f"{100 * fraction:.1f}"
    return f"{min(max(100 * fraction, 0.1), 99.9):.1f}"
