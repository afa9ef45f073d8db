"""k = 1: the certified radius against exact rational arithmetic, closed forms, attacks and itself."""

from fractions import Fraction

import pytest
import rational_line as oracle
import torch

from producer.views.exact.bounds import certify_exact
from producer.views.exact.grid import LineMesh, uniform_parameters
from producer.views.exact.line import bound_lines
from producer.views.network import BoundedNetwork
from shared_spec.relu_network import ReluNetwork
from shared_spec.rng import torch_generator

SHAPES = [(3, 6, 5, 3), (2, 8, 2), (3, 4), (4, 5, 6, 5, 2)]


def check_against_rationals(widths, seed, dyadic, individuals=8):
    """Both methods against one oracle, which costs far more than they."""
    encoder = oracle.small_encoder(widths, seed, dyadic)
    latents, vectors = oracle.small_set(encoder, individuals, 1, seed, dyadic)
    curves = [oracle.line_vertices(encoder, latent, vectors[0], 1.5) for latent in latents]
    for method, loose in (("grid", 1.0201), ("polyline", 1.0 + 1e-9)):
        view = certify_exact(encoder, latents, vectors, 1.5, method=method)
        assert (view.status == 0).all(), "a tiny network must be bounded within the cap"
        for index, curve in enumerate(curves):
            truth = oracle.farthest_of(curve, view.centre[index])
            radius, lower = (
                Fraction(float(view.radius[index])),
                Fraction(float(view.lower_bound[index])),
            )
            assert radius**2 >= truth, f"unsound: {method} {widths} seed {seed} individual {index}"
            assert lower**2 <= truth, "the lower bound is not attained"
            assert float(radius) <= loose * float(truth) ** 0.5 + 1e-9, "the radius is too loose"


@pytest.mark.parametrize("dyadic", [False, True])
@pytest.mark.parametrize("widths", SHAPES)
def test_radius_holds_in_exact_rational_arithmetic(widths, dyadic):
    for seed in range(6):
        check_against_rationals(widths, seed, dyadic)


@pytest.mark.statistical
@pytest.mark.parametrize("widths", SHAPES)
def test_radius_holds_in_exact_rational_arithmetic_in_thousands_of_cases(widths):
    for seed in range(100, 117):
        check_against_rationals(widths, seed, bool(seed % 2), individuals=24)


@pytest.mark.parametrize("points", [2, 3, 5])
def test_coarse_meshes_hold_in_exact_rational_arithmetic(points):
    """Without refinement the deviation bound alone has to carry the radius."""
    violations = 0
    for seed in range(40):
        encoder = oracle.small_encoder((3, 7, 6, 3), seed)
        latents, vectors = oracle.small_set(encoder, 4, 1, seed)
        network = BoundedNetwork.of(encoder, vectors, 3.0)
        tau = torch.tensor([-1.0, 0.0, 1.0]).double() if points == 2 else uniform_parameters(points)
        bound = bound_lines(network, network.rays(latents), [tau] * 4, 1e9, 1, False)
        for index in range(4):
            truth = oracle.farthest_squared(
                encoder, latents[index], vectors[0], 3.0, bound.centre[index]
            )
            violations += Fraction(float(bound.radius[index])) ** 2 < truth
    assert violations == 0, f"{violations} of 160 coarse bounds are below the truth"


def test_deviation_covers_the_curve_between_mesh_points():
    """delta of D.2 itself, segment by segment, against direct evaluation; also not vacuous."""
    ratios = []
    for seed in range(30):
        encoder = oracle.small_encoder((4, 12, 10, 5), seed)
        latents, vectors = oracle.small_set(encoder, 1, 1, seed)
        network = BoundedNetwork.of(encoder, vectors, 2.0)
        rays = network.rays(latents)
        mesh = LineMesh.start(network, rays, [uniform_parameters(5)])
        for segment in range(4):
            start, end = mesh.left[segment], mesh.right[segment]
            share = torch.linspace(0, 1, 201, dtype=torch.float64).unsqueeze(1)
            tau = mesh.tau[start] + share * (mesh.tau[end] - mesh.tau[start])
            values = encoder.tail(rays.offset + tau @ rays.slopes)
            chord = torch.lerp(mesh.values[start], mesh.values[end], share)
            away = (values - chord).norm(dim=1).max()
            assert away <= mesh.deviation[segment] + 1e-12, "the curve leaves the tube"
            if mesh.deviation[segment] > 1e-6:
                ratios.append(float(away / mesh.deviation[segment]))
    assert max(ratios) > 0.5, "the deviation is nowhere near attained: far too loose"


