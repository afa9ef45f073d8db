"""The exact view along chains: balls and tubes against exact rational arithmetic and against dense points."""

import math
from fractions import Fraction
from itertools import pairwise

import pytest
import rational_line as oracle
import torch

from producer.views.exact.bounds import certify_chains, certify_exact
from producer.views.exact.settings import ExactSettings
from producer.views.exact.view import ExactView, handed_over
from producer.views.registry import choose_views, view_entries
from shared_spec.chains import EditChains
from shared_spec.errors import DataError, SettingsError
from shared_spec.rng import torch_generator

SHAPES = [(3, 6, 5, 3), (2, 8, 2), (3, 4), (4, 5, 6, 5, 2)]
VISITS = torch.tensor([[1, 2, 0, 3], [4, 0, 5, 6]])


def make(widths, seed, dyadic, individuals=5):
    encoder = oracle.small_encoder(widths, seed, dyadic)
    generator = torch_generator(seed, "test.chains", str(widths))
    latents = 3 * torch.randn(individuals, 7, widths[0], generator=generator)
    return encoder, (latents * 4).round() / 4 if dyadic else latents


def segments(latents, visits):
    """The chains' segments as rational midpoints and half-moves, exact for float32 latents."""
    corners = latents.double()[visits]
    for chain in corners:
        for start, end in pairwise(chain):
            yield (start + end) / 2, (end - start) / 2


@pytest.mark.parametrize("dyadic", [False, True])
@pytest.mark.parametrize("widths", SHAPES)
def test_radii_hold_in_exact_rational_arithmetic(widths, dyadic):
    for seed in range(4):
        encoder, latents = make(widths, seed, dyadic)
        view = certify_chains(encoder, latents, VISITS, ExactSettings(max_cells=100_000))
        assert (view.status == 0).all()
        for index in range(len(latents)):
            truth = max(
                oracle.farthest_squared(encoder, middle, half, 1.0, view.centre[index])
                for middle, half in segments(latents[index], VISITS)
            )
            radius = Fraction(float(view.radius[index]))
            lower = Fraction(float(view.lower_bound[index]))
            assert radius**2 >= truth, f"unsound: {widths} seed {seed} individual {index}"
            assert lower**2 <= truth, "the lower bound is not attained"
            assert float(radius) <= 1.0201 * float(truth) ** 0.5 + 1e-9, "too loose"


def test_a_chain_along_a_vector_is_bounded_like_the_vector():
    """z - a, z, z + a is the ball of coefficients of one vector."""
    encoder, latents = make((3, 6, 5, 3), 1, True)
    a = torch.tensor([0.5, -1.0, 0.25])
    corners = torch.stack([latents[:, 0], latents[:, 0] - a, latents[:, 0] + a], dim=1)
    chain = certify_chains(
        encoder, corners, torch.tensor([[1, 0, 2]]), ExactSettings(tolerance=1e-6)
    )
    line = certify_exact(encoder, latents[:, 0], a[None], 1.0, tolerance=1e-6)
    torch.testing.assert_close(chain.radius, line.radius, rtol=2e-2, atol=0)
    torch.testing.assert_close(chain.representation, line.representation)


@pytest.mark.parametrize("vertices", [2, 5, 12])
def test_every_point_of_every_chain_is_in_the_tube_and_the_ball(vertices):
    for seed in range(6):
        encoder, latents = make((4, 5, 6, 5, 2), seed, False, individuals=4)
        settings = ExactSettings(tube_vertices=vertices)
        view = handed_over(certify_chains(encoder, latents, VISITS, settings))
        share = torch.linspace(0, 1, 201, dtype=torch.float64)[:, None]
        for index in range(4):
            for middle, half in segments(latents[index], VISITS):
                points = encoder(middle + (2 * share - 1) * half)
                tube = view.tubes.points[index].double()
                assert (_distance(points, tube) <= view.tubes.delta[index]).all(), (
                    "outside the tube"
                )
                away = (points - view.centre[index].double()).norm(dim=1)
                assert (away <= view.radius[index]).all(), "outside the ball"


def _distance(points, vertices):
    start, move = vertices[:-1], vertices.diff(dim=0)
    share = ((points[:, None] - start) * move).sum(-1) / move.square().sum(-1).clamp_min(1e-300)
    return (points[:, None] - start - share.clamp(0, 1)[..., None] * move).norm(dim=-1).amin(1)


def test_more_vertices_make_a_thinner_tube():
    encoder, latents = make((4, 5, 6, 5, 2), 3, False)
    deltas = [
        certify_chains(encoder, latents, VISITS, ExactSettings(tube_vertices=m)).tubes.delta.mean()
        for m in (3, 9, 30)
    ]
    assert deltas[0] > deltas[1] > deltas[2]


def test_the_leap_from_one_chain_to_the_next_is_not_bounded_but_passed_over():
    """Two chains far apart: bounding what lies between their ends would refine a segment that nobody asked for."""
    encoder, latents = make((3, 6, 5, 3), 2, False)
    both = certify_chains(encoder, latents, VISITS, ExactSettings())
    each = [certify_chains(encoder, latents, VISITS[i : i + 1], ExactSettings()) for i in range(2)]
    reach = torch.stack([(e.centre - both.centre).double().norm(dim=1) + e.radius for e in each])
    assert (both.radius <= 1.1 * reach.amax(0)).all()


def test_what_cannot_be_bounded_is_refused():
    encoder, latents = make((3, 6, 5, 3), 2, False)
    latents[2, 4, 1] = math.nan
    with pytest.raises(DataError, match="individual 2 is not finite"):
        certify_chains(encoder, latents, VISITS, ExactSettings())
    with pytest.raises(DataError, match="expected"):
        certify_chains(encoder, latents[:, 0], VISITS, ExactSettings())
    with pytest.raises(SettingsError, match="chains need grid"):
        certify_chains(encoder, latents, VISITS, ExactSettings(exact_method="polyline"))


def test_the_smoothing_view_refuses_chains_with_the_reason():
    chains = EditChains(torch.ones(1, 3, 2, 2), (-1.0, 1.0))
    with pytest.raises(SettingsError, match="other similar people than x, so its theorem"):
        view_entries(choose_views(["smoothing", "exact"]), chains, ["test"])
    assert view_entries([ExactView(ExactSettings())], chains, ["test"])["exact"].statement == "X"
