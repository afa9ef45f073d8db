"""k = 2, 3: branch and bound and affine tubes against attacks and closed forms."""

import pytest
import rational_line as oracle
import torch

from producer.views.exact.affine_forms import linear_forms, reduce_network
from producer.views.exact.bounds import certify_exact
from producer.views.exact.cells import Cells, cover
from producer.views.exact.settings import ExactSettings
from producer.views.exact.view import ExactView
from producer.views.network import BoundedNetwork
from shared_spec.errors import SettingsError
from shared_spec.relu_network import ReluNetwork
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet


def ball_points(count, k, generator):
    """Half on the sphere, half inside."""
    points = torch.nn.functional.normalize(
        torch.randn(count, k, generator=generator, dtype=torch.float64)
    )
    inside = torch.rand(count // 2, 1, generator=generator, dtype=torch.float64) ** (1.0 / k)
    points[: count // 2] *= inside
    return points


def attack(score, k, generator, rounds=6):
    """Largest score found in the unit ball: dense sampling, then ever smaller steps around the best."""
    points = ball_points(4000, k, generator)
    values = score(points)
    width = 0.3
    for _ in range(rounds):
        best = points[values.topk(60).indices]
        step = torch.randn(60, 20, k, generator=generator, dtype=torch.float64)
        fresh = (best.unsqueeze(1) + width * step).reshape(-1, k)
        fresh = fresh / fresh.norm(dim=1, keepdim=True).clamp_min(1.0)
        points, values = torch.cat([best, fresh]), torch.cat([score(best), score(fresh)])
        width *= 0.4
    return float(values.max())


def check_against_attack(widths, k, seed, individuals=3):
    encoder = oracle.small_encoder(widths, seed)
    latents, vectors = oracle.small_set(encoder, individuals, k, seed)
    generator = torch_generator(seed, "attack")
    view = certify_exact(encoder, latents, vectors, 1.2)
    assert (view.status == 0).all(), "a small network must be bounded within the cap"
    for index in range(individuals):
        centre = view.centre[index].double()

        def distance(tau, z=latents[index], c=centre):
            return (encoder(z + 1.2 * tau @ vectors) - c).norm(dim=1)

        found = attack(distance, k, generator)
        assert found <= view.radius[index], f"unsound: {widths} k={k} seed {seed} row {index}"
        assert view.radius[index] <= 1.0201 * view.lower_bound[index] + 1e-9
        assert found >= view.lower_bound[index] * 0.97, "the lower bound is not attained"


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("widths", [(5, 10, 8, 4), (4, 12, 3), (4, 6, 8, 6, 3)])
def test_radius_survives_attacks_and_is_tight(widths, k):
    for seed in range(3):
        check_against_attack(widths, k, seed)


@pytest.mark.statistical
@pytest.mark.parametrize("k", [2, 3])
def test_radius_survives_attacks_in_hundreds_of_cases(k):
    """`make fuzz` draws thousands, of other sizes too (dense_set)."""
    for seed in range(1000, 1000 + 14):
        check_against_attack((5, 10, 8, 4), k, seed, individuals=16)


@pytest.mark.parametrize("k", [2, 3])
def test_linear_encoder_has_the_spectral_norm_as_radius(k):
    """The maximum lies on the sphere, in general between the axes; vectors are of any length and angle."""
    for seed in range(5):
        encoder = oracle.small_encoder((6, 5), seed)
        latents, vectors = oracle.small_set(encoder, 2, k, seed)
        view = certify_exact(encoder, latents, vectors, 0.8, tolerance=0.01, enclosing=False)
        expected = 0.8 * torch.linalg.matrix_norm(encoder.weights[0] @ vectors.T, ord=2)
        assert (view.radius >= expected * (1 - 1e-7)).all(), (
            "the sphere between the axes was cut off"
        )
        assert (view.radius <= expected * 1.0101 + 1e-6).all()
        assert (view.status == 0).all()


def test_maximum_at_45_degrees_on_the_sphere_is_kept():
    """g = relu(t_1 + t_2 - 1.35): only a sliver of the ball at 45 degrees is active, value sqrt(2) - 1.35."""
    encoder = ReluNetwork(
        (torch.ones(1, 2).double(), torch.ones(1, 1).double()),
        (torch.tensor([-1.35], dtype=torch.float64), torch.zeros(1).double()),
    )
    zero, identity = torch.zeros(1, 2).double(), torch.eye(2).double()
    view = certify_exact(encoder, zero, identity, 1.0, enclosing=False)
    assert view.radius[0] >= 2**0.5 - 1.35, "cells that touch the ball were dropped"
    assert view.radius[0] <= 1.0201 * (2**0.5 - 1.35)


def test_zero_second_vector_gives_the_same_as_one_attribute():
    encoder = oracle.small_encoder((5, 12, 9, 4), 4)
    latents, vectors = oracle.small_set(encoder, 5, 1, 4)
    both = torch.cat([vectors, torch.zeros_like(vectors)])
    one = certify_exact(encoder, latents, vectors, 1.0, method="polyline", enclosing=False)
    two = certify_exact(encoder, latents, both, 1.0, tolerance=0.02, enclosing=False)
    assert (two.radius >= one.lower_bound).all()
    assert (two.lower_bound <= one.radius).all()
    assert torch.allclose(one.radius, two.radius, rtol=0.021)


def test_affine_forms_hold_every_value_on_their_boxes():
    """Each coordinate of g, on random boxes, within centre + generators s +- error."""
    for seed in range(20):
        k = 1 + seed % 3
        encoder = oracle.small_encoder((4, 10, 9, 5), seed)
        latents, vectors = oracle.small_set(encoder, 1, k, seed)
        network = BoundedNetwork.of(encoder, vectors, 1.0)
        rays = network.rays(latents)
        reduced = reduce_network(network, rays, cover(k))
        generator = torch_generator(seed, "boxes")
        cells = cover(k)
        while len(cells) < 40:
            cells = cells.split(torch.zeros(len(cells), dtype=torch.int64))
        forms = linear_forms(reduced.output, reduced.hidden(cells), cells)
        for _ in range(20):
            s = 2.0 * torch.rand(len(cells), k, generator=generator, dtype=torch.float64) - 1.0
            tau = cells.centre + s * cells.half
            inside = tau.norm(dim=1) <= 1.0
            values = encoder.tail(rays.offset + tau @ rays.slopes)
            off = values - forms.centre - (s.unsqueeze(1) @ forms.generators).squeeze(1)
            slack = forms.error + reduced.output.error
            assert (off.abs() <= slack)[inside].all(), f"seed {seed}: a value outside its form"
            assert torch.allclose(reduced.values(tau)[inside], values[inside], atol=1e-9)


def test_boxes_cover_the_ball_and_their_polytopes_hold_it():
    generator = torch_generator(0, "cover")
    for k in (1, 2, 3, 4):
        cells = cover(k)
        for step in range(3):
            cells = cells.split(torch.full((len(cells),), step % k))
        points = ball_points(400, k, generator)
        inside = ((points.unsqueeze(1) - cells.centre).abs() <= cells.half).all(2)
        assert inside.any(1).all(), f"k={k}: part of the ball is in no box"
        corners, exist = cells.vertices()
        direction = torch.randn(k, generator=generator, dtype=torch.float64)
        own = (cells.half.unsqueeze(1) * corners + cells.centre.unsqueeze(1)) @ direction
        highest = torch.where(exist, own, -torch.inf).amax(1)
        reached = torch.where(inside, (points @ direction).unsqueeze(1), -torch.inf).amax(0)
        assert (reached <= highest + 1e-12).all(), f"k={k}: a polytope misses part of box and ball"


def test_cap_on_cells_gives_undecided_and_a_sound_radius():
    encoder = oracle.small_encoder((5, 20, 16, 4), 1)
    latents, vectors = oracle.small_set(encoder, 3, 3, 1)
    full = certify_exact(encoder, latents, vectors, 3.0, enclosing=False)
    capped = certify_exact(encoder, latents, vectors, 3.0, max_cells=1, enclosing=False)
    assert (capped.status == 2).all(), "past the cap an individual is UNDECIDED"
    assert (capped.radius >= full.lower_bound).all()


def test_join_keeps_all_boxes():
    one, two = cover(2), cover(2).split(torch.zeros(len(cover(2)), dtype=torch.int64))
    assert len(one.join(two)) == len(one) + len(two)
    assert isinstance(one.join(two), Cells)


def test_more_attributes_than_boxes_can_cover_are_refused_before_any_work():
    view, plenty = ExactView(ExactSettings()), SimilaritySet(torch.eye(9, 12), 1.0)
    with pytest.raises(SettingsError, match="at most 8 attributes together, and the spec has 9"):
        view.entry(plenty, ["test"])
    view.entry(SimilaritySet(torch.eye(8, 12), 1.0), ["test"])
    with pytest.raises(
        SettingsError, match="polyline, which is of one attribute, and the spec has 2"
    ):
        ExactView(ExactSettings(exact_method="polyline")).entry(
            SimilaritySet(torch.eye(2, 12), 1.0), ["test"]
        )