def test_linear_encoder_has_radius_epsilon_times_length():
    encoder = oracle.small_encoder((5, 7), 0)
    latents, vectors = oracle.small_set(encoder, 4, 1, 0)
    view = certify_exact(encoder, latents, vectors, 0.7)
    expected = 0.7 * (encoder.weights[0] @ vectors[0]).norm()
    offset = (view.centre.double() - encoder(latents)).norm(dim=1)
    assert (view.radius >= expected).all()
    assert (view.radius <= expected + offset + 1e-12).all()


def test_absolute_value_and_constant_have_their_closed_forms():
    absolute = ReluNetwork(
        (torch.tensor([[1.0], [-1.0]]).double(), torch.tensor([[1.0, 1.0], [0.0, 0.0]]).double()),
        (torch.zeros(2).double(), torch.zeros(2).double()),
    )
    one = torch.ones(1, 1).double()
    view = certify_exact(absolute, 0.0 * one, one, 0.75, enclosing=False)
    assert 0.75 <= view.radius[0] <= 0.75 + 1e-9, "g(t) = |t| e_1 reaches epsilon"
    half = certify_exact(absolute, 0.0 * one, one, 0.75, enclosing=True)
    assert 0.375 <= half.radius[0] <= 0.38, "a ball half as large holds it"
    constant = ReluNetwork((0.0 * one,), (one[0] * 0.1,))
    still = certify_exact(constant, one, one, 1.0)
    away = abs(float(torch.tensor(0.1)) - 0.1)
    assert away <= still.radius[0] <= away + 1e-12
    assert still.status[0] == 0


def test_one_sided_maxima_are_found_at_both_ends():
    for sign in (1.0, -1.0):
        ramp = ReluNetwork(
            (torch.tensor([[sign]]).double(), torch.tensor([[3.0]]).double()),
            (torch.tensor([-0.9]).double(), torch.zeros(1).double()),
        )
        zero, one = torch.zeros(1, 1).double(), torch.ones(1, 1).double()
        for method in ("grid", "polyline"):
            view = certify_exact(ramp, zero, one, 1.0, method=method, enclosing=False)
            assert view.radius[0] >= 0.3 - 1e-15, "the end of the set was missed"
            assert view.radius[0] <= 0.3 * 1.0201


def test_radius_counts_the_rounding_of_the_exported_centre():
    """R(z) = 1 + 2^-26 is no float32; the radius is measured from what is exported."""
    value = torch.tensor([1.0 + 2.0**-26], dtype=torch.float64)
    encoder = ReluNetwork((torch.zeros(1, 1).double(),), (value,))
    view = certify_exact(encoder, torch.zeros(1, 1), torch.ones(1, 1), 1.0)
    assert view.radius[0] >= (view.centre[0].double() - value).abs()[0] > 0


def test_invariances():
    encoder = oracle.small_encoder((4, 9, 7, 5), 3)
    latents, vectors = oracle.small_set(encoder, 6, 1, 3)
    base = certify_exact(encoder, latents, vectors, 1.0, tolerance=0.01)
    scaled = certify_exact(encoder, latents, 2.0 * vectors, 0.5, tolerance=0.01)
    assert torch.allclose(base.radius, scaled.radius, rtol=1e-9), "a -> 2a, epsilon -> epsilon/2"
    generator = torch_generator(0, "rotation")
    rotation, _ = torch.linalg.qr(torch.randn(5, 5, generator=generator, dtype=torch.float64))
    turned = ReluNetwork(
        (*encoder.weights[:-1], rotation @ encoder.weights[-1]),
        (*encoder.biases[:-1], rotation @ encoder.biases[-1]),
    )
    rotated = certify_exact(turned, latents, vectors, 1.0, tolerance=0.01)
    assert torch.allclose(base.radius, rotated.radius, rtol=0.03), "rotation of the output"
    alone = certify_exact(encoder, latents[2:3], vectors, 1.0, tolerance=0.01)
    assert torch.allclose(base.radius[2], alone.radius[0], rtol=1e-9), "depends on the batch"
