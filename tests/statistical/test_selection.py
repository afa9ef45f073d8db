"""Whoever takes the better of two methods pays for it: the population statement of `auto` covers as stated."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binom

from consumer.claims import certify_view
from consumer.decide import Decisions
from consumer.population import population_statement
from shared_spec.artifacts.bundle_documents import ViewEntry
from shared_spec.rng import numpy_generator
from shared_spec.sampling import Sampling
from shared_spec.statements import words_of
from shared_spec.terms import RadiusMethod, Statement

pytestmark = pytest.mark.statistical

N, FAIR = 37, 0.8
X = words_of(Statement.X).sentence
EXACT = ViewEntry(statement=Statement.X, sentence=X, alpha={}, settings={}, splits=("test",))


def drawn_case(generator):
    """N individuals at random; each method certifies, independently, exactly those whom its own model treats fairly."""

    def decided():
        certified = generator.random(N) < FAIR
        nobody = np.zeros(N, dtype=np.int64)
        return Decisions(
            prediction=nobody, status=np.where(certified, "CERTIFIED", "NOT_CERTIFIED"),
            reason=np.where(certified, "", "not proved"), method=np.full(N, "crown ball"), d_rs=None, samples=nobody,
            successes=nobody, smoothed=False,
        )  # fmt: skip

    return SimpleNamespace(
        bundle=SimpleNamespace(manifest=SimpleNamespace(views={"exact": EXACT})),
        config=SimpleNamespace(classes=("no", "yes")),
        sample_ids=[str(index) for index in range(N)],
        sampling=Sampling(),
        decide=lambda view, methods: ([decided() for _ in methods], np.ones(N)),
    )


@pytest.mark.parametrize("methods", [1, 2])
def test_the_population_statement_holds_whichever_method_is_kept(methods):
    replicates, level = 4000, 0.05
    generator = numpy_generator(0, f"selection-{methods}")
    chosen = [RadiusMethod.CROWN, RadiusMethod.SEQUENTIAL][:methods]
    labels = np.full(N, -1)
    wrong = sum(
        certify_view(drawn_case(generator), "exact", chosen, labels).claim.population.fair_at_least > FAIR
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
