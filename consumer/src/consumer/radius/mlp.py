"""MLP heads on balls and affine tubes: lines where they suffice, the quadratic certificate where they do not.

A search for a flip comes before the dearer proof: what it finds within the region no proof could deny; elsewhere it
says around which radius, and from which point, a proof is worth looking for. For linear heads lines lose nothing.
Certifies the base head C, deterministically (docs/guarantees.md, D.5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from consumer.radius.crown import Layer, certify_crown, crown_radius, relax
from consumer.radius.forms import Image, image_of, margin_forms
from consumer.radius.multipliers import ascend
from consumer.radius.nearest import nearest_flip
from consumer.radius.quadratic import proved_share
from consumer.radius.region import Region, ball
from shared_spec.frozen_head import FrozenHead
from shared_spec.rounding import INFLATION

__all__ = ["certify_mlp", "mlp_radius"]

# Newton steps, the second where more than so many neurons are open; and the share of a region that is enough.
_STEPS, _STEPS_MANY, _MANY, _ENOUGH = 10, 5, 64, 1.0 + 1e-6
# Balls in which the radius is looked for, in units of the distance to the nearest flip. No proof about the first
# reaches its end, so it is left out where a step takes long: beyond so many open neurons.
_REACHES, _OPEN_IN_FIRST = (1.0, 0.78, 0.6), 128
# A proof about more neurons of open sign, or behind a wider first layer, would take seconds: lines alone decide there.
_OPEN, _WIDTH = 256, 1024
# The share of a radius by lines that may be left out.
_BY_LINES = 2.0**-10
# Numbers of the images that are held at once, and of the Newton matrices of pairs that are looked at together: few
# enough to stay in the caches.
_HELD, _TOGETHER = 2**21, 150_000


def certify_mlp(head: FrozenHead, region: Region, classes: Tensor) -> Tensor:
    """Whether C takes the value `classes` [n] on all of each individual's region; [n] bool.

    Guarantee: where True, C(r) = classes for every r of the region, in real arithmetic on these float64 numbers and in
    float64, in any order of summation. Deterministic. False proves nothing.

    Args:
        head: the base head C, of any depth.
        region: balls or affine tubes.
        classes: [n] int64, the class that is predicted for each individual.
    """
    certified = certify_crown(head, region, classes)
    for rows in _blocks(head, torch.nonzero(region.usable & ~certified).flatten()):
        certified[rows] = _certify(head, region.rows(rows), classes[rows])
    return certified


def mlp_radius(head: FrozenHead, centres: Tensor, classes: Tensor) -> Tensor:
    """A radius to report: within it C is proved to take the value `classes`.

    Guarantee: C takes the value `classes` on the closed ball of this radius, and so of any smaller one, in real
    arithmetic on these float64 numbers and in float64, in any order of summation. Deterministic. 0 where nothing was
    proved.

    Args:
        head: the base head C, of any depth.
        centres: [n, d], any float dtype.
        classes: [n] int64, the class that is predicted for each individual.

    Returns:
        [n] float64, representation units; at most 2^63, which stands for infinity.
    """
    radius = torch.zeros(classes.numel(), dtype=torch.float64)
    for rows in _blocks(head, torch.arange(len(radius))):
        radius[rows] = _radius(head, centres[rows], classes[rows])
    further = certify_crown(head, ball(centres, 1.02 * radius), classes)
    by_lines = crown_radius(head, centres[further], classes[further], tolerance=_BY_LINES)
    radius[further] = torch.maximum(radius[further], by_lines)
    return radius


@dataclass(frozen=True)
class _Relaxed:
    """Regions with the rivals that lines do not exclude, one pair of owner [p] and rival [p] for each of them."""

    image: Image
    layers: Sequence[Layer]
    error: Tensor
    classes: Tensor
    owner: Tensor
    rival: Tensor

    @classmethod
    def of(cls, head: FrozenHead, region: Region, classes: Tensor) -> _Relaxed:
        lines = relax(head, region, classes)
        owner, rival = torch.nonzero(~(lines.margins > 0.0)).unbind(1)
        return cls(image_of(head, region), lines.layers, lines.error, classes, owner, rival)

    def least_share(
        self, head: FrozenHead, pairs: Tensor, point: Tensor, most: int | None = None
    ) -> Tensor:
        """What `proved_share` says of each region: the least of its `pairs` [q]; +inf where it has none; [n].

        Args:
            head: the head.
            pairs: indices into `owner` and `rival`.
            point: on the ellipsoids, where each pair's margin is presumably least, [q, h].
            most: open neurons beyond which no proof is tried, if fewer than always.
        """
        most = _OPEN if most is None else min(most, _OPEN)
        share = point.new_full((len(pairs),), -torch.inf)
        for chosen, steps in self._together(pairs, most):
            who, rival = self.owner[pairs[chosen]], self.rival[pairs[chosen]]
            layers = [layer.rows(who) for layer in self.layers]
            forms = margin_forms(
                head, self.image.rows(who), layers, self.classes[who], rival, self.error[who, rival]
            )
            found, rho = ascend(
                forms, point[chosen], depth=head.depth - 1, steps=steps, enough=_ENOUGH
            )
            # What the last steps gained is not worth more than rounding.
            share[chosen] = proved_share(head, forms, found, rho - 1e-9 * rho.abs())
        whole = torch.full((len(self.classes),), torch.inf, dtype=torch.float64)
        return whole.scatter_reduce(0, self.owner[pairs], share, "amin")

    def _together(self, pairs: Tensor, most: int) -> Iterator[tuple[Tensor, int]]:
        """Positions in `pairs` of those with at most `most` open neurons, similarly many together, and their steps."""
        count = torch.cat([layer.open for layer in self.layers], 1).sum(1)[self.owner[pairs]]
        order = count.argsort(descending=True, stable=True)
        order = order[int((count > most).sum()) :]
        # What is proved of somebody must not depend on who else is there, so no group has both numbers of steps.
        many = int((count[order] > _MANY).sum())
        for side, steps in ((order[:many], _STEPS_MANY), (order[many:], _STEPS)):
            left = side
            while left.numel() > 0:
                size = max(1, _TOGETHER // (2 * int(count[left[0]]) + 1) ** 2)
                yield left[:size], steps
                left = left[size:]


def _certify(head: FrozenHead, region: Region, classes: Tensor) -> Tensor:
    relaxed = _Relaxed.of(head, region, classes)
    owner = relaxed.owner
    point, length = nearest_flip(head, relaxed.image.rows(owner), classes[owner], relaxed.rival)
    refuted = torch.zeros(len(region), dtype=torch.bool)
    refuted[owner[length <= 1.0]] = True
    pairs = torch.nonzero(~refuted[owner]).flatten()
    return ~refuted & (relaxed.least_share(head, pairs, point[pairs]) > 1.0)


def _radius(head: FrozenHead, centres: Tensor, classes: Tensor) -> Tensor:
    """The radius [n] that the quadratic certificate proves by balls that end at, or before, the flip that is found."""
    n, k = len(classes), head.classes
    others = torch.ones(n, k, dtype=torch.bool).scatter(1, classes[:, None], False)
    owner, rival = torch.nonzero(others).unbind(1)
    unit = image_of(head, ball(centres, torch.ones(n)))
    directions, lengths = nearest_flip(head, unit.rows(owner), classes[owner], rival)
    directions = directions.view(n, k - 1, -1)
    nearest = lengths.view(n, k - 1).amin(1)
    radius = torch.zeros(n, dtype=torch.float64)
    for share_of in _REACHES:
        reach = _coarse(share_of * nearest)
        # Where less was proved yet: in a smaller ball fewer neurons are open.
        rows = torch.nonzero(torch.isfinite(reach) & (radius < reach)).flatten()
        if rows.numel() == 0:
            break
        own, extent = classes[rows], reach[rows]
        relaxed = _Relaxed.of(head, ball(centres[rows], extent), own)
        who, rival = relaxed.owner, relaxed.rival
        column = rival - (rival > own[who]).to(torch.int64)
        point = directions[rows[who], column] * extent[who, None]
        most = _OPEN_IN_FIRST if share_of == _REACHES[0] else None
        share = relaxed.least_share(head, torch.arange(len(who)), point, most)
        # The certificate speaks of lengths below the root of the share, and its root is rounded.
        proved = _coarse(extent * share.clamp(0.0, 1.0).sqrt() / INFLATION)
        radius[rows] = torch.maximum(radius[rows], proved.nan_to_num(0.0))
    return radius


def _coarse(length: Tensor) -> Tensor:
    """Rounded down to ten bits: another machine, whose last bits differ, finds the same numbers."""
    mantissa, exponent = torch.frexp(length)
    return torch.ldexp((mantissa * 1024.0).floor() / 1024.0, exponent)


def _blocks(head: FrozenHead, rows: Tensor) -> Sequence[Tensor]:
    """The rows in blocks whose images fit into memory; none if the head is linear or its first layer too wide."""
    width = head.weights[0].shape[0]
    if head.is_linear or width > _WIDTH or rows.numel() == 0:
        return ()
    return torch.split(rows, max(1, _HELD // (width * width * max(head.classes - 1, 1))))
