"""What is certified is what is evaluated: R in the reals, in float64, and rounded to float32 as it is handed over."""

import pytest
import torch

from consumer.decide import decide
from consumer.decisions import Bounds, Draws
from producer.views.exact.bounds import certify_exact
from producer.views.exact.view import handed_over
from shared_spec.frozen_head import FrozenHead
from shared_spec.relu_network import ReluNetwork
from shared_spec.rng import torch_generator
from shared_spec.sampling import Sampling
from shared_spec.terms import BoundStatus, RadiusMethod, Status

F64 = torch.float64


def matrix(rows):
    return torch.tensor(rows, dtype=F64)


@pytest.mark.parametrize("vertices", [0, 2])
def test_a_class_that_only_float32_changes_is_not_certified(vertices):
    """R is the identity near 1000, where float32 is 6e-5 apart, and the head's threshold lies in such a gap."""
    encoder = ReluNetwork((matrix([[1.0]]),), (matrix([0.0]),))
    epsilon, threshold = 0.50004, 1000.50005
    z, vectors = torch.tensor([[1000.0]]), torch.tensor([[1.0]])
    bounds = handed_over(certify_exact(encoder, z, vectors, epsilon, tube_vertices=vertices))
    head = FrozenHead((matrix([[0.0], [1.0]]),), (matrix([threshold, 0.0]),))
    similar = matrix([[1000.0 + epsilon]])
    assert int(head.predict(encoder(similar))) == 0, "in float64 nobody is on the other side"
    assert int(head.predict(encoder(similar).float())) == 1, "handed over, somebody is"
    tubes = bounds.tubes
    found = Bounds(
        bounds.representation, bounds.centre, bounds.radius, bounds.status,
        tube=None if tubes is None else tubes.points, delta=None if tubes is None else tubes.delta,
    )  # fmt: skip
    decided = decide(head, found, RadiusMethod.CLOSED_FORM, Draws(0.0, Sampling(), 0), ["x"])
    assert decided.status[0] == Status.NOT_CERTIFIED


@pytest.mark.parametrize("vertices", [0, 2])
@pytest.mark.parametrize("hidden", [False, True])
def test_a_class_that_only_the_rounding_of_the_logits_changes_is_not_certified(hidden, vertices):
    """In the reals class 1 leads by 1e-10 on all of the ball; between logits of 2^24 float64 sees no such lead."""
    encoder = ReluNetwork((matrix([[1.0]]),), (matrix([0.0]),))
    # Rounded up to 1 + 2^-23 by float32, as far as any member of the set can be handed over.
    z, vectors, epsilon = torch.zeros(1, 1), torch.ones(1, 1), 1.0 + 2.0**-24 + 2.0**-44
    bounds = handed_over(certify_exact(encoder, z, vectors, epsilon, tube_vertices=vertices))
    bias = matrix([0.0, float(bounds.radius) * (1.0 + 1e-10)])
    last = matrix([[2.0**24], [2.0**24 - 1.0]])
    head = FrozenHead((last,), (bias,))
    if hidden:
        # The same function: x = relu(x) - relu(-x).
        both = matrix([[1.0], [-1.0]])
        head = FrozenHead((both, last @ both.T), (torch.zeros(2, dtype=F64), bias))
    handed = encoder(z.double() + epsilon * vectors.double()).float()
    assert int(head.predict(bounds.representation)) == 1
    assert int(head.predict(handed)) == 0, "float64 decides as the reals do: the case is void"
    tubes = bounds.tubes
    found = Bounds(
        bounds.representation, bounds.centre, bounds.radius, bounds.status,
        tube=None if tubes is None else tubes.points, delta=None if tubes is None else tubes.delta,
    )  # fmt: skip
    method = RadiusMethod.CROWN if hidden else RadiusMethod.CLOSED_FORM
    decided = decide(head, found, method, Draws(0.0, Sampling(), 0), ["x"])
    assert decided.status[0] == Status.NOT_CERTIFIED


@pytest.mark.parametrize(
    ("scale", "status"), [(1e38, "BOUNDED"), (3.4e38, "UNDECIDED"), (1e39, "UNDECIDED")]
)
def test_nobody_is_bounded_whose_similar_people_float32_cannot_hold(scale, status):
    encoder = ReluNetwork((matrix([[scale]]),), (matrix([0.0]),))
    found = handed_over(certify_exact(encoder, torch.ones(1, 1), torch.ones(1, 1), 0.01))
    assert BoundStatus(int(found.status)).name == status
    assert bool(encoder(matrix([[1.01]])).float().isinf()) == (status == "UNDECIDED")


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("shift", [0.0, 1e3, 1e6])
def test_representations_as_they_are_handed_over_lie_within_the_radius(k, shift):
    """With a large common offset float32 rounding dwarfs the set itself."""
    draw = torch_generator(int(shift) + k, "hand-over")
    weights = (
        torch.randn(12, 8, generator=draw, dtype=F64),
        torch.randn(5, 12, generator=draw, dtype=F64),
    )
    encoder = ReluNetwork(weights, (torch.zeros(12, dtype=F64), torch.full((5,), shift, dtype=F64)))
    z, vectors = torch.randn(3, 8, generator=draw), 1e-6 * torch.randn(k, 8, generator=draw)
    found = handed_over(certify_exact(encoder, z, vectors, 1.0))
    t = torch.randn(4000, k, generator=draw, dtype=F64)
    t = t / t.norm(dim=1, keepdim=True).clamp_min(1.0)
    for row in range(3):
        handed = encoder(z[row].double() + t @ vectors.double()).float().double()
        distance = (handed - found.centre[row].double()).norm(dim=1).max()
        assert distance <= found.radius[row]


@pytest.mark.parametrize(("power", "status"), [(20, "BOUNDED"), (40, "UNDECIDED")])
def test_nobody_is_bounded_whose_vertices_could_be_noise(power, status):
    """R is 0 everywhere, as the difference of two large numbers: float64's noise is no witness."""
    large = matrix([[2.0**power, -(2.0**power)]])
    encoder = ReluNetwork((matrix([[1.0], [1.0]]), large), (matrix([0.0, 0.0]), matrix([0.0])))
    bounds = certify_exact(encoder, torch.ones(1, 1), torch.ones(1, 1), 0.1, tube_vertices=3)
    assert BoundStatus(int(bounds.status)).name == "BOUNDED"
    assert BoundStatus(int(handed_over(bounds).status)).name == status
