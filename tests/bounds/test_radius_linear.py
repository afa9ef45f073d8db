"""Linear heads: closed forms, exact rational arithmetic, dense attacks, and everything that must not certify."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch

from consumer.radius.base import certify_base_ball, certify_base_tube
from consumer.radius.linear import (
    certify_linear,
    certify_smoothed_linear,
    linear_margins,
    linear_radius,
)
from consumer.radius.region import affine_tube, ball, polyline
from shared_spec.errors import DataError, SettingsError
from shared_spec.frozen_head import FrozenHead
from shared_spec.rng import torch_generator

F64 = torch.float64
LARGEST = torch.finfo(F64).max


def head_of(weight, bias):
    return FrozenHead((torch.as_tensor(weight, dtype=F64),), (torch.as_tensor(bias, dtype=F64),))


def random_head(generator, classes=4, dim=6):
    weight = torch.randn(classes, dim, generator=generator)
    return head_of(weight, torch.randn(classes, generator=generator))


def textbook_radius(head, centre, c):
    weight, bias = head.weights[0], head.biases[0]
    logits = weight @ centre + bias
    return min(
        float((logits[c] - logits[j]) / (weight[c] - weight[j]).norm())
        for j in range(head.classes)
        if j != c
    )


def test_the_radius_is_the_distance_to_the_nearest_boundary():
    generator = torch_generator(1, "radius")
    head = random_head(generator)
    centres = torch.randn(5000, 6, generator=generator)
    classes = head.predict(centres)
    radii = linear_radius(head, centres, classes)
    pairs = zip(centres.to(F64), classes, strict=True)
    want = torch.tensor([textbook_radius(head, x, int(c)) for x, c in pairs], dtype=F64)
    assert torch.allclose(radii, want, rtol=1e-7, atol=1e-12)
    assert (radii <= want).all(), "a radius was not rounded down"


def test_the_radius_never_exceeds_exact_rational_arithmetic():
    """r <= margin / norm is r^2 norm^2 <= margin^2 in rationals: no rounding at all on the oracle's side."""
    generator = torch_generator(2, "radius")
    for _ in range(300):
        head = random_head(generator, classes=3, dim=4)
        centre = torch.randn(4, generator=generator, dtype=F64) * 10.0
        c = int(head.predict(centre))
        radius = Fraction(float(linear_radius(head, centre[None], torch.tensor([c]))[0]))
        weight = [[Fraction(float(v)) for v in row] for row in head.weights[0]]
        bias = [Fraction(float(v)) for v in head.biases[0]]
        point = [Fraction(float(v)) for v in centre]
        for j in set(range(3)) - {c}:
            difference = [a - b for a, b in zip(weight[c], weight[j], strict=True)]
            margin = sum(w * x for w, x in zip(difference, point, strict=True)) + bias[c] - bias[j]
            assert margin >= 0
            assert radius**2 * sum(w * w for w in difference) <= margin**2


def test_a_margin_of_exactly_d_times_the_norm_does_not_certify():
    """Integers, so that nothing is rounded: ||w_0 - w_1|| = 5, margin 10, d = 2."""
    head = head_of([[3.0, 4.0], [0.0, 0.0]], [0.0, 0.0])
    centre, classes = torch.tensor([[2.0, 1.0]], dtype=F64), torch.tensor([0])
    for radius, want in [(2.0, False), (2.0 - 1e-7, True)]:
        d = torch.tensor([radius], dtype=F64)
        got = (
            certify_base_ball(head, centre, d, classes),
            certify_linear(head, ball(centre, d), classes),
        )
        assert got == (want, want), "the boundary was certified, or a strictly smaller ball refused"
    twice = torch.cat([centre, centre])[None]
    assert not certify_base_tube(head, twice, torch.tensor([2.0]), classes)
    below = torch.tensor([2.0 - 1e-7], dtype=F64)
    assert certify_base_tube(head, twice, below, classes)


