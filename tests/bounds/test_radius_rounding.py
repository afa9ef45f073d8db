"""Heads where rounding or underflow decides: bounds and radii against exact rational arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
import rational_heads as oracle
import torch

from consumer.radius import crown, tube
from consumer.radius.crown import certify_crown, crown_margins, relax
from consumer.radius.linear import certify_linear
from consumer.radius.noise import NoisyHead
from consumer.radius.region import Region, affine_tube, ball, polyline
from shared_spec.frozen_head import FrozenHead
from shared_spec.rng import numpy_generator, torch_generator

F64 = torch.float64


head_of, squared = oracle.head_of, oracle.squared


def point(*values):
    return torch.tensor([values], dtype=F64)


ZERO = torch.zeros(1, dtype=F64)
FIRST = torch.tensor([0])


def hard_head(generator, widths, scale):
    """Weights and biases of full mantissas; the last bias makes both logits cancel nearly at the origin."""
    draws = [torch.randn(o, i, generator=generator, dtype=F64) * scale for i, o in pairwise(widths)]
    biases = [torch.randn(o, generator=generator, dtype=F64) * scale for o in widths[1:]]
    return FrozenHead(tuple(draws), tuple(biases))


@pytest.mark.parametrize("scale", [1e-155, 1e-40, 1.0, 1e40])
@pytest.mark.parametrize("widths", [(3, 2), (3, 4, 2), (2, 4, 4, 2)])
def test_no_bound_on_a_segment_exceeds_the_exact_least_margin(widths, scale):
    """Segments of length 0 and longer; the margin at the start is of the size of rounding."""
    generator = torch_generator(3, f"segments-{widths}-{scale}")
    for trial in range(25):
        head = hard_head(generator, widths, scale)
        start = torch.randn(widths[0], generator=generator, dtype=F64)
        length = (0.0, 1e-9, 0.3)[trial % 3]
        end = start + length * torch.randn(widths[0], generator=generator, dtype=F64)
        logits = head(start)
        balanced = head.biases[-1] - logits + logits.mean()
        head = FrozenHead(head.weights, (*head.biases[:-1], balanced))
        truth = oracle.least_margin(head, oracle.rational(start), oracle.rational(end), 0)
        segment = polyline(torch.stack([start, end])[None], ZERO)
        # Of the real margin: what float64 loses at the logits comes on top, and would hide what the proof itself loses.
        bound = float(relax(head, segment, FIRST).lower.amin())
        assert Fraction(bound) <= truth, "rounding is not charged"
        assert float(crown_margins(head, segment, FIRST)[0]) <= bound
        assert not (truth <= 0 and bool(certify_crown(head, segment, FIRST)))


def test_neurons_count_as_stable_only_where_they_are():
    """m_0 - m_1 = x - relu(x) + 5e-4 on [-9e-4, 1] is -4e-4 at its least."""
    head = head_of(([[1.0], [1.0]], [0.0, 10.0]), ([[-1.0, 1.0], [0.0, 0.0]], [5e-4 - 10.0, 0.0]))
    region = ball(point(0.49955), torch.tensor([0.50045]))
    least = oracle.least_margin(head, [Fraction(-9, 10**4)], [Fraction(1)], 0)
    assert least < 0
    assert crown_margins(head, region, FIRST)[0] <= float(least) + 1e-12
    off = head_of(([[1.0], [1.0]], [0.0, 10.0]), ([[-1.0, -1.0], [0.0, 0.0]], [10.0 + 5e-4, 0.0]))
    # And at the other end: -relu(x) - x + 5e-4 on [-1, 4e-4].
    assert not certify_crown(off, ball(point(-0.4998), torch.tensor([0.5002])), FIRST)


def test_the_lines_enclose_the_relu_in_exact_arithmetic():
    generator = torch_generator(4, "lines")
    low = -(torch.rand(400, generator=generator, dtype=F64) ** 40)
    high = torch.rand(400, generator=generator, dtype=F64) ** 40
    low, high = (
        torch.cat([low, -high, low * 1e-290]),
        torch.cat([high, high * 1e-17, high * 1e-290]),
    )
    lower, upper, offset = crown._relu_lines(crown.Layer(low[None], high[None], high[None]))
    rows = zip(
        low.tolist(),
        high.tolist(),
        lower[0].tolist(),
        upper[0].tolist(),
        offset[0].tolist(),
        strict=True,
    )
    for values in rows:
        left, right, below, above, shift = map(Fraction, values)
        assert 0 <= below <= 1
        assert above * left + shift >= 0, "the upper line cuts the kink"
        assert above * right + shift >= right, "the upper line ends below relu"


def test_the_widened_tube_holds_the_pieces_that_it_is_cut_into():
    """Rounded midpoints leave the segment; how far is compared with the widening, in rationals."""
    generator = torch_generator(5, "midpoints")
    for scale in (1e-320, 1.0, 1e9):
        for _ in range(20):
            ends = (1.0 + torch.rand(1, 2, 3, generator=generator, dtype=F64)) * scale
            allowed = Fraction(float(tube._midpoint_rounding(ends, 6)[0]))
            pieces = ends
            for _ in range(6):
                pieces = tube._halve(pieces)
            start, end = (oracle.rational(row) for row in ends[0])
            joints = [*pieces[:, 0], pieces[-1, 1]]
            line = [
                [a + (b - a) * Fraction(i, 64) for a, b in zip(start, end, strict=True)]
                for i in range(65)
            ]
            off = [
                squared(x, oracle.rational(joint)) for x, joint in zip(line, joints, strict=True)
            ]
            assert max(off) <= allowed**2, "a piece lies outside of the widened tube"
            if scale == 1.0:
                assert max(off) * 36**2 > allowed**2, "the midpoints are exact: the test is void"


def test_tubes_are_cut_with_that_widening(monkeypatch):
    """CROWN's own slack hides a missing widening, so the pieces that it is asked about are looked at."""
    head = head_of(([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, 1.0], [0.0, 0.0]], [0.0, 0.0]))
    asked = []

    def watched(head, region, classes):
        asked.extend(region.delta.tolist())
        return certify_crown(head, region, classes)

    monkeypatch.setattr(tube, "certify_crown", watched)
    vertices = torch.tensor([[[-(2.0**53)], [2.0**53]]], dtype=F64)
    tube.certify_tube(head, vertices, ZERO, FIRST, bisections=1)
    assert min(asked) >= 1.0


