"""What a decision speaks of: the class that is predicted at one point, on the ball around another."""

from __future__ import annotations

import pytest
import torch

from consumer.decide import decide
from consumer.decisions import Bounds, Draws
from shared_spec.frozen_head import FrozenHead
from shared_spec.sampling import Sampling
from shared_spec.terms import BoundStatus, RadiusMethod

F64 = torch.float64
# Class 0 where x > 0.
STEP = FrozenHead((torch.tensor([[1.0], [0.0]], dtype=F64),), (torch.zeros(2, dtype=F64),))
# The same with a hidden layer: of it the smoothed head is sampled.
DEEP = FrozenHead(
    (torch.tensor([[1.0], [-1.0]], dtype=F64), torch.tensor([[1.0, -1.0], [0.0, 0.0]], dtype=F64)),
    (torch.zeros(2, dtype=F64), torch.zeros(2, dtype=F64)),
)
DRAWS = Draws(0.1, Sampling(alpha=1e-4, selection_samples=200, samples=2000), 0)


def decided(method, point, centre, radius, code=BoundStatus.BOUNDED, head=STEP):
    bounds = Bounds(
        points=torch.tensor([[point]], dtype=F64),
        centres=torch.tensor([[centre]], dtype=F64),
        radii=torch.tensor([radius], dtype=F64),
        status=torch.tensor([int(code)], dtype=torch.uint8),
    )
    return decide(head, bounds, method, DRAWS, ["one"])


@pytest.mark.parametrize(
    ("method", "head"),
    [*((method, STEP) for method in RadiusMethod), (RadiusMethod.CROWN, DEEP), (RadiusMethod.SEQUENTIAL, DEEP)],
)  # fmt: skip
def test_the_predicted_class_is_tested_around_the_centre_not_around_the_point(method, head):
    """In the exact view the point is R(z), the centre that of a smaller ball which holds R(z) on its edge."""

    def status(*case):
        return decided(method, *case, head=head).status[0]

    assert status(2.0, 1.0, 0.1) == "CERTIFIED"
    assert status(1.0, -1.0, 0.1) != "CERTIFIED", "the ball around the point was decided"
    assert status(1.0, 0.01, 0.5) != "CERTIFIED", "the ball around the point was decided"
    assert status(0.01, 1.0, 0.1) == "CERTIFIED", "the ball around the point was decided"


@pytest.mark.parametrize("method", list(RadiusMethod))
@pytest.mark.parametrize(
    ("code", "says"), [(BoundStatus.UNDECIDED, "UNDECIDED"), (BoundStatus.ABSTAIN, "ABSTAIN"), (7, "UNDECIDED")]
)  # fmt: skip
def test_nobody_is_certified_whom_the_producer_did_not_bound(method, code, says):
    """The head alone would certify: the ball is far inside class 0."""
    assert decided(method, 2.0, 2.0, 0.1).status[0] == "CERTIFIED"
    found = decided(method, 2.0, 2.0, 0.1, code)
    assert found.status[0] == says
    assert found.prediction[0] == (-1 if says == "ABSTAIN" else 0)


@pytest.mark.parametrize(
    ("method", "name"),
    [
        (RadiusMethod.CLOSED_FORM, "closed-form ball"),
        (RadiusMethod.CROWN, "crown ball"),
        (RadiusMethod.SEQUENTIAL, "sequential"),
        (RadiusMethod.RANDOMIZED, "randomized"),
    ],
)
def test_a_decision_names_its_method(method, name):
    assert decided(method, 2.0, 2.0, 0.1).method[0] == name


def along(vertices, place, point=1.0, status=BoundStatus.BOUNDED):
    """The decision about one individual whose tube passes these numbers."""
    bounds = Bounds(
        points=torch.tensor([[point]], dtype=F64),
        centres=torch.tensor([[point]], dtype=F64),
        radii=torch.tensor([5.0], dtype=F64),
        status=torch.tensor([int(status)], dtype=torch.uint8),
        tube=torch.tensor(vertices, dtype=F64)[None, :, None],
        delta=torch.tensor([1e-3], dtype=F64),
        place=None if place is None else torch.tensor(place, dtype=F64)[None],
    )
    return decide(STEP, bounds, RadiusMethod.CLOSED_FORM, DRAWS, ["one"])


def test_a_vertex_that_is_decided_otherwise_is_a_witness():
    found = along([2.0, 1.0, -0.5, -2.0], [-1.0, 0.0, 0.5, 1.0])
    assert (found.status[0], found.reason[0]) == (
        "NOT_CERTIFIED",
        "somebody similar is decided otherwise",
    )
    assert found.witness[0] == 0.5, "the first vertex that differs, where it stands"