def test_the_comparison_with_the_radius_is_strict():
    generator = torch_generator(3, "radius")
    head = random_head(generator)
    centres = torch.randn(200, 6, generator=generator)
    classes = head.predict(centres)
    radii = linear_radius(head, centres, classes)
    assert not certify_base_ball(head, centres, radii, classes).any(), "d_cs = d_rs was certified"
    below = torch.nextafter(radii, torch.zeros_like(radii))
    assert certify_base_ball(head, centres, below, classes).all()


def test_constant_representations_are_certified_iff_the_class_wins_strictly():
    head = head_of([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0])
    centres = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    got = certify_base_ball(head, centres, torch.zeros(3), torch.zeros(3, dtype=torch.int64))
    assert got.tolist() == [True, False, False], "d = 0: certified, tie, other class"


def test_the_rival_that_is_nearest_decides_not_the_one_with_the_second_logit():
    # Class 1 has the second logit but a far boundary; class 2 is near because its weights differ little.
    head = head_of([[10.0, 0.0], [-10.0, 0.0], [9.9, 0.0]], [0.0, 18.0, -2.0])
    centre = torch.tensor([[1.0, 0.0]])
    logits = head(centre)[0]
    assert logits.argmax() == 0
    radius = linear_radius(head, centre, torch.tensor([0]))
    want = min((logits[0] - logits[1]) / 20.0, (logits[0] - logits[2]) / 0.1)
    assert radius[0] == pytest.approx(float(want))


def test_equal_weight_rows():
    same = head_of([[1.0, 2.0]] * 2, [0.5, 0.0])
    centres = torch.randn(3, 2, generator=torch_generator(4, "radius"))
    ahead, behind = torch.zeros(3, dtype=torch.int64), torch.ones(3, dtype=torch.int64)
    radius = linear_radius(same, centres, ahead)
    assert (radius > 1e13).all(), "in the reals a larger bias always wins"
    assert (same.predict(centres + radius[:, None] / 2**0.5) == 0).all()
    far = torch.full((1, 2), 1e17, dtype=F64)
    assert same(far)[0, 0] == same(far)[0, 1], "in float64 it does not"
    assert (radius < 1e17).all()
    assert (linear_radius(same, centres, behind) == 0).all()
    constant = head_of([[0.0, 0.0]] * 2, [0.5, 0.0])
    assert (linear_radius(constant, centres, ahead) == LARGEST).all(), "the bias decides everywhere"
    tied = head_of([[1.0, 2.0]] * 2, [0.5, 0.5])
    assert (linear_radius(tied, centres, ahead) == 0).all(), "0/0 is a tie, not a certificate"
    unbounded = torch.full((3,), LARGEST, dtype=F64)
    assert not certify_base_ball(constant, centres, unbounded, ahead).any(), (
        "no bound, no certificate"
    )
    assert not certify_linear(constant, ball(centres, unbounded), ahead).any()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_never_certifies(bad):
    head = head_of([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], [0.0, 0.0, -5.0])
    classes = torch.tensor([0])
    centre = torch.tensor([[9.0, 0.0]], dtype=F64)
    for where in (0, 1):
        broken = centre.clone()
        broken[0, where] = bad
        assert linear_radius(head, broken, classes)[0] == 0
        assert not certify_base_ball(head, broken, torch.zeros(1), classes)
        assert not certify_linear(head, ball(broken, torch.zeros(1)), classes)
    assert not certify_base_ball(head, centre, torch.tensor([bad]), classes)
    assert not certify_linear(head, ball(centre, torch.tensor([bad])), classes)
    vertices = torch.stack([centre, centre], 1)
    vertices[0, 1, 0] = bad
    assert not certify_base_tube(head, vertices, torch.zeros(1), classes)


