"""The quadratic certificate of one margin: at most the exact minimum, whatever its multipliers are."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest
import rational_heads as oracle
import torch
from random_heads import individuals, random_mlp

from consumer.radius.crown import relax
from consumer.radius.forms import image_of, margin_forms
from consumer.radius.mlp import mlp_radius
from consumer.radius.multipliers import ascend
from consumer.radius.nearest import nearest_flip
from consumer.radius.quadratic import Multipliers, lagrangian, proved_share
from consumer.radius.region import ball
from shared_spec.frozen_head import FrozenHead
from shared_spec.rng import torch_generator

F64 = torch.float64


def problem(head, region, classes):
    """Intervals, forms, and the direction of the nearest flip, of individuals of two classes."""
    layers = relax(head, region, classes).layers
    image = image_of(head, region)
    point, _ = nearest_flip(head, image, classes, 1 - classes)
    exact = torch.zeros(len(classes), dtype=F64)
    return layers, margin_forms(head, image, layers, classes, 1 - classes, exact), point


def exact_lagrangian(head, layers, centre, radius, found, e, f):
    """||e||^2 / radius^2 + s margin + ..., at displacement e and activations f of the open neurons, in rationals."""
    values = oracle.rational(centre)
    values = [a + b for a, b in zip(values, e, strict=True)]
    total = sum(x * x for x in e) / Fraction(radius) ** 2
    m = found.product.shape[1]
    kappa, mu = oracle.rational(found.product[0]), oracle.rational(found.sign[0])
    nu, left = oracle.rational(found.excess[0]), list(range(m))
    for weight, bias, layer in zip(head.weights[:-1], head.biases[:-1], layers, strict=True):
        inputs = oracle._affine(weight, bias, values)
        values = []
        for i, p in enumerate(inputs):
            if not bool(layer.open[0, i]):
                values.append(p if bool(layer.on[0, i]) else Fraction(0))
                continue
            j = left.pop(0)
            total += kappa[j] * f[j] * (f[j] - p) - mu[j] * f[j] - nu[j] * (f[j] - p)
            values.append(f[j])
    logits = oracle._affine(head.weights[-1], head.biases[-1], values)
    return total + nu[m] * (logits[0] - logits[1])


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e3])
@pytest.mark.parametrize("widths", [(2, 3, 2), (3, 4, 4, 2), (2, 3, 3, 3, 2)])
def test_what_is_proved_is_at_most_the_exact_minimum(widths, scale):
    """Around the exact minimiser, with good multipliers and with any, where rounding decides."""
    generator = torch_generator(4, f"exact-{widths}-{scale}")
    close, refuted = 0, 0
    for trial in range(40):
        head = random_mlp(generator, *widths, scale=scale)
        # Far from the origin, so that what the first layer computes is rounded by much.
        centre = 1e5 * torch.randn(1, widths[0], generator=generator, dtype=F64)
        first = head.biases[0] - (centre @ head.weights[0].T)[0]
        head = FrozenHead(head.weights, (first, *head.biases[1:]))
        zero = torch.tensor([0])
        radius = 10.0 ** float(torch.empty(1).uniform_(-2, 1, generator=generator))
        region = ball(centre, torch.tensor([radius], dtype=F64))
        layers, forms, point = problem(head, region, zero)
        found, _ = ascend(forms, point, depth=head.depth - 1, steps=trial % 12, enough=1e9)
        if trial % 3 == 2:
            found = Multipliers(*(x * torch.rand(x.shape, generator=generator, dtype=F64)
                                  for x in vars(found).values()))  # fmt: skip
        matrix = lagrangian(forms.value, found, forms.open, -1.0)
        if bool(torch.linalg.cholesky_ex(matrix[:, 1:, 1:]).info[0]):
            continue
        f = -torch.linalg.solve(matrix[0, 1:, 1:], matrix[0, 1:, 0])
        rho = matrix[:, 0, 0] + (matrix[0, 0, 1:] * f).sum()
        if not math.isfinite(rho[0]):
            continue
        share = float(proved_share(head, forms, found, rho)[0])
        # The inner minimiser: root^T (linear part), carried back to the representation.
        step = displacement(head, layers, forms, found, f, radius)
        inside = torch.minimum(f.clamp_min(0.0), forms.top[0])
        least = exact_lagrangian(head, layers, centre[0], radius, found, step, oracle.rational(f))
        feasible = exact_lagrangian(
            head, layers, centre[0], radius, found, step, oracle.rational(inside)
        )
        assert not math.isfinite(share) or Fraction(share) <= feasible, "more is proved than holds"
        close += abs(float(least - Fraction(float(rho[0])))) < 1e-3 * (1 + abs(float(rho[0])))
        refuted += Fraction(float(rho[0])) > least
    assert close > 5, "the minimisers are not those of the function: the test is void"
    assert refuted > 0, "rounding never decides: the test is void"


def displacement(head, layers, forms, found, f, radius):
    """The e that minimises at f, nearly: -radius^2 W_1^T (the coefficients of w) / 2."""
    pull = 0.5 * (found.excess[0] - torch.nn.functional.pad(found.product[0] * f, (0, 1)))
    return oracle.rational(-(radius**2) * (pull @ forms.outward[0]) @ head.weights[0])


def test_multipliers_that_are_none_prove_nothing():
    generator = torch_generator(5, "mlp")
    head = random_mlp(generator, 4, 6, 5, 2)
    centres, classes = individuals(generator, head, 1)
    radius = mlp_radius(head, centres, classes)
    _, forms, point = problem(head, ball(centres, radius), classes)
    found, rho = ascend(forms, point, depth=2, steps=12, enough=1.1)
    good = proved_share(head, forms, found, rho - 1e-9)
    assert good > 0.9
    for name, value in vars(found).items():
        for bad in (-1e-9, torch.nan, torch.inf, 1e30):
            changed = value.clone()
            changed[0, 0] = bad
            assert proved_share(head, forms, replace(found, **{name: changed}), rho) == -torch.inf
    for bad in (torch.nan, torch.inf, 1e300):
        assert proved_share(head, forms, found, torch.full_like(rho, bad)) <= good
    # More than the function's minimum is never proved, whatever is asked for.
    assert proved_share(head, forms, found, rho + 1.0) <= rho


def test_activations_of_open_neurons_are_bounded_by_their_intervals():
    """What the factor leaves over is charged times these bounds."""
    generator = torch_generator(10, "mlp")
    head = random_mlp(generator, 6, 8, 7, 2)
    centres, classes = individuals(generator, head, 12)
    layers, forms, _ = problem(head, ball(centres, torch.ones(12)), classes)
    for i in range(12):
        highs = torch.cat([layer.high[i, layer.open[i]] for layer in layers])
        assert torch.equal(forms.top[i, forms.open[i]], highs)
        assert forms.open[i].sum() == len(highs)
        assert (forms.top[i, ~forms.open[i]] == 0).all()
