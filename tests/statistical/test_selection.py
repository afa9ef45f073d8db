"""Whoever takes the better of two methods pays for it: the population statement of `auto` covers as stated."""

import numpy as np
import pytest
from columns import in_columns
from scipy.stats import binom

from consumer.claims import choose_method, claim_of
from consumer.tally import Tally
from shared_spec.artifacts.bundle_documents import ViewEntry
from shared_spec.artifacts.rows import Row
from shared_spec.population import population_statement
from shared_spec.rng import numpy_generator
from shared_spec.sampling import Sampling
from shared_spec.statements import words_of
from shared_spec.terms import RadiusMethod, Reason, Statement, Status

pytestmark = pytest.mark.statistical

N, FAIR = 37, 0.8
X = words_of(Statement.X).sentence
EXACT = ViewEntry(statement=Statement.X, sentence=X, alpha={}, settings={}, splits=("test",))


def drawn_tally(generator):
    """N individuals at random, of whom a method certifies exactly those whom its own model treats fairly."""
    tally = Tally("exact", N, 0, 1.0)
    rows = []
    for certified in generator.random(N) < FAIR:
        status = Status.CERTIFIED if certified else Status.NOT_CERTIFIED
        reason = Reason.NONE if certified else Reason.NOT_PROVED
        rows.append(Row("", "exact", "", "no", status, reason, None, None, "crown ball", 0, 0))
    tally.add(in_columns(rows))
    return tally


def claimed(generator, methods):
    """What is claimed of the better of the methods."""
    tallies = {("exact", method): drawn_tally(generator) for method in methods}
    kept = choose_method("exact", methods, tallies)
    return claim_of(
        "exact", EXACT, methods, kept, Sampling(), ("no", "yes"), tallies["exact", kept]
    )


@pytest.mark.parametrize("methods", [1, 2])
def test_the_population_statement_holds_whichever_method_is_kept(methods):
    replicates, level = 4000, 0.05
    generator = numpy_generator(0, f"selection-{methods}")
    chosen = [RadiusMethod.CROWN, RadiusMethod.SEQUENTIAL][:methods]
    wrong = sum(
        claimed(generator, chosen).population.fair_at_least > FAIR
        for _ in range(replicates)
    )  # fmt: skip
    assert wrong <= binom.isf(1e-6, replicates, level), f"{wrong} of {replicates} exceed the truth"
    assert wrong >= replicates * level / 4, "the statement is far looser than its level"


def test_without_paying_the_better_of_two_would_exceed_its_level():
    """The instance above does tell: at the level of one method the better of two is wrong nearly twice as often."""
    generator = numpy_generator(1, "selection-unpaid")
    best = generator.binomial(N, FAIR, (4000, 2)).max(1)
    unpaid = np.array([population_statement(N, k, 0.0).fair_at_least for k in range(N + 1)])
    assert (unpaid[best] > FAIR).sum() > binom.isf(1e-6, 4000, 0.05)