def test_overflow_never_certifies():
    head = head_of([[1e200, 0.0], [0.0, 0.0]], [0.0, 0.0])
    huge, classes = torch.tensor([[1e200, 0.0]], dtype=F64), torch.tensor([0])
    assert linear_radius(head, huge, classes)[0] == 0
    assert not certify_linear(head, ball(huge, torch.zeros(1)), classes)


def test_a_negative_radius_never_certifies():
    head = head_of([[1.0], [0.0]], [0.0, 0.0])
    args = torch.tensor([[1.0]]), torch.tensor([-1.0])
    assert not certify_base_ball(head, *args, torch.tensor([0]))
    assert not certify_linear(head, ball(*args), torch.tensor([0]))


def test_another_class_than_the_winner_is_never_certified():
    generator = torch_generator(5, "radius")
    head = random_head(generator)
    centres = torch.randn(300, 6, generator=generator)
    wrong = (head.predict(centres) + 1) % 4
    assert not certify_base_ball(head, centres, torch.zeros(300), wrong).any()


def test_no_point_of_a_certified_ball_flips():
    """The attack steps exactly towards each boundary, to the surface of the ball."""
    generator = torch_generator(6, "radius")
    for _ in range(50):
        head = random_head(generator)
        centres = torch.randn(100, 6, generator=generator, dtype=F64)
        classes = head.predict(centres)
        radii = 2.0 * torch.rand(100, generator=generator, dtype=F64)
        certified = certify_base_ball(head, centres, radii, classes)
        survives = torch.ones(100, dtype=torch.bool)
        for j in range(4):
            away = head.weights[0][j] - head.weights[0][classes]
            step = radii[:, None] * away / away.norm(dim=1, keepdim=True).clamp_min(1e-30)
            survives &= head.predict(centres + step) == classes
        assert (certified == survives).all(), "closed form and worst case disagree"


@pytest.mark.parametrize("kind", ["polyline", "affine"])
def test_tubes_hold_against_a_dense_attack_and_are_complete(kind):
    generator = torch_generator(7, kind)
    agreed = certified_ones = 0
    for _ in range(30):
        head = random_head(generator, classes=3, dim=5)
        n, k = 40, 2
        centres = torch.randn(n, 5, generator=generator, dtype=F64)
        classes = head.predict(centres)
        delta = 0.2 * torch.rand(n, generator=generator, dtype=F64)
        if kind == "polyline":
            vertices = centres[:, None] + 0.5 * torch.randn(n, 4, 5, generator=generator, dtype=F64)
            region = polyline(vertices, delta)
            weights = torch.linspace(0, 1, 21, dtype=F64)[None, None, :, None]
            line = vertices[:, :-1, None] * (1 - weights) + vertices[:, 1:, None] * weights
            points = line.reshape(n, -1, 5)
        else:
            spread = 0.4 * torch.randn(n, k, 5, generator=generator, dtype=F64)
            region = affine_tube(centres, spread, 1.5, delta)
            angle = torch.linspace(0, 2 * torch.pi, 721, dtype=F64)
            circle = 1.5 * torch.stack([angle.cos(), angle.sin()], 1)
            points = centres[:, None] + circle @ spread
        certified = certify_linear(head, region, classes)
        survives = torch.ones(n, dtype=torch.bool)
        for j in range(3):
            away = head.weights[0][j] - head.weights[0][classes]
            step = delta[:, None] * away / away.norm(dim=1, keepdim=True).clamp_min(1e-30)
            survives &= (head.predict(points + step[:, None]) == classes[:, None]).all(1)
        assert not (certified & ~survives).any(), "a certified tube holds a point of another class"
        agreed += int((certified == survives).sum())
        certified_ones += int(certified.sum())
    assert agreed >= 1195, "the closed form refuses tubes that no attack breaks"
    assert 200 < certified_ones < 1000, "the test lost its balance"


def test_every_vertex_counts():
    head = head_of([[1.0], [0.0]], [0.0, 0.0])
    for position in range(5):
        vertices = torch.full((1, 5, 1), 3.0)
        vertices[0, position] = -1.0
        assert not certify_base_tube(head, vertices, torch.zeros(1), torch.tensor([0]))


