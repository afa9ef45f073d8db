"""The smoothing view: closed forms of the quantile, and the encoder as a function of the coefficients."""

import math

import pytest
import torch
from gaussian_mass import gaussian_quantile, polyline
from random_encoders import random_net
from scipy.stats import chi2

from producer.encoder import fold
from producer.views.smoothing.medoid import distances
from producer.views.smoothing.sampling import draws, representation_map
from producer.views.smoothing.view import SmoothingView
from shared_spec.relu_network import ReluNetwork
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet
from shared_spec.smoothing.plan import make_plan
from shared_spec.smoothing.settings import SmoothingSettings
from shared_spec.terms import BoundStatus

SMALL = SmoothingSettings(n0=2000, n=2000)
EPSILON = 1.0


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_linear_encoder_has_the_quantile_of_a_chi_law(k):
    # Orthogonal directions of length 3: ||g(sigma xi) - g(0)|| = 3 sigma chi_k. Wrong units of sigma, noise shared
    # between attributes or a dropped attribute all move this quantile.
    encoder = ReluNetwork(
        (torch.eye(6, dtype=torch.float64),), (torch.ones(6, dtype=torch.float64),)
    )
    similarity = SimilaritySet(3 * torch.eye(k, 6), EPSILON)
    view = SmoothingView(SMALL).bound(encoder, torch.zeros(1, 6), ["x"], similarity, 0)
    plan = make_plan(SMALL, EPSILON)
    share, spread = plan.order_index / plan.n, 5 * math.sqrt(0.05 / plan.n)
    low, high = (
        3 * plan.sigma * math.sqrt(chi2.ppf(p, k)) for p in (share - spread, min(share + spread, 1))
    )
    offset = float((view.centre[0].double() - 1).norm())
    assert low - offset <= view.further["quantile"][0] <= high + offset, (
        "the quantile is not that of s sigma chi_k"
    )
    assert float(view.radius[0]) == pytest.approx(3 * float(view.further["quantile"][0]), rel=1e-5)
    assert view.radius[0] > 3 * view.further["quantile"][0], "the radius is not rounded up"


def test_directions_that_are_not_orthogonal_add_up():
    jacobian = torch.tensor([[2.0, 0.0, 0.0], [1.9, 0.5, 0.0]])
    encoder = ReluNetwork(
        (torch.eye(3, dtype=torch.float64),), (torch.zeros(3, dtype=torch.float64),)
    )
    similarity = SimilaritySet(jacobian, EPSILON)
    view = SmoothingView(SMALL).bound(encoder, torch.zeros(1, 3), ["x"], similarity, 0)
    plan = make_plan(SMALL, EPSILON)
    t = draws(1, "test.independent", "x", 400_000, 2, plan.sigma)
    law = distances(t @ jacobian.double(), view.centre[0].double())
    share = float((law <= view.further["quantile"][0]).double().mean())
    assert abs(share - plan.order_index / plan.n) < 0.02


@pytest.mark.parametrize("k", [1, 2])
def test_a_constant_encoder_has_radius_zero_up_to_rounding_and_never_abstains(k):
    encoder = ReluNetwork(
        (torch.zeros(3, 5, dtype=torch.float64), torch.ones(4, 3, dtype=torch.float64)),
        (torch.ones(3, dtype=torch.float64), torch.full((4,), 1 / 3, dtype=torch.float64)),
    )
    similarity = SimilaritySet(torch.ones(k, 5), EPSILON)
    view = SmoothingView(SMALL).bound(encoder, torch.zeros(1, 5), ["x"], similarity, 0)
    bounded = view.status.tolist() == [BoundStatus.BOUNDED]
    assert bounded, "points at equal distance fell on two sides of the ball"
    assert 0 < view.radius[0] < 1e-5


def test_the_sampled_quantile_is_the_exact_one_of_the_polyline():
    folded, generator = fold(random_net()), torch_generator(2, "test.quantile")
    similarity = SimilaritySet(0.7 * torch.randn(1, 24, generator=generator), EPSILON)
    z = torch.randn(8, 24, generator=generator)
    settings = SmoothingSettings(n0=500, n=20_000)
    view = SmoothingView(settings).bound(folded, z, [str(i) for i in range(8)], similarity, 0)
    plan = make_plan(settings, EPSILON)
    spread = 5 * math.sqrt(0.05 / settings.n)
    share = plan.order_index / plan.n
    for i in range(8):
        curve = polyline(folded, z[i], similarity.vectors[0], 6.5 * plan.sigma)
        centre = view.centre[i].double()
        low, exact, high = (
            gaussian_quantile(curve, centre, p, plan.sigma)
            for p in (share - spread, plan.target_mass, share + spread)
        )
        assert low <= view.further["quantile"][i] <= high
        assert view.further["quantile"][i] >= exact * 0.999


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("hidden", [(), (16,), (16, 12), (14, 12, 10)])
def test_the_map_is_the_encoder_at_the_points_of_the_similarity_set(k, hidden):
    folded = fold(random_net(hidden=hidden))
    generator = torch_generator(3, "test.map")
    similarity = SimilaritySet(torch.randn(k, 24, generator=generator), EPSILON)
    z = torch.randn(24, generator=generator)
    t = draws(0, "test.t", "x", 3000, k, 0.65)
    reach = float(t.norm(dim=1).max())
    g = representation_map(
        folded, folded.first_layer(z), folded.directions(similarity.vectors), reach
    )
    direct = folded(similarity.points(z, t))
    assert (g(t) - direct).abs().max() < 1e-11, "reading off the map is not evaluating R"


def test_neurons_whose_squares_underflow_still_change():
    """Moves of 2^-550 per unit of t are moves: a neuron that they switch is evaluated, and the distance is not 0."""
    small = 2.0**-550 * torch.eye(2, dtype=torch.float64)
    encoder = ReluNetwork(
        (small, 2.0**440 * torch.eye(2, dtype=torch.float64)),
        (torch.zeros(2, dtype=torch.float64),) * 2,
    )
    offset = torch.full((2,), -(2.0**-551), dtype=torch.float64)
    g = representation_map(encoder, offset, small, reach=1.0)
    moved = g(torch.tensor([[0.0, 0.0], [1.0, 0.0]], dtype=torch.float64))
    assert moved[1, 0] == 2.0**440 * 2.0**-551
    near = torch.tensor([[2.0**-600, 0.0]], dtype=torch.float64)
    assert 2.0**-600 <= float(distances(near, torch.zeros(2, dtype=torch.float64))) < 2.0**-599
