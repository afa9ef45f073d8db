"""Rounding in the exact view, made visible: cancelling dyadic weights, where float64 is off by more than the truth.

Ranges of neurons hold computed preactivations and no rounding: by the 1-Lipschitz ReLU the error bounds of `Rays`
cover the difference, which the networks here would show if it were not so.
"""

from fractions import Fraction

import pytest
import rational_line as oracle
import torch

from producer.views.exact.affine_forms import AffineRows, ReducedNetwork
from producer.views.exact.bounds import certify_exact
from producer.views.exact.branch_and_bound import largest_norm
from producer.views.exact.cells import Cells, cover
from producer.views.network import BoundedNetwork
from shared_spec.relu_network import ReluNetwork
from shared_spec.rng import torch_generator

ZERO, ONE = torch.zeros(1, 1).double(), torch.ones(1, 1).double()


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def network(*layers):
    weights, biases = zip(*layers, strict=True)
    return ReluNetwork(tuple(map(tensor, weights)), tuple(map(tensor, biases)))


def cancelling(seed, widths=(8, 6, 5, 3), k=1, where="latent"):
    """W_1 z (or W_1 a) is a small integer, computed from terms (x + 1)(x - 1) and x^2 of 60 bits."""
    generator = torch_generator(seed, "cancelling")
    odd = 2.0 * torch.randint(2**28, 2**29, (widths[0] // 2,), generator=generator).double() + 1.0
    factor = torch.randint(-3, 4, (widths[1], widths[0] // 2), generator=generator).double()
    weight = torch.stack([factor * (odd + 1.0), -factor * odd], dim=2).flatten(1)
    small = oracle.small_encoder(widths, seed, dyadic=True)
    encoder = ReluNetwork((weight, *small.weights[1:]), small.biases)
    hidden = torch.stack([odd - 1.0, odd], dim=1).flatten()
    still, tiny = torch.zeros(1, widths[0]).double(), torch.eye(widths[0]).double()[:k] * 2.0**-30
    if where == "latent":
        return encoder, hidden.unsqueeze(0), tiny
    return encoder, still, torch.cat([hidden.unsqueeze(0), tiny])[:k]


@pytest.mark.parametrize("where", ["latent", "vector"])
def test_errors_of_all_layers_hold_where_the_first_cancels(where):
    """Also of the second layer and the output, to which nothing but the first layer's error matters."""
    seen = []
    for seed in range(8):
        encoder, latents, vectors = cancelling(seed, where=where)
        rays = BoundedNetwork.of(encoder, vectors, 1.0).rays(latents)
        ends = map(oracle.rationals, (latents[0], vectors[0]))
        point = [x + y for x, y in zip(*ends, strict=True)]
        for index, computed in enumerate(encoder.preactivations(rays.offset + ONE @ rays.slopes)):
            layer = (
                oracle.rationals(encoder.weights[index]),
                oracle.rationals(encoder.biases[index]),
            )
            real = oracle.affine(*layer, point)
            off = [abs(x - y) for x, y in zip(real, oracle.rationals(computed[0]), strict=True)]
            for error, bound in zip(off, oracle.rationals(rays.errors[index][0]), strict=True):
                assert error <= bound, f"seed {seed}, layer {index + 1}"
            seen.append(max(off))
            point = [max(x, Fraction(0)) for x in real]
    assert sum(error > 1 for error in seen) > 12, "the errors are invisible: this shows nothing"


@pytest.mark.parametrize("k", [1, 2, 3])
def test_radius_and_tube_hold_where_rounding_is_all_there_is(k):
    visible = 0
    for seed in range(8):
        encoder, latents, vectors = cancelling(seed, k=k)
        view = certify_exact(encoder, latents, vectors, 1.0, tube_vertices=2)
        real = oracle.evaluate(encoder, oracle.rationals(latents[0]))
        away = oracle.squared_distance(real, oracle.rationals(view.centre[0].double()))
        visible += away > 1
        assert Fraction(float(view.radius[0])) ** 2 >= away, "R(z) itself is outside"
        rows = oracle.rationals(view.tubes.points[0].double())
        chain = rows if k == 1 else rows[:1]
        nearest = oracle.squared_distance_to_chain(real, chain)
        assert Fraction(float(view.tubes.delta[0])) ** 2 >= nearest, "R(z) is outside the tube"
        assert view.lower_bound[0] <= view.radius[0]
    assert visible > 4, "the computed R(z) is the real one: this shows nothing"


@pytest.mark.parametrize("k", [1, 2])
def test_a_neuron_off_at_all_mesh_points_but_not_between_them(k):
    """The second layer peaks at 0.01 between two points of the mesh, and the third makes 0.7 of it."""
    encoder = network(
        ([[1.0], [1.0]], [1.0, -0.1]), ([[1.0, -2.0]], [-1.03]), ([[10.0]], [0.0])
    )  # fmt: skip
    vectors = ONE if k == 1 else tensor([[3.0], [4.0]]) / 5.0
    view = certify_exact(encoder, ZERO, vectors, 1.0)
    truth = oracle.farthest_squared(encoder, ZERO[0], ONE[0], 1, view.centre[0])
    assert truth > Fraction(1, 10)
    assert Fraction(float(view.radius[0])) ** 2 >= truth * (1 - Fraction(1, 10**12))


@pytest.mark.parametrize(
    ("threshold", "sign"), [(-0.98, 1.0), (0.98, 1.0), (-0.98, -1.0), (0.98, -1.0), (-0.9999, 1.0), (-0.9999, -1.0)]
)  # fmt: skip
def test_a_deeper_neuron_that_switches_at_the_rim_only_is_kept(threshold, sign):
    """p_2 = +-tau +- 0.98 changes sign within 0.02 of the ends; its range must not be taken for smaller."""
    encoder = network(([[1.0]], [5.0]), ([[sign]], [threshold - 5.0 * sign]), ([[1000.0]], [0.0]))
    # Along an axis boxes end where the ball does; at an angle they stick out of it and would hide a short range.
    along = tensor([[1.0], [0.0]]) if abs(threshold) > 0.99 else tensor([[3.0], [4.0]]) / 5.0
    view = certify_exact(encoder, ZERO, along, 1.0, enclosing=False)
    truth = oracle.farthest_squared(encoder, ZERO[0], ONE[0], 1, view.centre[0])
    radius = Fraction(float(view.radius[0]))
    assert radius**2 >= truth * (1 - Fraction(1, 10**12))
    assert radius**2 <= truth * Fraction(112, 100)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_first_neuron_that_switches_at_the_rim_only_is_kept(sign):
    """p_1 = +-tau - 0.9995 is positive within 0.0005 of one end."""
    encoder = network(([[sign]], [-0.9995]), ([[1e4]], [0.0]))
    view = certify_exact(encoder, ZERO, tensor([[3.0], [4.0]]) / 5.0, 1.0, enclosing=False)
    assert view.radius[0] >= 5.0 * (1 - 1e-9), "the neuron was folded away"


@pytest.mark.parametrize("cut", [0.9992, 0.9996, 0.99999])
@pytest.mark.parametrize("angle", [0.1, 0.3, 0.77, 1.0, 2.2])
def test_slivers_at_the_sphere_are_kept(angle, cut):
    """relu(n . tau - cut) is positive on a sliver whose boxes have their nearest points just inside the sphere."""
    normal = tensor([[angle, 0.0]])
    normal = torch.cat([normal[:, :1].cos(), normal[:, :1].sin()], dim=1)
    encoder = ReluNetwork((normal, tensor([[1e4]])), (tensor([-cut]), tensor([0.0])))
    view = certify_exact(encoder, torch.zeros(1, 2), torch.eye(2).double(), 1.0, enclosing=False)
    assert view.radius[0] >= 1e4 * (1.0 - cut) * (1.0 - 1e-9), "boxes at the sphere were dropped"


@pytest.mark.parametrize("vertices", [2, 5])
def test_tubes_are_measured_from_the_float32_vertices_that_are_exported(vertices):
    """R is constant at 1 + 2^-26, which is no float32, so every vertex is off by that."""
    value = 1.0 + 2.0**-26
    encoder = ReluNetwork((torch.zeros(1, 1).double(),), (tensor([value]),))
    for k in (1, 2, 3):
        view = certify_exact(encoder, ZERO, torch.ones(k, 1), 1.0, tube_vertices=vertices)
        assert view.tubes.points[0, 0, 0] == 1.0
        assert 2.0**-26 <= view.tubes.delta[0] <= 2.0**-25


def test_the_difference_to_a_centre_and_generators_counts_its_own_rounding():
    """2^-60 - 1 is rounded to -1, and 2^-60 - 1 again for the slopes: the error must say so."""
    tiny = 2.0**-60
    rows = AffineRows(tensor([tiny]), tensor([[tiny]]), torch.zeros(0, 1).double(), tensor([0.0]))
    reduced = ReducedNetwork((), rows).relative_to(tensor([1.0]), tensor([[1.0]]))
    computed = Fraction(float(reduced.values(tensor([[1.0]]))))
    off = abs(computed - (2 * Fraction(tiny) - 2))
    assert off > 0
    assert off <= Fraction(float(reduced.output.error))
    around = ReducedNetwork((), rows).relative_to(tensor([1.0]))
    off = abs(Fraction(float(around.values(tensor([[0.0]])))) - (Fraction(tiny) - 1))
    assert 0 < off <= Fraction(float(around.output.error))


@pytest.mark.parametrize("size", [1, 2, 8, 32])
def test_the_spectral_norm_is_never_below_the_true_one(size):
    """Hadamard matrices times s have norm s sqrt(size) exactly; and one column, where both bounds coincide."""
    hadamard = tensor([[1.0]])
    while len(hadamard) < size:
        hadamard = torch.cat(
            [torch.cat([hadamard, hadamard], 1), torch.cat([hadamard, -hadamard], 1)]
        )
    encoder = ReluNetwork(
        (torch.ones(size, 1).double(), 3.0 * hadamard), (torch.zeros(size).double(),) * 2
    )
    bounded = BoundedNetwork.of(encoder, ONE, 1.0)
    assert 9 * size <= Fraction(bounded.spectral) ** 2 <= 9 * size * (1 + Fraction(1, 10**8))
    errors = torch.zeros(1, size).double()
    errors[0, 0] = 1.0
    moved = Fraction(float(bounded.deviation_norm(errors, errors @ encoder.magnitudes[0])))
    assert moved**2 >= 9 * size, "W e_1 has this length"


def test_a_radius_that_needs_the_spectral_norm_is_not_too_small():
    """One kink, then a column: ||W e|| is both bounds, and the curve attains it at the kink."""
    encoder = network(([[1.0]], [0.5]), ([[3.0], [4.0]], [0.0, 0.0]))
    view = certify_exact(encoder, ZERO, ONE, 1.0, tolerance=1e9, enclosing=False)
    network_ = BoundedNetwork.of(encoder, ONE, 1.0)
    errors = tensor([[0.25]])
    assert network_.deviation_norm(errors, errors @ encoder.magnitudes[0])[0] >= 1.25
    assert view.radius[0] >= 5.0


def test_the_bound_of_a_box_holds_where_its_square_cancels():
    """Of a box that touches the sphere with its corner only, v is 1 there and 2^30 in the middle."""
    for seed in range(8):
        generator = torch_generator(seed, "square")
        angle = 0.3 + 0.9 * torch.rand((), generator=generator, dtype=torch.float64)
        sphere = torch.stack([angle.cos(), angle.sin()])
        corner = (sphere * 2.0**34).floor() / 2.0**34
        half = torch.full((1, 2), 0.125).double()
        steep = (2.0**32 * torch.randn(2, 4, generator=generator, dtype=torch.float64)).round()
        exact = [
            -sum(
                Fraction(float(c)) * Fraction(float(s)) for c, s in zip(corner, column, strict=True)
            )
            for column in steep.T
        ]
        offset = tensor([float(value) for value in exact]) + 1.0
        rows = AffineRows(offset, steep, torch.zeros(0, 4).double(), torch.zeros(4).double())
        cell = Cells(corner.unsqueeze(0) + half, half)
        reach = largest_norm(ReducedNetwork((), rows), cell, 1e9, 1)
        real = [x - y for x, y in zip(oracle.rationals(offset), exact, strict=True)]
        assert Fraction(reach.upper) ** 2 >= sum(x * x for x in real), f"seed {seed}"
        assert reach.upper < 2.0**30, "the box is bounded as a whole, so nothing cancels"


def test_reach_counts_the_error_of_the_output_on_both_sides():
    rows = AffineRows(tensor([2.0]), tensor([[1.0]]), torch.zeros(0, 1).double(), tensor([0.5]))
    reach = largest_norm(ReducedNetwork((), rows), cover(1), 0.05, 100)
    assert 3.5 <= reach.upper <= 3.5 * 1.06
    assert 2.4 <= reach.lower <= 2.5


def test_boxes_are_dropped_only_where_no_point_of_them_is_in_the_ball():
    """Corners within 2^-34 of the sphere touch it; all coordinates are dyadic, so this is exact."""
    generator = torch_generator(0, "corners")
    for k in (2, 3):
        sphere = torch.randn(400, k, generator=generator, dtype=torch.float64).abs()
        corner = (sphere / sphere.norm(dim=1, keepdim=True) * 2.0**34).floor() / 2.0**34
        half = torch.full_like(corner, 2.0**-6)
        inside = [sum(x * x for x in row) <= 1 for row in oracle.rationals(corner)]
        assert all(inside)
        cells = Cells(corner + half, half)
        assert len(cells.touching()) == len(cells), "a box that touches the ball was dropped"
        far = Cells(cells.centre + 2.0**-10, half)
        assert len(far.touching()) == 0, "boxes outside the ball are kept"


def test_a_cap_on_the_points_gives_undecided_and_a_sound_radius():
    encoder = oracle.small_encoder((4, 20, 16, 4), 2)
    latents, vectors = oracle.small_set(encoder, 3, 1, 2)
    full = certify_exact(encoder, latents, vectors, 4.0, enclosing=False, tolerance=1e-3)
    capped = certify_exact(
        encoder, latents, vectors, 4.0, enclosing=False, tolerance=1e-3, max_cells=1
    )
    assert (full.status == 0).all()
    missed = capped.radius > 1.0011 * capped.lower_bound
    assert missed.sum() >= 2
    assert (capped.status[missed] == 2).all(), "past the cap an individual is UNDECIDED"
    assert (capped.radius >= full.lower_bound).all()
