"""Heads of extreme scales, and logits that nearly cancel: no norm, product or gap may lose its value."""

from __future__ import annotations

from fractions import Fraction

import pytest
import rational_heads as oracle
import torch

from consumer.radius.base import certify_base_ball, certify_base_tube
from consumer.radius.crown import certify_crown, crown_margins, crown_radius, relax
from consumer.radius.linear import certify_linear, linear_margins, linear_radius
from consumer.radius.region import affine_tube, ball
from shared_spec.frozen_head import FrozenHead
from shared_spec.rng import torch_generator

F64 = torch.float64


head_of, squared = oracle.head_of, oracle.squared


def point(*values):
    return torch.tensor([values], dtype=F64)


def steps(weight, depth):
    """Logits (1 + x) s and (1 - x) s, s = weight^depth, around 0: class 0 wins where x > 0, at (x, anything)."""
    eye = [[weight, 0.0], [0.0, weight]]
    return head_of(
        ([[weight, 0.0], [-weight, 0.0]], [weight, weight]), *[(eye, [0.0, 0.0])] * (depth - 1)
    )


ZERO = torch.zeros(1, dtype=F64)
FIRST = torch.tensor([0])


@pytest.mark.parametrize(
    ("weight", "depth"), [(1e-42, 4), (1e-24, 7), (1e-20, 9), (1e-30, 8), (1e-60, 5), (1e30, 8)]
)
def test_no_scale_of_the_weights_hides_the_radius(weight, depth):
    """The boundary is 0.5 away, whatever the product of the weights is."""
    head, centre = steps(weight, depth), point(0.5, 0.0)
    for radius in (0.500001, 0.51, 0.9, 1.3, 50.0):
        assert not certify_base_ball(head, centre, torch.tensor([radius]), FIRST), radius
        twice = centre[:, None].expand(-1, 2, -1)
        assert not certify_base_tube(head, twice, torch.tensor([radius]), FIRST), radius
        spread = torch.tensor([[[radius, 0.0]]], dtype=F64)
        assert not certify_crown(head, affine_tube(centre, spread, 1.0, ZERO), FIRST), radius
    assert crown_radius(head, centre, FIRST)[0] <= 0.5
    if weight**depth > 1e-190:
        assert certify_base_ball(head, centre, torch.tensor([0.499]), FIRST), (
            "too small to be certified"
        )


def test_a_small_path_among_large_neurons_keeps_its_norm():
    """The logits hang on a product of 1e-45s; beside it stands a neuron with weights of 1 that is never on."""
    tiny, layers = 1e-45, 4
    first = ([[tiny, 0.0], [-tiny, 0.0], [1.0, 1.0]], [tiny, tiny, -1e3])
    inner = ([[tiny, 0.0, 1.0], [0.0, tiny, 1.0], [0.0, 0.0, 1.0]], [0.0, 0.0, 0.0])
    last = ([[tiny, 0.0, 1.0], [0.0, tiny, 1.0]], [0.0, 0.0])
    head = head_of(first, *[inner] * (layers - 2), last)
    centre = point(0.5, 0.0)
    assert certify_base_ball(head, centre, torch.tensor([0.49]), FIRST)
    assert not certify_base_ball(head, centre, torch.tensor([0.51]), FIRST)


def exact_radius_squared(head, centre, c):
    """(margin / ||w_c - w_j||)^2 at its least, exactly; None where no other class can win."""
    rows = [oracle.rational(row) for row in head.weights[0]]
    values = oracle.logits(head, oracle.rational(centre))
    found = []
    for j, row in enumerate(rows):
        square = squared(rows[c], row)
        if j != c and square > 0:
            found.append((values[c] - values[j]) ** 2 / square)
    return min(found, default=None)


@pytest.mark.parametrize("near", [1.0, 1e-20])
@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e-120, 1.0, 1e120, 1e150, 1e170, 1e300])
def test_linear_radii_at_every_scale(scale, near):
    generator = torch_generator(1, f"scale-{scale}-{near}")
    for _ in range(40):
        weight = torch.randn(3, 4, generator=generator, dtype=F64) * scale
        head = FrozenHead(
            (weight,), (torch.randn(3, generator=generator, dtype=F64) * scale * near,)
        )
        centre = torch.randn(4, generator=generator, dtype=F64) * near
        c = int(head.predict(centre))
        radius = float(linear_radius(head, centre[None], torch.tensor([c]))[0])
        truth = exact_radius_squared(head, centre, c)
        assert Fraction(radius) ** 2 <= truth, f"radius {radius} at scale {scale}"
        if 1e-150 < scale < 1e150:
            assert radius**2 >= float(truth) * (1 - 1e-6), "the radius is needlessly small"


