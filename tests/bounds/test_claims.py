"""What a claim adds up: every level that was spent, every individual that was asked about, the method that decided."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from consumer.claims import choose_method, claim_of, decide_rows
from consumer.decisions import Decisions
from consumer.tally import Tally
from shared_spec.artifacts.bundle_documents import ViewEntry
from shared_spec.sampling import Sampling
from shared_spec.statements import words_of
from shared_spec.terms import RadiusMethod, Statement

PREDICTED, LABELS = [0, 1, -1, 1, -1, 0], [0, 1, 0, 0, -1, 0]
STATUS = ["CERTIFIED", "CERTIFIED", "ABSTAIN", "NOT_CERTIFIED", "ABSTAIN", "CERTIFIED"]


def decisions(method, status=STATUS):
    n = len(status)
    return Decisions(
        prediction=np.array(PREDICTED),
        status=np.array(status),
        reason=np.array([""] * n),
        method=np.full(n, method.value),
        d_rs=None,
        samples=np.arange(n),
        successes=np.zeros(n, dtype=np.int64),
        smoothed=True,
    )


def claim(*tried, statement=Statement.D):
    """The claim, and the rows behind it."""
    entry = ViewEntry(
        statement=statement, sentence=words_of(statement).sentence, alpha={"a": 0.02, "b": 0.005}, settings={},
        splits=("test",),
    )  # fmt: skip
    methods = [RadiusMethod(str(found.method[0])) for found in tried]
    rows, tallies, tensors = {}, {}, {"smoothing.radius": torch.ones(6)}
    for method, found in zip(methods, tried, strict=True):
        case = SimpleNamespace(
            decide=lambda *_, found=found: found, config=SimpleNamespace(classes=("no", "yes"))
        )
        tally = Tally("smoothing", 6, 0, 1.0)
        decided = decide_rows(
            case,
            "smoothing",
            method,
            list("abcdef"),
            np.array(LABELS),
            tensors,
            lambda done, word: None,
        )
        tally.add(decided)
        rows[method] = list(decided)
        tallies["smoothing", method] = tally
    kept = choose_method("smoothing", methods, tallies)
    found = claim_of(
        "smoothing",
        entry,
        methods,
        kept,
        Sampling(alpha=0.01),
        ("no", "yes"),
        tallies["smoothing", kept],
    )
    return SimpleNamespace(claim=found, rows=rows[kept])


def test_both_parties_levels_are_spent_on_every_individual():
    found = claim(decisions(RadiusMethod.SEQUENTIAL)).claim
    assert found.alpha == {"a": 0.02, "b": 0.005, "head's radius": 0.01}
    assert found.alpha_per_individual == pytest.approx(0.035)
    assert found.expected_false_certificates == pytest.approx(6 * 0.035)


def test_an_abstention_counts_as_an_error():
    found = claim(decisions(RadiusMethod.SEQUENTIAL)).claim
    assert found.accuracy == pytest.approx(3 / 5), (
        "of five labelled people three are answered rightly"
    )
    assert found.balanced_accuracy == pytest.approx((2 / 4 + 1 / 1) / 2)
    assert found.majority_accuracy == pytest.approx(4 / 5)


def test_no_accuracy_is_shown_of_a_model_that_nobody_can_evaluate():
    assert claim(decisions(RadiusMethod.SEQUENTIAL), statement=Statement.I).claim.accuracy is None


@pytest.mark.parametrize("method", [RadiusMethod.SEQUENTIAL, RadiusMethod.RANDOMIZED])
def test_rows_and_claim_name_the_method_that_decided(method):
    found = claim(decisions(method))
    assert found.claim.radius_method == method
    assert {row.method for row in found.rows} == {method.value}


def test_the_method_that_certifies_more_is_kept_with_its_rows():
    worse = decisions(RadiusMethod.CROWN, ["NOT_CERTIFIED"] * 6)
    found = claim(worse, decisions(RadiusMethod.SEQUENTIAL))
    assert found.claim.radius_method == RadiusMethod.SEQUENTIAL
    assert found.claim.methods_tried == (RadiusMethod.CROWN, RadiusMethod.SEQUENTIAL)
    assert [row.status for row in found.rows] == STATUS