def test_the_ball_is_the_tube_with_one_vertex():
    generator = torch_generator(8, "radius")
    head = random_head(generator)
    centres = torch.randn(500, 6, generator=generator)
    radii, classes = torch.rand(500, generator=generator), head.predict(centres)
    as_ball = certify_base_ball(head, centres, radii, classes)
    as_tube = certify_base_tube(head, centres[:, None], radii, classes)
    assert torch.equal(as_ball, as_tube)


def test_the_rounding_slack_is_paid():
    """Margins smaller than the rounding of the logits prove nothing, whatever their computed sign."""
    head = head_of([[1e8, -1e8], [0.0, 0.0]], [0.0, 0.0])
    centre = torch.tensor([[1e8 + 2e-8, 1e8]], dtype=F64)
    assert head(centre)[0, 0] > 0
    assert not certify_base_ball(head, centre, torch.zeros(1), torch.tensor([0]))
    assert linear_margins(head, ball(centre, torch.zeros(1)), torch.tensor([0]))[0] <= 0


def test_misfits_are_refused():
    deep = FrozenHead((torch.ones(2, 2, dtype=F64),) * 2, (torch.ones(2, dtype=F64),) * 2)
    with pytest.raises(SettingsError, match="linear"):
        linear_radius(deep, torch.ones(1, 2), torch.tensor([0]))
    with pytest.raises(DataError, match="radii"):
        ball(torch.ones(3, 2), torch.ones(2))


def test_blocks_do_not_change_anything():
    generator = torch_generator(9, "radius")
    head = random_head(generator)
    centres = torch.randn(5000, 6, generator=generator)
    classes = head.predict(centres)
    whole = linear_radius(head, centres, classes)
    single = torch.cat(
        [linear_radius(head, centres[i : i + 1], classes[i : i + 1]) for i in range(0, 5000, 97)]
    )
    assert torch.allclose(whole[::97], single, rtol=1e-12)
    assert linear_radius(head, centres[:0], classes[:0]).shape == (0,)


def share_of_class(head, points, c, sigma):
    """P(C(x + n) = c) at points [n] of a line, exactly: the class region is an interval."""
    (slope,), bias = head.weights[0].T, head.biases[0]
    low, high = -torch.inf, torch.inf
    for j in set(range(head.classes)) - {c}:
        edge = float((bias[j] - bias[c]) / (slope[c] - slope[j]))
        low, high = (max(low, edge), high) if slope[c] > slope[j] else (low, min(high, edge))
    ndtr = torch.special.ndtr
    return ndtr((high - points) / sigma) - ndtr((low - points) / sigma)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_on_a_line_the_smoothed_head_is_certified_only_where_more_than_half_is_left(classes):
    """The share is least at an end of the ball. With one rival on a side, and one end, nothing is counted twice."""
    generator = torch_generator(10, "smoothed")
    seen = torch.zeros(2, dtype=torch.int64)
    for _ in range(60):
        head, sigma = random_head(generator, classes, 1), 0.3
        centres = torch.randn(50, 1, generator=generator, dtype=F64)
        radii = 0.6 * torch.rand(50, generator=generator, dtype=F64)
        radii[::2] = 0.0
        own = head.predict(centres)
        got = certify_smoothed_linear(head, centres, radii, own, sigma)
        for centre, radius, c, certified in zip(centres[:, 0], radii, own, got, strict=True):
            ends = torch.stack([centre - radius, centre + radius])
            share = float(share_of_class(head, ends, int(c), sigma).min())
            assert share > 0.5 or not certified, f"{share} of the noise is left"
            right = int((head.weights[0][:, 0] > head.weights[0][c, 0]).sum())
            apart = classes == 2 or (radius == 0.0 and right == 1 and classes == 3)
            if apart and share > 0.5 + 1e-9:
                assert certified, f"{share} of the noise is left"
        seen += torch.bincount(got.long(), minlength=2)
    assert seen.min() > 100, f"the test lost its balance: {seen}"