def test_rows_that_differ_by_little_have_a_radius():
    """Equal rows are parallel, and rows that differ in a subnormal number are not: the boundary is far, not nowhere."""
    for gap in (5e-324, 1e-310, 1e-200, 1e-120):
        head = head_of(([[1.0, gap], [1.0, 0.0]], [0.0, 0.0]))
        far = 1.0 / gap if gap > 1e-300 else 1e307
        centre = point(0.0, min(far, 1e300))
        radius = float(linear_radius(head, centre, FIRST)[0])
        assert Fraction(radius) ** 2 <= exact_radius_squared(head, centre[0], 0)
        assert not certify_linear(head, ball(centre, torch.tensor([2.0 * far])), FIRST)


def test_biases_that_cancel_are_charged():
    """Margins of a few units in the last place of the biases: what is certified is true, on either side."""
    generator = torch_generator(2, "cancel")
    certified = 0
    for _ in range(400):
        x = torch.randn(2, generator=generator, dtype=F64)
        weight = torch.randn(2, 2, generator=generator, dtype=F64)
        shift = (
            -((weight[0] - weight[1]) @ x) + torch.randn(1, generator=generator, dtype=F64) * 1e-15
        )
        head = FrozenHead((weight,), (torch.cat([shift, torch.zeros(1, dtype=F64)]),))
        truth = oracle.margin(oracle.logits(head, oracle.rational(x)), 0)
        region = ball(x[None], ZERO)
        # Of the real margin, for lines: what float64 loses at the logits comes on top.
        lines = relax(head, region, FIRST).lower.amin(1)
        for bound in (linear_margins(head, region, FIRST), lines):
            assert Fraction(float(bound[0])) <= truth, "the bound exceeds the exact margin"
            certified += float(bound[0]) > 0
    assert certified < 400, "the margins are too large to tell"


def test_what_underflows_in_a_row_is_charged_at_the_size_of_the_point():
    """A slope of 1e-340, which no float64 is, at a point of 1e300."""
    head = head_of(([[1e-170], [0.0]], [0.0, 0.0]), ([[-1e-170, 0.0], [0.0, 0.0]], [1e-45, 0.0]))
    centre = point(1e300)
    assert oracle.margin(oracle.logits(head, oracle.rational(centre[0])), 0) < 0
    assert crown_margins(head, ball(centre, ZERO), FIRST)[0] < 0


def test_what_is_lost_along_the_directions_of_an_affine_tube_is_charged():
    """Rows that agree in their first digits: along the directions their logits cancel, and only rounding is left."""
    generator = torch_generator(8, "spread")
    for scale in (1e-160, 1.0):
        for _ in range(100):
            row = torch.randn(1, 4, generator=generator, dtype=F64) * scale
            weight = torch.cat(
                [row, row * (1.0 + 1e-15 * torch.randn(1, 4, generator=generator, dtype=F64))]
            )
            head = FrozenHead((weight,), (torch.tensor([scale * 1e-15, 0.0], dtype=F64),))
            spread = torch.randn(1, 1, 4, generator=generator, dtype=F64)
            centre = torch.zeros(1, 4, dtype=F64)
            end = oracle.rational(spread[0, 0])
            truth = oracle.least_margin(head, [-x for x in end], end, 0)
            bound = linear_margins(head, affine_tube(centre, spread, 1.0, ZERO), FIRST)
            assert Fraction(float(bound[0])) <= truth


@pytest.mark.parametrize("scale", [1e-42, 1e-160, 1e-185])
def test_directions_keep_their_length_at_every_scale(scale):
    head = head_of(([[scale, 0.0], [-scale, 0.0]], [0.0, 0.0]))
    for length, want in ((0.499, True), (0.501, False)):
        spread = torch.tensor([[[length, 0.0]]], dtype=F64)
        assert certify_linear(head, affine_tube(point(0.5, 0.0), spread, 1.0, ZERO), FIRST) == want


def test_quotients_that_are_subnormal_are_rounded_down():
    generator = torch_generator(9, "quotients")
    for _ in range(50):
        row = 1e140 * torch.rand(2, generator=generator, dtype=F64)
        lead = 1e-180 * float(torch.rand(1, generator=generator))
        head = head_of(([row.tolist(), [0.0, 0.0]], [lead, 0.0]))
        radius = Fraction(float(linear_radius(head, point(0.0, 0.0), FIRST)[0]))
        assert radius**2 <= exact_radius_squared(head, torch.zeros(2, dtype=F64), 0)
