"""Decisions about the base head C: which deterministic method fits which head and which set.

Ball and tube of one individual both contain the representations of all similar individuals, so either suffices.
"""

from __future__ import annotations

from torch import Tensor

from consumer.radius.linear import certify_linear, linear_radius
from consumer.radius.mlp import certify_mlp
from consumer.radius.region import ball, polyline
from consumer.radius.tube import certify_tube
from shared_spec.frozen_head import FrozenHead

__all__ = ["certify_base_ball", "certify_base_tube"]


def certify_base_ball(head: FrozenHead, centres: Tensor, radii: Tensor, classes: Tensor) -> Tensor:
    """Whether C takes the value `classes` [n] on balls around centres [n, d] with radii [n] (d_cs); [n] bool.

    Guarantee: where True, C(r) = classes for every r of the closed ball, in real arithmetic on these float64 numbers
    and in float64, in any order of summation. Deterministic. Linear heads: d_cs < `linear_radius`, strictly. MLP heads:
    `certify_mlp`.
    """
    region = ball(centres, radii)
    if head.is_linear:
        return region.usable & (linear_radius(head, centres, classes) > region.delta)
    return certify_mlp(head, region, classes)


def certify_base_tube(head: FrozenHead, vertices: Tensor, delta: Tensor, classes: Tensor) -> Tensor:
    """Whether C takes the value `classes` [n] on tubes around polylines [n, m, d] with radii delta [n].

    Guarantee: where True, C(r) = classes for every r of the tube, in real arithmetic on these float64 numbers and in
    float64, in any order of summation. Deterministic. Linear heads: closed form. MLP heads: CROWN on ever shorter
    pieces.
    """
    if head.is_linear:
        return certify_linear(head, polyline(vertices, delta), classes)
    return certify_tube(head, vertices, delta, classes)
