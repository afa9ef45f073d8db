"""The exact view at the edges of float64: what underflows, overflows or is not a number decides nothing."""

from fractions import Fraction

import pytest
import rational_line as oracle
import torch
from gaussian_mass import gaussian_mass, polyline
from scipy.stats import norm

from producer.views.exact.affine_forms import AffineRows, ReducedNetwork, reduce_network
from producer.views.exact.bounds import certify_exact
from producer.views.exact.branch_and_bound import largest_norm
from producer.views.exact.cells import Cells, cover
from producer.views.exact.grid import relu_gap
from producer.views.network import BoundedNetwork
from shared_spec.artifacts.bundle import UNBOUNDED
from shared_spec.errors import ArtifactError
from shared_spec.relu_network import ReluNetwork
from shared_spec.rounding import LARGEST, TERMS, norm_above

ZERO, ONE = torch.zeros(1, 1).double(), torch.ones(1, 1).double()
COLLINEAR = {1: (1.0,), 2: (3.0, 4.0), 3: (1.0, 2.0, 2.0)}
"""Multiples of one vector; with several the set is the segment of the first, as long as the multiples' norm."""
LENGTH = {1: 1, 2: 5, 3: 3}


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def network(*layers):
    weights, biases = zip(*layers, strict=True)
    return ReluNetwork(tuple(map(tensor, weights)), tuple(map(tensor, biases)))


def bump(small, large):
    """Two kinks on preactivations of size `small`, brought back up by `large`; peaks inside the set."""
    return network(
        ([[small], [small]], [small, -0.1 * small]),
        ([[large, -2.0 * large], [-large, 2.0 * large]], [0.0, 0.0]),
        ([[large, -large]], [0.0]),
    )


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("enclosing", [False, True])
@pytest.mark.parametrize("small", [1e-100, 1e-155, 1e-162, 1e-165])
def test_preactivations_whose_products_underflow_keep_their_kinks(small, enclosing, k):
    encoder = bump(small, 1e65)
    vectors = tensor(COLLINEAR[k]).unsqueeze(1)
    view = certify_exact(encoder, ZERO, vectors, 1.0, enclosing=enclosing, tube_vertices=2)
    truth = oracle.farthest_squared(encoder, ZERO[0], ONE[0], LENGTH[k], view.centre[0])
    assert truth > 0
    assert Fraction(float(view.radius[0])) ** 2 >= truth, "a kink was lost to underflow"
    assert Fraction(float(view.lower_bound[0])) ** 2 <= truth, "the lower bound is not attained"


def test_the_gap_of_a_relu_is_right_over_the_whole_range_of_float64():
    sizes = [5e-324, 1e-310, 1e-200, 1e-165, 1.0, 3e7, 1e150, 1e300, 1.7e308]
    for low in sizes:
        for high in sizes:
            gap = Fraction(float(relu_gap(tensor([-low]), tensor([high]))))
            a, b = Fraction(low), Fraction(high)
            truth = a * b / (a + b)
            assert abs(gap - truth) <= truth / 10**15 + Fraction(2) ** -1022, (low, high)
    for low, high in [(0.0, 1.0), (-1.0, 0.0), (0.0, 0.0), (-0.0, 0.0), (2.0, 3.0), (-3.0, -2.0)]:
        assert relu_gap(tensor([low]), tensor([high])) == 0.0


def test_norms_keep_what_is_not_zero_and_never_pass_for_less():
    rows = [[1e-165, 2e-165], [5e-324, 0.0], [1e-300, 1e-310], [3.0, 4.0], [1e200, -1e200]]
    for row in rows:
        norm = Fraction(float(norm_above(tensor(row))))
        square = sum(Fraction(x) ** 2 for x in row)
        assert norm**2 >= square
        assert norm**2 <= square * (1 + Fraction(1, 10**11)) or norm < Fraction(2) ** -1020
    assert norm_above(tensor([[0.0, 0.0]])) == 0.0
    assert (norm_above(tensor([[torch.nan, 1.0], [torch.inf, 1.0]])) == torch.inf).all()
    assert norm_above(tensor([[1e-200, 1.0], [1e-200, 1.0]]), dim=0)[0] >= 1.4e-200


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("size", [1e-155, 1e-162, 1e-165, 1e-190])
def test_representations_whose_squares_underflow_have_a_radius(size, k):
    encoder = network(([[size], [size]], [0.0, 0.0]))
    vectors = tensor(COLLINEAR[k]).unsqueeze(1)
    view = certify_exact(encoder, ZERO, vectors, 1.0, enclosing=False, tube_vertices=2)
    truth = 2 * (Fraction(size) * LENGTH[k]) ** 2
    assert Fraction(float(view.radius[0])) ** 2 >= truth
    assert Fraction(float(view.lower_bound[0])) ** 2 <= truth
    if k == 1:
        curve = polyline(encoder, ZERO[0], ONE[0], 1.0)
        away = curve.distances(tensor([1.0]), tensor([0.0, 0.0]))
        assert Fraction(float(away)) ** 2 >= truth
        # ||g|| = sqrt(2) size |t|, so |t| <= 1/4 is inside; a lower bound may claim less, not more.
        mass = gaussian_mass(curve, tensor([0.0, 0.0]), size * 2**0.5 / 4.0, 1.0)
        assert mass <= 1.0 - 2.0 * norm.sf(0.25), "mass was made up by underflow"


