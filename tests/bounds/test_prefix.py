"""The largest epsilon that a tube certifies: a closed form, a dense attack, and where nothing holds."""

from __future__ import annotations

from fractions import Fraction

import pytest
import rational_line as oracle
import torch

from consumer.decide import decide
from consumer.decisions import Bounds, Draws
from consumer.prefix import STEPS, largest_epsilon, prefixes
from producer.views.exact.bounds import certify_exact
from producer.views.exact.view import handed_over
from shared_spec.frozen_head import FrozenHead
from shared_spec.rng import torch_generator
from shared_spec.sampling import Sampling
from shared_spec.terms import BoundStatus, RadiusMethod

F64 = torch.float64
# Class 0 where x > 0.
STEP = FrozenHead((torch.tensor([[1.0], [0.0]], dtype=F64),), (torch.zeros(2, dtype=F64),))
ONE = torch.zeros(1, dtype=torch.int64)


def found(values, places, delta, epsilon=1.0):
    tube = torch.tensor(values, dtype=F64)[None, :, None]
    place = torch.tensor([places], dtype=F64)
    return float(largest_epsilon(STEP, tube, place, torch.tensor([delta]), ONE, epsilon))


@pytest.mark.parametrize(
    ("values", "places", "delta", "share"),
    [
        ([1.5, 0.5, -0.5], [-1, 0, 1], 0.1, 0.4),
        ([-0.5, 0.5, 1.5], [-1, 0, 1], 0.1, 0.4),
        # The nearer side decides: 1 - 2s to the left, 1 - 4s to the right.
        ([-1.0, 1.0, -3.0], [-1, 0, 1], 0.0, 0.25),
        # The vertex at 0.5 is within the part, and the end lies behind it.
        ([1.0, 1.0, 0.6, -0.4], [-1, 0, 0.5, 1], 0.1, 0.75),
        ([1.0, -1.0], [-1, 1], 0.0, 0.0),
        ([1.0, 0.5, -1.0, -1.0, -1.0], [-1, 0, 1, 1, 1], 0.0, 1 / 3),
    ],
)
@pytest.mark.parametrize("epsilon", [1.0, 0.3])
def test_the_largest_share_is_where_the_decision_changes_rounded_down(
    values, places, delta, share, epsilon
):
    found_epsilon = found(values, places, delta, epsilon)
    assert found_epsilon <= share * epsilon
    assert found_epsilon >= (share - 1.01 / STEPS) * epsilon, "less than is known"


@pytest.mark.parametrize("places", [[0.2, 0.5, 1.0], [-1.0, -0.5, -0.1], [-0.25, 0.0, 0.3]])
def test_nothing_is_said_of_people_whom_the_places_do_not_reach(places):
    reached = max(0.0, min(-places[0], places[-1]))
    assert found([1.0, 1.0, 1.0], places, 0.1) <= reached


def test_a_tube_without_a_bound_certifies_nothing():
    for delta in (float("inf"), float("nan"), -1.0):
        assert found([1.0, 1.0, 1.0], [-1, 0, 1], delta) == 0.0


def test_the_ends_of_a_part_are_off_by_less_than_its_radius_grows():
    generator = torch_generator(3, "prefix")
    vertices = torch.randn(40, 5, 3, generator=generator) * 1e3
    inner = torch.rand(40, 3, generator=generator, dtype=F64).sub(0.5).mul(1.8).sort(1).values
    place = torch.cat([-torch.ones(40, 1, dtype=F64), inner, torch.ones(40, 1, dtype=F64)], 1)
    share = torch.rand(40, generator=generator, dtype=F64).clamp_min(1e-3)
    part, wide = prefixes(vertices, place, torch.zeros(40, dtype=F64), share)
    ends = [(part[:, 0], -share), (part[:, -1], share)]
    for row in range(40):
        for at, tau in ((end[row], float(wanted[row])) for end, wanted in ends):
            known = [Fraction(float(p)) for p in place[row]]
            j = max(i for i in range(4) if known[i] <= Fraction(tau))
            weight = (Fraction(tau) - known[j]) / (known[j + 1] - known[j])
            off = 0
            for axis in range(3):
                left, right = (Fraction(float(vertices[row, i, axis])) for i in (j, j + 1))
                off += (left + weight * (right - left) - Fraction(float(at[axis]))) ** 2
            assert off <= Fraction(float(wide[row])) ** 2, "the end of a part is somewhere else"


