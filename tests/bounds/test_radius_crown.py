"""MLP heads on balls and tubes: CROWN's bound lies below every attack, and is exact where it can be."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
import torch

from consumer.radius.base import certify_base_ball, certify_base_tube
from consumer.radius.crown import certify_crown, crown_margins, crown_radius
from consumer.radius.linear import linear_margins, linear_radius
from consumer.radius.region import Region, affine_tube, ball, polyline
from consumer.radius.tube import certify_tube
from shared_spec.frozen_head import FrozenHead
from shared_spec.rng import torch_generator

F64 = torch.float64


def random_mlp(generator, *widths):
    """Weights of the usual size, rounded to float32 as stored heads are."""
    pairs = list(pairwise(widths))
    draw = [torch.randn(o, i, generator=generator) / i**0.5 for i, o in pairs]
    shift = [0.3 * torch.randn(o, generator=generator) for _, o in pairs]
    return FrozenHead(tuple(w.to(F64) for w in draw), tuple(b.to(F64) for b in shift))


def worst_margin(head, points, classes):
    """min over points [n, p, d] of the pairwise margin of `classes` [n]."""
    logits = head(points)
    index = classes[:, None, None].expand(-1, points.shape[1], 1)
    rival = logits.scatter(-1, index, -torch.inf).amax(-1)
    return (logits.gather(-1, index)[..., 0] - rival).amin(1)


def attack(head, region, classes, generator, count=200, steps=15):
    """The worst margin found by random points of the region and then projected gradient steps in the ball part."""
    n, m, d = region.vertices.shape
    weights = torch.rand(n, count, m, generator=generator, dtype=F64) ** 3
    weights[:, :m] = torch.eye(m, dtype=F64)
    base = (weights / weights.sum(-1, keepdim=True)) @ region.vertices
    if region.spread is not None:
        k = region.spread.shape[1]
        t = torch.randn(n, count, k, generator=generator, dtype=F64)
        base = base + (t / t.norm(dim=-1, keepdim=True)) @ region.spread
    step = torch.randn(n, count, d, generator=generator, dtype=F64)
    radius = region.delta[:, None, None]
    offset = radius * step / step.norm(dim=-1, keepdim=True)
    worst = torch.full((n,), torch.inf, dtype=F64)
    index = classes[:, None, None].expand(-1, count, 1)
    for _ in range(steps):
        points = (base + offset).requires_grad_()
        logits = head(points)
        margin = logits.gather(-1, index)[..., 0] - logits.scatter(-1, index, -torch.inf).amax(-1)
        worst = torch.minimum(worst, margin.detach().amin(1))
        (gradient,) = torch.autograd.grad(margin.sum(), points)
        offset = offset - radius * gradient / gradient.norm(dim=-1, keepdim=True).clamp_min(1e-30)
        offset = offset * (radius / offset.norm(dim=-1, keepdim=True).clamp_min(1e-30)).clamp_max(
            1.0
        )
    return worst


def make_region(kind, centres, generator, size):
    n, d = centres.shape
    delta = size * torch.rand(n, generator=generator, dtype=F64)
    if kind == "ball":
        return ball(centres, delta)
    if kind == "polyline":
        bends = size * torch.randn(n, 3, d, generator=generator, dtype=F64) / d**0.5
        return polyline(centres[:, None] + bends, delta / 4)
    directions = torch.randn(n, 2, d, generator=generator, dtype=F64) / d**0.5
    return affine_tube(centres, directions, size, delta / 4)


@pytest.mark.parametrize("kind", ["ball", "polyline", "affine"])
@pytest.mark.parametrize("widths", [(6, 3), (6, 8, 3), (5, 12, 2), (6, 10, 8, 4), (4, 6, 6, 6, 3)])
def test_the_bound_lies_below_every_attack(kind, widths):
    generator = torch_generator(1, f"crown-{kind}-{widths}")
    for size in (0.05, 0.3, 1.0):
        head = random_mlp(generator, *widths)
        centres = torch.randn(60, widths[0], generator=generator, dtype=F64)
        classes = head.predict(centres)
        region = make_region(kind, centres, generator, size)
        bound = crown_margins(head, region, classes)
        worst = attack(head, region, classes, generator)
        assert (bound <= worst + 1e-9).all(), (
            f"a point of the region beats the bound by {float((bound - worst).max())}"
        )
        certified = certify_crown(head, region, classes)
        assert not (certified & (worst <= 0)).any(), "a certified individual was flipped"


def test_the_bound_is_the_closed_form_for_linear_heads():
    generator = torch_generator(2, "crown")
    head = random_mlp(generator, 6, 4)
    centres = torch.randn(300, 6, generator=generator, dtype=F64)
    classes = head.predict(centres)
    for kind in ("ball", "polyline", "affine"):
        region = make_region(kind, centres, generator, 0.5)
        assert torch.allclose(
            crown_margins(head, region, classes), linear_margins(head, region, classes), atol=1e-8
        )


def test_the_bound_is_exact_where_no_relu_changes_sign():
    """With large biases the head is affine on the ball: min = margin - d ||A||, A the product of the weights."""
    generator = torch_generator(3, "crown")
    head = random_mlp(generator, 5, 7, 2)
    head = FrozenHead(head.weights, (head.biases[0] + 50.0, head.biases[1]))
    centres = torch.randn(40, 5, generator=generator, dtype=F64)
    classes = head.predict(centres)
    radii = torch.rand(40, generator=generator, dtype=F64)
    row = (head.weights[1][0] - head.weights[1][1]) @ head.weights[0]
    want = worst_margin(head, centres[:, None], classes) - radii * row.norm()
    assert torch.allclose(crown_margins(head, ball(centres, radii), classes), want, atol=1e-6)


def test_a_ball_of_radius_zero_has_the_margin_of_its_centre():
    generator = torch_generator(4, "crown")
    head = random_mlp(generator, 6, 9, 9, 3)
    centres = torch.randn(100, 6, generator=generator, dtype=F64)
    classes = head.predict(centres)
    bound = crown_margins(head, ball(centres, torch.zeros(100)), classes)
    margin = worst_margin(head, centres[:, None], classes)
    assert (bound <= margin).all(), "the rounding slack has the wrong sign"
    assert torch.allclose(bound, margin, atol=1e-10)


def test_the_bound_of_a_point_lies_below_exact_rational_arithmetic():
    generator = torch_generator(5, "crown")
    violated = 0
    for _ in range(60):
        head = random_mlp(generator, 3, 5, 2)
        # Large, nearly cancelling numbers: what rounding could get wrong.
        point = 1e7 * torch.randn(3, generator=generator, dtype=F64)
        classes = torch.tensor([0])
        bound = Fraction(float(crown_margins(head, ball(point[None], torch.zeros(1)), classes)[0]))
        values = [Fraction(float(v)) for v in point]
        for weight, bias in zip(head.weights, head.biases, strict=True):
            rows = [[Fraction(float(w)) for w in row] for row in weight]
            values = [
                sum(w * v for w, v in zip(row, values, strict=True)) + Fraction(float(b))
                for row, b in zip(rows, bias, strict=True)
            ]
            logits, values = values, [max(v, Fraction(0)) for v in values]
        violated += bound > logits[0] - logits[1]
    assert violated == 0, f"{violated} of 60 bounds exceed the exact margin"


def test_a_worst_point_inside_the_ball_is_seen():
    """m_0 - m_1 = |x| - 1: both ends of the interval are fine, the middle is not."""
    head = FrozenHead(
        (
            torch.tensor([[1.0], [-1.0]], dtype=F64),
            torch.tensor([[1.0, 1.0], [0.0, 0.0]], dtype=F64),
        ),
        (torch.zeros(2, dtype=F64), torch.tensor([-1.0, 0.0], dtype=F64)),
    )
    classes = torch.tensor([0])
    assert not certify_base_ball(head, torch.tensor([[2.0]]), torch.tensor([3.0]), classes)
    line = torch.tensor([[[-3.0], [3.0]]])
    assert not certify_base_tube(head, line, torch.zeros(1), classes), (
        "only the ends of the segment were looked at"
    )
    assert certify_base_tube(head, torch.tensor([[[1.5], [3.0]]]), torch.tensor([0.4]), classes)
    assert not certify_base_tube(head, torch.tensor([[[1.5], [3.0]]]), torch.tensor([0.5]), classes)


def test_tubes_are_certified_exactly_when_no_attack_succeeds():
    """Complete as delta -> 0: every line with a positive margin is proved, and no other."""
    generator = torch_generator(6, "tube")
    head = random_mlp(generator, 6, 24, 3)
    n = 400
    centres = torch.randn(n, 6, generator=generator, dtype=F64)
    vertices = centres[:, None] + 0.6 * torch.randn(n, 5, 6, generator=generator, dtype=F64)
    classes = head.predict(vertices[:, 2])
    t = torch.linspace(0, 1, 401, dtype=F64)[None, None, :, None]
    points = (vertices[:, :-1, None] * (1 - t) + vertices[:, 1:, None] * t).reshape(n, -1, 6)
    worst = worst_margin(head, points, classes)
    delta = torch.full((n,), 1e-6)
    by_depth = [certify_tube(head, vertices, delta, classes, bisections=b) for b in (0, 2, 8)]
    assert not (by_depth[2] & (worst <= 0)).any(), "a certified tube was flipped"
    assert (by_depth[2] == (worst > 0)).float().mean() > 0.99, (
        "tubes without a counterexample stay undecided"
    )
    assert not (by_depth[0] & ~by_depth[1]).any(), "cutting lost a certificate"
    assert by_depth[0].sum() < by_depth[2].sum(), (
        "the instance does not need bisection: the test is void"
    )
    hull = certify_crown(head, polyline(vertices, delta), classes)
    assert not (hull & ~by_depth[2]).any()
    assert hull.sum() < by_depth[2].sum()


def test_the_width_of_the_tube_counts():
    generator = torch_generator(7, "tube")
    head = random_mlp(generator, 6, 24, 3)
    n = 200
    vertices = torch.randn(n, 1, 6, generator=generator, dtype=F64) + 0.3 * torch.randn(
        n, 3, 6, generator=generator, dtype=F64
    )
    classes = head.predict(vertices[:, 1])
    delta = 0.5 * torch.rand(n, generator=generator, dtype=F64)
    certified = certify_tube(head, vertices, delta, classes)
    pieces = [polyline(vertices[:, i : i + 2], delta) for i in range(2)]
    worst = torch.stack([attack(head, piece, classes, generator) for piece in pieces]).amin(0)
    assert not (certified & (worst <= 0)).any(), (
        "a point within delta of a certified polyline flips"
    )
    assert certified.sum() > 20
    assert certified.sum() < certify_tube(head, vertices, torch.zeros(n), classes).sum()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0, torch.finfo(F64).max])
def test_what_is_no_bound_never_certifies(bad):
    head = random_mlp(torch_generator(8, "crown"), 4, 5, 3)
    head = FrozenHead(head.weights, (head.biases[0], torch.tensor([100.0, 0.0, 0.0], dtype=F64)))
    centres, classes = torch.zeros(1, 4, dtype=F64), torch.tensor([0])
    assert certify_base_ball(head, centres, torch.ones(1), classes)
    assert not certify_base_ball(head, centres, torch.tensor([bad], dtype=F64), classes)
    assert not certify_tube(head, centres[:, None], torch.tensor([bad], dtype=F64), classes)
    if bad != -1.0:
        centres[0, 0] = bad
        assert not certify_base_ball(head, centres, torch.ones(1), classes)
        assert not certify_tube(head, centres[:, None].expand(-1, 2, -1), torch.ones(1), classes)


@pytest.mark.parametrize("widths", [(6, 3), (6, 8, 3), (4, 6, 6, 3)])
def test_the_reported_radius_is_proved_and_nearly_the_largest(widths):
    generator = torch_generator(11, f"radius-{widths}")
    head = random_mlp(generator, *widths)
    centres = torch.randn(80, widths[0], generator=generator, dtype=F64)
    classes = head.predict(centres)
    radii = crown_radius(head, centres, classes)
    assert (radii > 0).all()
    assert certify_crown(head, ball(centres, radii * (1 - 1e-6)), classes).all()
    assert not certify_crown(head, ball(centres, radii * (1 + 1e-6)), classes).any()
    worst = attack(head, ball(centres, radii), classes, generator)
    assert (worst > 0).all(), "a point within the reported radius flips"
    assert (crown_radius(head, centres, (classes + 1) % 3) == 0).all()
    assert (crown_radius(head, centres * torch.nan, classes) == 0).all()
    if len(widths) == 2:
        assert torch.allclose(radii, linear_radius(head, centres, classes), rtol=1e-6)


def test_ties_and_other_classes_never_certify():
    head = random_mlp(torch_generator(9, "crown"), 4, 5, 2)
    tied = FrozenHead(
        (head.weights[0], torch.ones(2, 5, dtype=F64)), (head.biases[0], torch.zeros(2, dtype=F64))
    )
    centres = torch.randn(50, 4, generator=torch_generator(9, "points"), dtype=F64)
    zero = torch.zeros(50)
    assert not certify_base_ball(tied, centres, zero, tied.predict(centres)).any()
    assert not certify_tube(tied, centres[:, None], zero, tied.predict(centres)).any()
    wrong = 1 - head.predict(centres)
    assert not certify_base_ball(head, centres, zero, wrong).any()
    assert not certify_tube(head, centres[:, None], zero, wrong).any()


def test_blocks_do_not_mix_individuals():
    generator = torch_generator(10, "crown")
    head = random_mlp(generator, 4, 8, 3)
    centres = torch.randn(1200, 4, generator=generator, dtype=F64)
    classes, radii = head.predict(centres), 0.3 * torch.rand(1200, generator=generator, dtype=F64)
    whole = crown_margins(head, ball(centres, radii), classes)
    some = torch.arange(0, 1200, 113)
    alone = [
        crown_margins(head, ball(centres[i : i + 1], radii[i : i + 1]), classes[i : i + 1])
        for i in some
    ]
    assert torch.allclose(whole[some], torch.cat(alone), rtol=1e-10)
    tubes = torch.stack([centres, centres + 0.1], 1)
    together = certify_tube(head, tubes, radii, classes)
    assert together.any()
    assert not together.all()
    for i in some:
        assert (
            together[i]
            == certify_tube(head, tubes[i : i + 1], radii[i : i + 1], classes[i : i + 1])[0]
        )
    assert isinstance(ball(centres, radii).rows(some), Region)
