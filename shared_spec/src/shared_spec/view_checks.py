"""What a bundle's shards show by themselves: bounds that contradict each other.

None of this shows that a radius holds, which takes the encoder and the data. Every check errs on the accepting side by
the rounding of what is stored, never by more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from shared_spec.errors import ArtifactError
from shared_spec.terms import BoundStatus
from shared_spec.views import contract_of, is_of_view

if TYPE_CHECKING:
    from shared_spec.artifacts.bundle_documents import Manifest, ViewEntry

__all__ = ["check_bounds", "exact_shard", "smoothing_shard"]

_LARGEST = float(np.finfo(np.float64).max)

_ROUNDING = 2.0**-23
"""A float32 vector is off by at most 2^-24 of its length; as much again for whoever computed it in float64."""

_STATUS_CODES = torch.tensor(list(BoundStatus), dtype=torch.uint8)


def check_bounds(where: str, manifest: Manifest, split: str, tensors: Mapping[str, Tensor]) -> None:
    """Checks the numbers of a shard whose form is right.

    Args:
        where: what to call it.
        manifest: of the bundle.
        split: whose shard it is.
        tensors: what it holds.

    Raises:
        ArtifactError: it contradicts itself.
    """
    for view in manifest.bounding(split):
        mine = {
            name.removeprefix(f"{view}."): tensor
            for name, tensor in tensors.items()
            if is_of_view(name, view)
        }
        common = [
            ("status is no code", ~torch.isin(mine["status"], _STATUS_CODES)),
            ("radius is negative", ~(mine["radius"] >= 0)),
        ]
        further = contract_of(view).check_shard(manifest.views[view], mine)
        for complaint, wrong in (*common, *further):
            if bool(wrong.any()):
                row = int(wrong.nonzero()[0])
                raise ArtifactError(
                    f"{where}: {view} view contradicts itself in row {row}: {complaint}; trust none of it"
                )


def exact_shard(entry: ViewEntry, tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Radii above what is attained, R(z) in the ball and in the tube, the tube near the ball."""
    points, centre = tensors["representation"].double(), tensors["centre"].double()
    radius, lower = tensors["radius"], tensors["lower_bound"]
    room = _room(points) + _room(centre)
    yield "lower_bound or effort is negative", (lower < 0) | (tensors["effort"] < 0)
    yield "radius is below lower_bound", ~(radius >= lower)
    yield "R(z) lies outside the ball", ~(_norm(points - centre) <= _grown(radius) + room)
    shape = tensors.get("tube", tensors.get("affine"))
    if (shape is None) != ("delta" not in tensors) or {"tube", "affine"} <= tensors.keys():
        yield "its tubes are incomplete", torch.ones_like(radius, dtype=torch.bool)
        return
    place, tube = tensors.get("place"), tensors.get("tube")
    if place is not None and (tube is None or place.shape != tube.shape[:2]):
        yield (
            "its tube and the places of its vertices do not fit",
            torch.ones_like(radius, dtype=torch.bool),
        )
        return
    if shape is None:
        return
    if place is not None:
        yield "places of vertices are not in order", (place.diff(dim=1) < 0).any(1)
    delta, rows = tensors["delta"], shape.double()
    yield "delta is negative", ~(delta >= 0)
    if "tube" in tensors:
        away, corners = _from_polyline(points, rows), rows
    else:
        away = _from_ellipsoid(points, rows)
        corners = torch.cat([rows[:, :1] + rows[:, 1:], rows[:, :1] - rows[:, 1:]], dim=1)
    yield "R(z) lies outside the tube", ~(away <= _grown(delta) + room)
    # All of a tube's vertices stand for representations of similar individuals, which the ball holds.
    farthest = _norm(corners - centre[:, None]).amax(1)
    room = room + _room(rows).amax(1)
    yield "the tube leaves the ball", ~(farthest <= _grown(radius) + _grown(delta) + room)


def smoothing_shard(
    entry: ViewEntry, tensors: Mapping[str, Tensor]
) -> Iterator[tuple[str, Tensor]]:
    """Radii at least the factor times the quantile, checks that were passed, no radius without a bound."""
    radius, quantile, count = tensors["radius"], tensors["quantile"], tensors["ball_count"]
    factor, needed = float(entry.settings["factor"]), int(entry.settings["check_count"])
    bounded = tensors["status"] == BoundStatus.BOUNDED
    yield "quantile or ball_radius is negative", (quantile < 0) | (tensors["ball_radius"] < 0)
    yield "ball_count is out of range", (count < 0) | (count > int(entry.settings["n1"]))
    yield "it is bounded, but its ball failed the check", bounded & ~(count >= needed)
    yield (
        "it is bounded by nothing",
        bounded & ~((radius < _LARGEST) & (tensors["ball_radius"] < _LARGEST)),
    )
    yield f"radius is below {factor:g} x quantile", bounded & ~(radius >= factor * quantile)
    yield "it has a radius, but no bound", ~bounded & (radius != _LARGEST)


def _norm(values: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(values, dim=-1)
    return norm


def _room(values: Tensor) -> Tensor:
    return _ROUNDING * _norm(values) + 1e-30


def _grown(bound: Tensor) -> Tensor:
    return bound * (1.0 + 1e-9)


def _from_polyline(points: Tensor, vertices: Tensor) -> Tensor:
    """Distances [n] of points [n, d] from the chains through vertices [n, m, d]."""
    start, step = vertices[:, :-1], vertices.diff(dim=1)
    away = points[:, None] - start
    along = (away * step).sum(-1) / step.square().sum(-1).clamp_min(1e-300)
    inside = _norm(away - along.clamp(0.0, 1.0)[..., None] * step)
    ends = _norm(points[:, None] - vertices)
    nearest: Tensor = torch.cat([inside, ends], dim=1).amin(1)
    return nearest


def _from_ellipsoid(points: Tensor, rows: Tensor) -> Tensor:
    """Distances [n] of points [n, d] from {c + sum s_i E_i : ||s||_2 <= 1}, rows [n, 1 + k, d] being c, E_1, ...

    Rounded up: the nearest s solves (E E^T + mu) s = E (p - c) for the smallest mu >= 0 with ||s|| <= 1.
    """
    generators, away = rows[:, 1:], points - rows[:, 0]
    values, basis = torch.linalg.eigh(generators @ generators.mT)
    target = (basis.mT @ generators @ away[..., None])[..., 0]

    def coefficients(mu: Tensor) -> Tensor:
        solved: Tensor = target / (values.clamp_min(0.0) + mu[:, None]).clamp_min(1e-300)
        return solved

    low, high = torch.zeros(len(rows), dtype=torch.float64), _norm(target)
    for _ in range(100):
        middle = 0.5 * (low + high)
        fits = _norm(coefficients(middle)) <= 1.0
        low, high = torch.where(fits, low, middle), torch.where(fits, middle, high)
    s = (basis @ coefficients(high)[..., None])[..., 0]
    s = s / _norm(s).clamp_min(1.0)[:, None]
    return _norm(away - (s[:, None] @ generators)[:, 0])