@pytest.mark.parametrize("size", [1e-165, 1.0, 1e139])
def test_norms_of_the_last_layer_hold_at_every_scale(size):
    encoder = network(([[1.0]], [0.0]), ([[3.0 * size], [4.0 * size]], [0.0, 0.0]))
    bounded = BoundedNetwork.of(encoder, ONE, 1.0)
    truth = Fraction(3.0 * size) ** 2 + Fraction(4.0 * size) ** 2
    assert truth <= Fraction(bounded.spectral) ** 2 <= truth * (1 + Fraction(1, 10**6))
    errors = tensor([[1e-165]]) if size > 1e-10 else tensor([[1.0]])
    image = errors @ encoder.magnitudes[0]
    moved = Fraction(float(bounded.deviation_norm(errors, image)))
    assert moved**2 >= truth * Fraction(float(errors)) ** 2
    tiny = BoundedNetwork.of(network(([[1e-165]], [0.0])), ONE, 1.0)
    assert tiny.row_norms[0] >= 1e-165


def test_errors_of_neurons_whose_couplings_underflow_when_squared_are_not_lost():
    """Hidden values of 1e100 and weights of 1e-165: the Gram matrix of the couplings is zero, R is not."""
    encoder = network(
        ([[1e100]] * 3, [1e99, -1e99, -5e99]),
        ([[1e-165, -3e-165, 1e-165], [2e-165, 1e-165, -4e-165]], [0.0, 0.0]),
    )
    view = certify_exact(encoder, ZERO, tensor([[3.0], [4.0]]), 1.0, max_cells=1, enclosing=False)
    truth = oracle.farthest_squared(encoder, ZERO[0], ONE[0], 5, view.centre[0])
    assert Fraction(float(view.radius[0])) ** 2 >= truth


def test_a_coupling_through_an_active_neuron_that_underflows_is_in_the_error():
    """R goes up to 1e-230, but where the second neuron is folded away the product of both weights, 1e-330, is zero."""
    encoder = network(([[1e100]], [0.0]), ([[1e-165]], [1e-75]), ([[1e-165]], [0.0]))
    bounded = BoundedNetwork.of(encoder, ONE, 1.0)
    reduced = reduce_network(bounded, bounded.rays(ZERO), cover(1))
    assert reduced.output.coupling.tolist() == [[0.0]], "nothing underflows: this shows nothing"
    computed = Fraction(float(reduced.values(ONE)))
    real = oracle.evaluate(encoder, oracle.rationals(ONE[0]))[0]
    assert abs(real - computed) <= Fraction(float(reduced.output.error))


def test_what_epsilon_brings_back_from_below_float64_is_not_lost():
    encoder = network(([[1e-200]], [0.0]))
    for k in (1, 2):
        view = certify_exact(encoder, ZERO, tensor([[1e-200]] * k), 1e300, enclosing=False)
        assert view.radius[0] >= 1e-100


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("k", [1, 2])
def test_networks_that_are_not_finite_are_refused(bad, k):
    vectors = tensor([[1.0]] * k)
    for last in [([[bad, 1.0], [1.0, 2.0]], [0.0, 0.0]), ([[1.0, 1.0], [1.0, 2.0]], [bad, 0.0])]:
        with pytest.raises(ArtifactError, match=r"^[^\n]+$"):
            certify_exact(network(([[1.0], [-1.0]], [0.1, 0.2]), last), ZERO, vectors, 1.0)


def test_a_search_whose_bounds_overflow_reaches_nothing():
    """Squares of 1e160 overflow: the bound of each box is +inf or NaN, the value of the first one 0."""
    for offset, slope in [(0.0, 1e160), (1e160, -1e160)]:
        rows = AffineRows(
            tensor([offset, offset]), tensor([[slope, slope]]), torch.zeros(0, 2).double(), tensor([0.0, 0.0])
        )  # fmt: skip
        reach = largest_norm(ReducedNetwork((), rows), cover(1), 0.05, 200)
        assert not reach.reached
        assert reach.upper >= (abs(offset) + abs(slope)) * 2**0.5
    nan = AffineRows(
        tensor([0.0]), tensor([[torch.nan]]), torch.zeros(0, 1).double(), tensor([0.0])
    )
    found = largest_norm(ReducedNetwork((), nan), cover(1), 0.05, 200)
    assert (found.upper, found.reached) == (float("inf"), False)


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("size", [1e141, 1e155, 1e200, 1e306])
def test_individuals_too_large_for_float64_are_undecided(size, k):
    encoder = network(([[1.0], [1.0]], [0.2, 0.3]), ([[1.0, -1.0], [2.0, 1.0]], [0.0, 0.0]))
    vectors = tensor([[size]] * k)
    latents = tensor([[0.0], [1.0]])
    view = certify_exact(encoder, latents, vectors, 1.0, tube_vertices=3, max_cells=2000)
    assert (view.status == 2).all(), "an overflow was taken for a bound"
    assert (view.radius == UNBOUNDED).all()
    assert (view.tubes.delta == UNBOUNDED).all()
    assert torch.isfinite(view.centre).all()
    assert (view.lower_bound == 0.0).all()
    if k > 1:
        assert (view.effort == 0).all(), "there was nothing to search for"