def test_with_two_classes_the_smoothed_head_is_certified_where_its_closed_form_is():
    generator = torch_generator(11, "smoothed")
    head = random_head(generator, classes=2)
    centres = torch.randn(2000, 6, generator=generator, dtype=F64)
    own = head.predict(centres)
    exact = linear_radius(head, centres, own)
    for factor, want in ((1.0 - 1e-9, True), (1.0 + 1e-9, False)):
        for sigma in (0.01, 1.0, 100.0):
            found = certify_smoothed_linear(head, centres, factor * exact, own, sigma)
            # The probability by which noise of this deviation tells the two apart must exceed the slack.
            clear = exact > 0.02 * sigma
            assert (found == want)[clear].all(), (factor, sigma)
            assert want or not found.any()


def test_no_attack_leaves_less_than_half_where_the_smoothed_head_is_certified():
    """Noise at the worst points of the surface: straight towards each other class, and towards two at once."""
    generator = torch_generator(12, "smoothed")
    least = 1.0
    for _ in range(20):
        head, sigma = random_head(generator, classes=4, dim=3), 0.5
        centres = torch.randn(40, 3, generator=generator, dtype=F64)
        own = head.predict(centres)
        radii = 0.5 * torch.rand(40, generator=generator, dtype=F64)
        got = certify_smoothed_linear(head, centres, radii, own, sigma)
        noise = sigma * torch.randn(4000, 3, generator=generator, dtype=F64)
        for centre, radius, c in zip(centres[got], radii[got], own[got], strict=True):
            away = head.weights[0] - head.weights[0][c]
            away = torch.cat([away, away.sum(0, keepdim=True)])
            steps = away / away.norm(dim=1, keepdim=True).clamp_min(1e-30)
            drawn = head.predict((centre + radius * steps)[:, None] + noise)
            least = min(least, float((drawn == c).double().mean(1).min()))
    # Five deviations of a share of 4,000, over a few thousand shares.
    assert 0.46 < least < 0.56, (
        f"{least} is left; certified needs half, and half should be approached"
    )


def test_what_float64_loses_of_noisy_logits_is_charged_to_the_smoothed_head():
    """Without the common part the margin is a hundred deviations; with it float64 sees ties in most of the draws."""
    big = 2.0**62
    head = head_of([[big, 1.0], [big, -1.0]], [1.0, -1.0])
    origin, zero = torch.zeros(1, 2, dtype=F64), torch.zeros(1, dtype=F64)
    noise = 0.01 * torch.randn(4000, 2, generator=torch_generator(13, "smoothed"), dtype=F64)
    logits = head(noise)
    assert (logits[:, 0] <= logits[:, 1]).double().mean() > 0.5
    own = torch.zeros(1, dtype=torch.int64)
    assert linear_radius(head, origin, own) > 0
    assert not certify_smoothed_linear(head, origin, zero, own, 0.01)
    small = head_of([[0.0, 1.0], [0.0, -1.0]], [1.0, -1.0])
    assert certify_smoothed_linear(small, origin, zero, own, 0.01)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0, LARGEST])
def test_the_smoothed_head_is_never_certified_on_what_is_no_ball(bad):
    head = head_of([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], [0.0, 0.0, -5.0])
    centre, own = torch.tensor([[9.0, 0.0]], dtype=F64), torch.tensor([0])
    zero = torch.zeros(1, dtype=F64)
    assert certify_smoothed_linear(head, centre, zero, own, 1.0)
    assert not certify_smoothed_linear(head, centre, zero + bad, own, 1.0)
    if not math.isfinite(bad):
        assert not certify_smoothed_linear(head, centre * bad, zero, own, 1.0)