def test_what_the_product_with_epsilon_loses_is_in_the_affine_tube():
    generator = torch_generator(6, "epsilon")
    for scale in (1e-322, 1.0, 1e9):
        directions = torch.randn(1, 2, 5, generator=generator, dtype=F64) * scale
        region = affine_tube(torch.zeros(1, 5), directions, 0.1, ZERO)
        lost = [
            squared([Fraction(0.1) * x for x in oracle.rational(row)], oracle.rational(computed))
            for row, computed in zip(directions[0], region.spread[0], strict=True)
        ]
        assert 0 < sum(lost) <= Fraction(float(region.delta[0])) ** 2


@pytest.mark.parametrize("delta", [-1.0, -1e-250])
def test_widening_makes_no_radius_of_a_negative_number(delta):
    certain = head_of(([[0.0], [0.0]], [1.0, 1.0]), ([[0.0, 0.0], [0.0, 0.0]], [1e30, 0.0]))
    negative = torch.tensor([delta], dtype=F64)
    large = torch.full((1, 2, 1), 1e20, dtype=F64)
    assert tube.certify_tube(certain, large, ZERO, FIRST)
    assert not tube.certify_tube(certain, large, negative, FIRST)
    assert not certify_crown(certain, affine_tube(large[:, 0], large[:, 1:], 0.1, negative), FIRST)
    flat = head_of(([[0.0], [0.0]], [1e30, 0.0]))
    assert not certify_linear(flat, affine_tube(large[:, 0], large[:, 1:], 0.1, negative), FIRST)


def test_magnitudes_bound_every_coordinate_of_the_region():
    generator = torch_generator(7, "magnitude")
    vertices = torch.randn(5, 3, 4, generator=generator, dtype=F64)
    spread = torch.randn(5, 2, 4, generator=generator, dtype=F64)
    delta = torch.rand(5, generator=generator, dtype=F64)
    size = Region(vertices, delta, spread).magnitude
    edge = vertices.abs().amax(1) + spread.norm(dim=1) + delta[:, None]
    assert (size >= edge).all()
    assert (size <= edge + spread.abs().sum(1)).all()


def test_noise_that_only_rounding_decides_wins_nothing():
    """m_0 = m_1 in the reals, under any noise; in float64 one of them is ahead by rounding, in one sample of two."""
    generator = torch_generator(10, "ties")
    for size in (1e-3, 1e6):
        row = torch.randn(1, 6, generator=generator, dtype=F64)
        inner = torch.cat([row, row * 3.0])
        last = torch.tensor([[3.0, 0.0], [0.0, 1.0]], dtype=F64)
        head = FrozenHead((inner, last), (torch.zeros(2, dtype=F64),) * 2)
        streams = [numpy_generator(0, "ties", "one")]
        noisy = NoisyHead(head, 1e4)
        assert not noisy.wins(torch.full((1, 6), size), FIRST, 500, streams).any()