def test_one_individual_that_overflows_leaves_the_others_alone():
    encoder = network(([[1.0], [-1.0]], [0.2, 0.3]), ([[1.0, -1.0]], [0.0]))
    alone = certify_exact(encoder, ONE, ONE, 1.0)
    both = certify_exact(encoder, torch.cat([ONE, 1e150 * ONE]), ONE, 1.0)
    assert both.status.tolist() == [0, 2]
    assert both.radius[0] == alone.radius[0]


def test_representations_beyond_float32_have_a_centre_and_a_sound_radius():
    encoder = network(([[1e30]], [1e60]))
    for k in (1, 2):
        view = certify_exact(encoder, ZERO, tensor([[1.0]] * k), 1.0)
        assert torch.isfinite(view.centre).all()
        assert Fraction(float(view.radius[0])) >= Fraction(1e60) - Fraction(
            float(view.centre[0, 0])
        )


@pytest.mark.parametrize("k", [1, 2])
def test_networks_that_would_overflow_are_refused_in_one_line(k):
    vectors = tensor([[1.0]] * k)
    first = ([[1.0], [2.0]], [0.0, 0.0])
    for layers in [
        (first, ([[1e155, 1.0]], [0.0])),
        (([[1e80]], [0.0]), ([[1e80]], [0.0])),
        (([[1e-80]], [0.0]), ([[1e80]], [0.0]), ([[1e80]], [0.0])),
        (first, ([[1.0, 1.0]], [1e150])),
        (first, ([[1e308, 1e308]], [0.0])),
    ]:
        with pytest.raises(ArtifactError, match=r"^[^\n]+multiply up to[^\n]+$"):
            certify_exact(network(*layers), ZERO, vectors, 1.0)
    edge = network(first, ([[LARGEST / 1.001, 0.0]], [0.0]))
    with pytest.raises(ArtifactError, match="multiply up to"):
        certify_exact(edge, ZERO, vectors, 1.0)
    half = network(first, ([[LARGEST / 4.0, 0.0]], [0.0]))
    view = certify_exact(half, ZERO, vectors, 1.0, enclosing=False)
    assert view.radius[0] >= LARGEST / 4.0


def test_networks_with_more_neurons_than_rounding_is_bounded_for_are_refused():
    wide = ReluNetwork(
        (torch.zeros(TERMS, 1).double(), torch.zeros(1, TERMS).double()),
        (torch.zeros(TERMS).double(), torch.zeros(1).double()),
    )
    with pytest.raises(ArtifactError, match=f"{TERMS + 1} neurons"):
        certify_exact(wide, ZERO, ONE, 1.0)


def test_boxes_are_halved_without_a_gap_or_not_at_all():
    cells = Cells(tensor([[0.75, -0.3125]]), tensor([[0.25, 0.0625]]))
    while not cells.finest():
        halves = cells.split(torch.zeros(len(cells), dtype=torch.int64))
        ends = [
            (Fraction(float(c)) - Fraction(float(h)), Fraction(float(c)) + Fraction(float(h)))
            for c, h in zip(halves.centre[:, 0], halves.half[:, 0], strict=True)
        ]
        (left, middle), (start, right) = sorted(ends)
        assert (left, right) == (
            Fraction(float(cells.centre[0, 0])) - Fraction(float(cells.half[0, 0])),
            Fraction(float(cells.centre[0, 0])) + Fraction(float(cells.half[0, 0])),
        )
        assert middle == start
        cells = halves[:1]
    assert cells.half[0, 0] < 2.0**-39


def test_a_search_without_tolerance_ends_before_boxes_are_too_small_to_halve():
    """Bounds are rounded up, so the box with the largest value never meets it, however small."""
    rows = AffineRows(tensor([0.0]), tensor([[1.0]]), torch.zeros(0, 1).double(), tensor([0.0]))
    reach = largest_norm(ReducedNetwork((), rows), cover(1), 0.0, 20_000)
    assert not reach.reached
    assert reach.lower <= 1.0 <= reach.upper
    assert reach.cells < 2_000
