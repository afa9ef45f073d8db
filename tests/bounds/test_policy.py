"""What a policy compares with its level: never more than the claim's statement gives."""

from types import SimpleNamespace

import pytest

from consumer.policy import parse_policy
from shared_spec.errors import SettingsError
from shared_spec.stats import clopper_pearson_lower


def claim(certified, alpha, tried=1):
    """Of 100 individuals."""
    return SimpleNamespace(
        individuals=100, certified=certified, certified_fraction=certified / 100, alpha_per_individual=alpha,
        methods_tried=range(tried),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("certified", "alpha", "text", "met"),
    [
        (95, 0.0, "certified>=0.95", True),
        (95, 0.0, "certified>=0.951", False),
        (95, 0.01, "certified>=0.95", False),
        (96, 0.01, "certified>=0.949", True),
        (100, 0.9, "certified>=0.95", False),
        (0, 0.5, "certified>=0", True),
    ],
)
def test_without_a_confidence_the_certificates_that_may_be_false_are_taken_off(
    certified, alpha, text, met
):
    assert (
        parse_policy(text, ["smoothing"]).failures({"smoothing": claim(certified, alpha)}) == []
    ) == met


def test_with_a_confidence_the_population_is_compared():
    policy = parse_policy("certified>=0.9@confidence=0.95", ["exact"])
    lower = clopper_pearson_lower(97, 100, 0.05)
    assert policy.reached(claim(97, 0.0)) == pytest.approx(lower)
    assert policy.reached(claim(97, 0.01)) < policy.reached(claim(97, 0.0))
    assert policy.reached(claim(97, 0.0, tried=2)) < policy.reached(claim(97, 0.0))


def test_every_view_must_meet_it_unless_one_is_named():
    claims = {"exact": claim(99, 0.0), "smoothing": claim(10, 0.01)}
    assert parse_policy("exact:certified>=0.9", list(claims)).failures(claims) == []
    assert parse_policy("certified>=0.9", list(claims)).failures(claims) == [
        "smoothing: reached 9.00%, asked for 90%"
    ]


def test_a_view_that_is_not_certified_is_refused_at_once():
    with pytest.raises(SettingsError, match="asks for the smoothing view, but exact alone"):
        parse_policy("smoothing:certified>=0.05", ["exact"])
