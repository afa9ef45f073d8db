"""What a reader checks of bounds holds for every honest bound, and distances are those of brute force."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch

from producer.views.exact.view import certify_exact
from shared_spec.artifacts.bundle import UNBOUNDED
from shared_spec.relu_network import ReluNetwork
from shared_spec.rng import torch_generator
from shared_spec.smoothing.plan import make_plan
from shared_spec.smoothing.settings import SmoothingSettings
from shared_spec.terms import BoundStatus, Statement
from shared_spec.view_checks import _from_ellipsoid, _from_polyline, exact_shard
from shared_spec.view_plans import smoothing_entry

F64 = torch.float64


def generator(*key):
    return torch_generator(0, "test.view-checks", " ".join(map(str, key)))


def wrong(entry, tensors):
    return [complaint for complaint, rows in exact_shard(entry, tensors) if bool(rows.any())]


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1.0, 1e6])
@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("enclosing", [True, False])
def test_honest_bounds_pass_at_every_scale(k, scale, enclosing):
    draw = generator(k, scale)
    widths = (6, 8, 8, 4)
    weights = [torch.randn(b, a, generator=draw, dtype=F64) for a, b in pairwise(widths)]
    biases = [torch.randn(len(weight), generator=draw, dtype=F64) for weight in weights]
    weights[-1] *= scale
    network = ReluNetwork(tuple(weights), tuple(biases))
    latents, vectors = (torch.randn(n, 6, generator=draw, dtype=torch.float32) for n in (6, k))
    found = certify_exact(
        network, latents, vectors, 0.5, max_cells=400, tube_vertices=4, enclosing=enclosing
    )
    further = getattr(found, "further", None) or {
        "lower_bound": found.lower_bound,
        "effort": found.effort,
        "tube" if k == 1 else "affine": found.tubes.points,
        "delta": found.tubes.delta,
    }
    if k == 1:
        further["place"] = found.tubes.place
    tensors = {
        "representation": network(latents).float(),
        "centre": found.centre,
        "radius": found.radius,
        "status": found.status,
        **further,
    }
    assert wrong(None, tensors) == []
    places = torch.linspace(-1, 1, 4, dtype=F64).repeat(6, 1)
    for other, complaint in (
        (places.flip(1), "places of vertices are not in order" if k == 1 else "do not fit"),
        (places[:, :3], "its tube and the places of its vertices do not fit"),
    ):
        assert complaint in " ".join(wrong(None, {**tensors, "place": other}))
    tensors["radius"] = tensors["radius"].clone()
    tensors["radius"][2] = tensors["lower_bound"][2] * 0.999
    assert "radius is below lower_bound" in wrong(None, tensors)


def test_a_bound_of_nothing_passes():
    """The largest float overflows nothing."""
    tensors = {
        "representation": torch.ones(1, 2),
        "centre": torch.zeros(1, 2),
        "radius": torch.tensor([UNBOUNDED], dtype=F64),
        "status": torch.tensor([BoundStatus.UNDECIDED], dtype=torch.uint8),
        "lower_bound": torch.zeros(1, dtype=F64),
        "effort": torch.zeros(1, dtype=torch.int64),
        "tube": torch.zeros(1, 3, 2),
        "delta": torch.tensor([UNBOUNDED], dtype=F64),
    }
    assert wrong(None, tensors) == []


@pytest.mark.parametrize("vertices", [1, 2, 5])
def test_distances_from_chains_are_those_of_brute_force(vertices):
    draw = generator("chain", vertices)
    points = torch.randn(20, 3, generator=draw, dtype=F64)
    chain = torch.randn(20, vertices, 3, generator=draw, dtype=F64)
    chain[:, -1] = chain[:, 0]  # also a chain that stands still
    share = torch.linspace(0, 1, 2001, dtype=F64)[:, None]
    near = [torch.linalg.vector_norm(points - chain[:, 0], dim=1)]
    for index in range(vertices - 1):
        on = chain[:, index, None] + share * (chain[:, index + 1] - chain[:, index])[:, None]
        near.append(torch.linalg.vector_norm(points[:, None] - on, dim=2).amin(1))
    assert torch.allclose(_from_polyline(points, chain), torch.stack(near).amin(0), atol=1e-3)


@pytest.mark.parametrize("rank", [1, 2])
def test_distances_from_ellipsoids_are_those_of_brute_force(rank):
    draw = generator("ellipsoid", rank)
    rows = torch.randn(20, 3, 4, generator=draw, dtype=F64)
    if rank == 1:
        rows[:, 2] = 2.0 * rows[:, 1]
    points = rows[:, 0] + 2.0 * torch.randn(20, 4, generator=draw, dtype=F64)
    points[0] = rows[0, 0]  # its centre
    points[1] = rows[1, 0] + 0.3 * rows[1, 1]  # inside
    angle = torch.linspace(0, 2 * torch.pi, 721, dtype=F64)
    radius = torch.linspace(0, 1, 101, dtype=F64)
    s = torch.stack([angle.cos(), angle.sin()], 1)[:, None] * radius[:, None]
    inside = rows[:, :1] + s.reshape(1, -1, 2) @ rows[:, 1:]
    near = torch.linalg.vector_norm(points[:, None] - inside, dim=2).amin(1)
    found = _from_ellipsoid(points, rows)
    assert torch.allclose(found, near, atol=2e-2)
    assert bool((found <= near + 1e-9).all()), "not the nearest point"
    assert float(found[:2].max()) < 1e-6


@pytest.mark.parametrize("statement", ["D", "I", "paper"])
@pytest.mark.parametrize("epsilon", [0.5, 1.0, 10.0])
@pytest.mark.parametrize(
    "change", [{}, {"n0": 4000, "n1": 6000}, {"alpha": 0.05}, {"candidates": 40}]
)
def test_a_plan_follows_from_what_is_stored_of_it(statement, epsilon, change):
    plan = make_plan(SmoothingSettings(statement=statement, **change), epsilon)
    entry = SimpleNamespace(
        statement=Statement(statement), alpha=dict(plan.events), settings=plan.numbers()
    )
    assert smoothing_entry(entry, epsilon) is None
    chosen = ("n0", "n1", "n", "candidates")  # with one more of these, it is another plan or none
    for name, value in plan.numbers().items():
        other = SimpleNamespace(**vars(entry))
        other.settings = {**entry.settings, name: value + 1}
        assert name in chosen or "should be" in smoothing_entry(other, epsilon), name
    assert "should be" in smoothing_entry(entry, epsilon * 1.1)