def heads(dimension, seed):
    generator = torch_generator(seed, "prefix.heads")

    def random(*shape):
        return torch.randn(*shape, generator=generator, dtype=F64)

    linear = FrozenHead((random(3, dimension),), (0.3 * random(3),))
    mlp = FrozenHead((random(6, dimension), random(3, 6)), (0.3 * random(6), 0.3 * random(3)))
    return (linear, RadiusMethod.CLOSED_FORM), (mlp, RadiusMethod.CROWN)


@pytest.mark.parametrize("vertices", [3, 40])
def test_nobody_within_the_largest_epsilon_is_decided_otherwise(vertices):
    """The vertices of the encoder's own tube, a dense attack along t, and how far it is from the first flip."""
    asked, lost = 0, []
    for seed in range(8):
        encoder = oracle.small_encoder((4, 10, 9, 5), seed)
        latents, vectors = oracle.small_set(encoder, 12, 1, seed)
        method = "polyline" if vertices == 40 else "grid"
        bound = handed_over(
            certify_exact(encoder, latents, vectors, 1.5, tube_vertices=vertices, method=method)
        )
        bounds = Bounds(
            bound.representation, bound.centre, bound.radius,
            torch.full((12,), int(BoundStatus.BOUNDED), dtype=torch.uint8), bound.tubes.points, None,
            bound.tubes.delta, bound.tubes.place, 1.5, along_vector=True,
        )  # fmt: skip
        t = torch.linspace(-1.5, 1.5, 3001, dtype=F64).unsqueeze(1)
        for head, radius in heads(5, seed):
            decided = decide(head, bounds, radius, Draws(0.0, Sampling(), 0), ["i"] * 12)
            for row in range(12):
                certified = float(decided.epsilon[row])
                same = head.predict(encoder(latents[row] + t * vectors)) == int(
                    decided.prediction[row]
                )
                first = float(t[~same].abs().min()) if bool((~same).any()) else 1.5
                if decided.status[row] == "CERTIFIED":
                    assert certified == 1.5
                    continue
                asked += 1
                assert bool(same[t[:, 0].abs() <= certified].all()), (
                    "somebody similar is decided otherwise"
                )
                assert certified < 1.5
                assert not abs(decided.witness[row]) * 1.5 <= certified, "a witness within it"
                lost.append(first - certified)
    assert asked >= 30
    if vertices == 40:
        assert sorted(lost)[len(lost) // 2] < 0.005, "far from the first who is decided otherwise"


def test_without_places_along_a_vector_only_what_is_certified_has_an_epsilon():
    tube = torch.tensor([[1.5, 0.5, -0.5], [1.5, 1.4, 1.3]], dtype=F64)[..., None]
    known = {
        "points": torch.tensor([[0.5], [1.4]]), "centres": torch.tensor([[0.5], [1.4]]),
        "radii": torch.tensor([1.0, 0.1], dtype=F64), "status": torch.zeros(2, dtype=torch.uint8),
        "tube": tube, "delta": torch.full((2,), 0.01, dtype=F64),
        "place": torch.tensor([[0.0, 1.0, 2.0]] * 2, dtype=F64),
    }  # fmt: skip

    def epsilons(**more):
        bounds = Bounds(**known | more)
        draws = Draws(0.1, Sampling(), 0)
        return decide(STEP, bounds, RadiusMethod.CLOSED_FORM, draws, ["a", "b"]).epsilon

    assert epsilons() is None, "no statement about all of the similarity set"
    chains = epsilons(epsilon=0.7)
    assert chains[0] != chains[0]
    assert chains[1] == 0.7
    places = torch.tensor([[-1.0, 0.0, 1.0]] * 2, dtype=F64)
    along = epsilons(epsilon=0.7, along_vector=True, place=places)
    assert 0.342 <= along[0] <= 0.7 * 0.49
    assert along[1] == 0.7