@pytest.mark.parametrize(
    ("vertices", "place", "status"),
    [
        ([2.0, 1.0, 0.5, 3.0], [-1.0, 0.0, 0.5, 1.0], BoundStatus.BOUNDED),
        ([2.0, 1.0, -0.5, -2.0], None, BoundStatus.BOUNDED),
        ([2.0, 1.0, -1e-9, 2.0], [-1.0, 0.0, 0.5, 1.0], BoundStatus.BOUNDED),
        ([2.0, 1.0, -0.5, -2.0], [-1.0, 0.0, 0.5, 1.0], BoundStatus.UNDECIDED),
    ],
    ids=["all agree", "no places", "rounding decides", "not bounded"],
)
def test_nobody_is_a_witness_who_might_not_be(vertices, place, status):
    found = along(vertices, place, status=status)
    assert found.witness is not None
    assert found.witness[0] != found.witness[0], "a witness was made up"
    assert found.reason[0] != "somebody similar is decided otherwise"


class Counted(Draws):
    """Draws that remember for whom a stream was asked for."""

    def streams(self, purpose, sample_ids):
        asked[purpose].extend(sample_ids)
        return super().streams(purpose, sample_ids)


asked: dict[str, list[str]] = {}
# Class 1 between -1 and 1, class 0 left of it, class 2 right.
THIRDS = FrozenHead(
    (torch.tensor([[-1.0], [0.0], [1.0]], dtype=F64),),
    (torch.tensor([-1.0, 0.0, -1.0], dtype=F64),),
)


@pytest.mark.parametrize(
    ("head", "method", "selected", "tested"),
    [
        (THIRDS, RadiusMethod.SEQUENTIAL, "b", "bc"),
        (STEP, RadiusMethod.SEQUENTIAL, "", ""),
        (DEEP, RadiusMethod.SEQUENTIAL, "abcd", "abcd"),
        (THIRDS, RadiusMethod.RANDOMIZED, "abcd", "abcd"),
        (STEP, RadiusMethod.RANDOMIZED, "abcd", "abcd"),
    ],
    ids=["three classes", "two classes", "MLP", "radii of three", "radii of two"],
)
def test_only_those_are_sampled_whom_no_proof_settles(head, method, selected, tested):
    """a and d are far inside a class, b is near a border, c's ball crosses one."""
    asked.update({"consumer.select": [], "consumer.test": []})
    centres = torch.tensor([[-3.0], [-0.99], [1.6], [4.0]], dtype=F64)
    bounds = Bounds(
        points=centres,
        centres=centres,
        radii=torch.tensor([0.5, 0.001, 0.7, 0.1], dtype=F64),
        status=torch.full((4,), int(BoundStatus.BOUNDED), dtype=torch.uint8),
    )
    draws = Counted(1.0, DRAWS.sampling, 0)
    found = decide(head, bounds, method, draws, list("abcd"))
    assert asked == {"consumer.select": list(selected), "consumer.test": list(tested)}
    unsampled = [name not in tested for name in "abcd"]
    assert (found.samples == 0).tolist() == unsampled or method == RadiusMethod.RANDOMIZED
    if head is THIRDS:
        assert (found.status == "CERTIFIED").tolist() == [True, False, False, True]
        assert found.prediction[[0, 2, 3]].tolist() == [0, 2, 2]


def test_what_is_proved_of_the_smoothed_head_is_what_samples_say():
    """Everybody once by proof and once by 20,000 samples each, which may only know less."""
    centres = torch.linspace(-3.0, 3.0, 25, dtype=F64)[:, None]
    n = len(centres)
    bounds = Bounds(
        points=centres,
        centres=centres,
        radii=torch.full((n,), 0.2, dtype=F64),
        status=torch.full((n,), int(BoundStatus.BOUNDED), dtype=torch.uint8),
    )
    draws = Draws(0.5, Sampling(alpha=1e-4, selection_samples=400, samples=20_000), 0)
    ids = [str(i) for i in range(n)]
    proved = decide(THIRDS, bounds, RadiusMethod.SEQUENTIAL, draws, ids)
    sampled = decide(THIRDS, bounds, RadiusMethod.RANDOMIZED, draws, ids)
    by_proof = (proved.samples == 0) & (proved.status == "CERTIFIED")
    assert 10 < by_proof.sum() < n
    known = sampled.prediction >= 0
    assert (proved.prediction == sampled.prediction)[by_proof & known].all()
    assert by_proof[sampled.status == "CERTIFIED"].mean() > 0.9
