"""MLP heads decided by the quadratic certificate: below every attack, in exact arithmetic, and far beyond lines."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import rational_heads as oracle
import torch
from random_heads import individuals, random_mlp

from consumer.radius import mlp
from consumer.radius.crown import certify_crown, crown_radius
from consumer.radius.forms import image_of
from consumer.radius.mlp import certify_mlp, mlp_radius
from consumer.radius.nearest import nearest_flip
from consumer.radius.region import Region, affine_tube, ball
from shared_spec.frozen_head import FrozenHead
from shared_spec.rng import torch_generator

F64 = torch.float64


def worst_margin(head, region, classes, generator, starts=100, steps=30):
    """The least margin that gradients on the sphere of (t, e) find in affine tubes and balls, from many starts."""
    n, _, d = region.vertices.shape
    spread = torch.zeros(n, 1, d, dtype=F64) if region.spread is None else region.spread
    draws = [
        torch.randn(n, starts, size, generator=generator, dtype=F64) for size in (len(spread[0]), d)
    ]
    worst = torch.full((n,), torch.inf, dtype=F64)
    index = classes[:, None, None].expand(-1, starts, 1)
    for _ in range(steps):
        t, e = (x / x.norm(dim=-1, keepdim=True).clamp_min(1e-30) for x in draws)
        t, e = t.requires_grad_(), e.requires_grad_()
        logits = head(region.vertices + t @ spread + region.delta[:, None, None] * e)
        margin = logits.gather(-1, index)[..., 0] - logits.scatter(-1, index, -torch.inf).amax(-1)
        worst = torch.minimum(worst, margin.detach().amin(1))
        slopes = torch.autograd.grad(margin.sum(), [t, e])
        draws = [x.detach() - 10 * s for x, s in zip((t, e), slopes, strict=True)]
    return worst


@pytest.mark.parametrize("widths", [(6, 12, 2), (6, 16, 16, 2), (5, 12, 10, 8, 3), (4, 20, 20, 4)])
def test_no_attack_finds_a_flip_within_a_reported_radius(widths):
    generator = torch_generator(1, f"mlp-{widths}")
    reached = []
    for _ in range(4):
        head = random_mlp(generator, *widths)
        centres, classes = individuals(generator, head, 16)
        radii = mlp_radius(head, centres, classes)
        assert (radii > 0).all()
        worst = worst_margin(head, ball(centres, radii), classes, generator)
        assert (worst > 0).all(), "a point within the reported radius flips"
        further = worst_margin(head, ball(centres, 1.5 * radii), classes, generator)
        reached.append(further <= 0)
    assert torch.cat(reached).float().mean() > 0.4, "the attack is too weak, or the radii too small"


@pytest.mark.parametrize("spread", [0, 1, 3])
def test_no_attack_flips_a_certified_region(spread):
    generator = torch_generator(2, f"mlp-{spread}")
    counts = [0, 0, 0]
    for _ in range(8):
        head = random_mlp(generator, 6, 16, 12, 3)
        centres, classes = individuals(generator, head, 30)
        delta = 0.4 * torch.rand(30, generator=generator, dtype=F64)
        region = ball(centres, 2.0 * delta)
        if spread:
            directions = torch.randn(30, spread, 6, generator=generator, dtype=F64) / 6.0
            region = affine_tube(centres, directions, 1.0, delta)
        certified, lines = certify_mlp(head, region, classes), certify_crown(head, region, classes)
        worst = worst_margin(head, region, classes, generator)
        assert not (certified & (worst <= 0)).any(), "a certified individual was flipped"
        assert not (lines & ~certified).any(), "what lines prove was lost"
        for i, found in enumerate((lines, certified, worst > 0)):
            counts[i] += int(found.sum())
    assert counts[0] + 0.4 * (counts[2] - counts[0]) < counts[1] <= counts[2], counts


def test_the_radii_are_nearly_those_of_the_attack_and_never_below_those_of_lines():
    generator = torch_generator(3, "mlp")
    head = random_mlp(generator, 24, 32, 32, 2)
    centres, _ = individuals(generator, head, 40)
    # Both classes are as frequent, so that every individual has a flip nearby.
    gap = (head(centres) @ torch.tensor([1.0, -1.0], dtype=F64)).median()
    head = FrozenHead(
        head.weights, (*head.biases[:-1], head.biases[-1] + gap * torch.tensor([0, 1]))
    )
    classes = head.predict(centres)
    radii, lines = mlp_radius(head, centres, classes), crown_radius(head, centres, classes)
    assert (radii >= lines / 1.03).all()
    image = image_of(head, ball(centres, torch.ones(40)))
    _, near = nearest_flip(head, image, classes, 1 - classes, steps=200)
    assert (near / lines).median() > 1.2, "lines suffice: the test is void"
    assert (near / radii).median() < 1.1
    assert (radii < near).all()


def test_the_distance_to_a_kinked_boundary_is_found():
    """m_0 - m_1 = 1 - |x| - |y| at (0.3, 0): the boundary is (1 - 0.3) / sqrt(2) away."""
    head = oracle.head_of(
        ([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [0.0] * 4),
        ([[-1.0] * 4, [0.0] * 4], [1.0, 0.0]),
    )
    radius = mlp_radius(head, torch.tensor([[0.3, 0.0]]), torch.tensor([0]))
    assert 0.99 * 0.7 / math.sqrt(2) < radius[0] <= 0.7 / math.sqrt(2)


def test_what_float64_may_lose_of_a_margin_is_charged_to_the_quadratic_certificate_too(monkeypatch):
    generator = torch_generator(12, "mlp")
    head = random_mlp(generator, 6, 16, 16, 2)
    centres, classes = individuals(generator, head, 30)
    region = ball(centres, 1.1 * crown_radius(head, centres, classes))
    assert certify_mlp(head, region, classes).float().mean() > 0.5
    lost = torch.full((30, 2), 1e3, dtype=F64)
    lines = mlp.relax
    monkeypatch.setattr(
        mlp,
        "relax",
        lambda head, region, classes: replace(
            lines(head, region, classes), error=lost[: len(classes)]
        ),
    )
    assert not certify_mlp(head, region, classes).any(), "the whole margin is lost, and certified"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0, torch.finfo(F64).max])
def test_what_is_no_bound_never_certifies(bad):
    head = random_mlp(torch_generator(6, "mlp"), 4, 9, 9, 2)
    head = FrozenHead(head.weights, (*head.biases[:-1], torch.tensor([3.0, 0.0], dtype=F64)))
    centres, classes = torch.zeros(1, 4, dtype=F64), torch.tensor([0])
    assert certify_mlp(head, ball(centres, torch.ones(1)), classes)
    assert not certify_mlp(head, ball(centres, torch.tensor([bad])), classes)
    spread = torch.full((1, 2, 4), bad, dtype=F64)
    if bad != -1.0:
        assert not certify_mlp(
            head, Region(centres[:, None], torch.ones(1).double(), spread), classes
        )
        assert not certify_mlp(head, ball(centres + bad, torch.ones(1)), classes)
        assert mlp_radius(head, centres + bad, classes) == 0
    assert mlp_radius(head, centres, 1 - classes) == 0


def test_radii_are_rounded_down_to_a_coarse_grid():
    values = torch.rand(500, generator=torch_generator(7, "grid"), dtype=F64) * 10.0
    coarse = mlp._coarse(values)
    assert (coarse <= values).all()
    assert (coarse > values * (1 - 2.0**-9)).all()
    assert torch.equal(mlp._coarse(coarse), coarse)


def test_heads_too_wide_for_a_proof_are_left_to_lines(monkeypatch):
    generator = torch_generator(8, "mlp")
    head = random_mlp(generator, 5, 12, 12, 2)
    centres, classes = individuals(generator, head, 20)
    lines = crown_radius(head, centres, classes)
    assert (mlp_radius(head, centres, classes) > 1.05 * lines).any()
    for limit in ("_OPEN", "_WIDTH"):
        with monkeypatch.context() as patch:
            patch.setattr(mlp, limit, -1)
            radii = mlp_radius(head, centres, classes)
            assert ((radii <= lines) & (radii >= lines / 1.03)).all(), limit


def test_a_share_of_one_is_not_the_closed_ball(monkeypatch):
    generator = torch_generator(9, "mlp")
    head = random_mlp(generator, 6, 16, 16, 2)
    centres, classes = individuals(generator, head, 30)
    region = ball(centres, 1.1 * crown_radius(head, centres, classes))
    assert not certify_crown(head, region, classes).any()
    for share, some in ((1.0, False), (math.nan, False), (math.nextafter(1.0, 2.0), True)):
        monkeypatch.setattr(
            mlp, "proved_share", lambda head, forms, found, rho, share=share: rho * 0 + share
        )
        assert bool(certify_mlp(head, region, classes).any()) == some, share


def test_radii_do_not_depend_on_the_last_bits():
    """A certificate is computed again on other machines, and its radii are compared to one part in a million."""
    generator = torch_generator(11, "mlp")
    for widths in ((12, 16, 2), (12, 16, 16, 2)):
        head = random_mlp(generator, *widths)
        centres, classes = individuals(generator, head, 60)
        radii = mlp_radius(head, centres, classes)
        moved = mlp_radius(head, centres * (1 + 2.0**-52), classes)
        assert torch.allclose(radii, moved, rtol=1e-6, atol=0.0)
