"""3D Shapes as drawn here: rays meet the bodies where they are, and the reader takes the file for the official one."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from shared_spec.data import open_source
from shared_spec.data.shapes3d_file import FACTORS
from shared_spec.data.source import SPLITS

HERE = Path(__file__).parents[2] / "examples/shapes3d"


@pytest.fixture(scope="module")
def drawing():
    sys.path.insert(0, str(HERE))
    try:
        yield importlib.import_module("draw"), importlib.import_module("scene")
    finally:
        sys.path.remove(str(HERE))


def inside(shape: str, radius: float, half: float, point: np.ndarray) -> np.ndarray:
    x, y, z = point[..., 0], point[..., 1], point[..., 2]
    if shape == "cube":
        return (abs(x) < radius) & (abs(z) < radius) & (y > 0) & (y < 2 * half)
    if shape == "cylinder":
        return (np.hypot(x, z) < radius) & (y > 0) & (y < 2 * half)
    centre = np.clip(y, radius, 2 * half - radius)
    return x**2 + z**2 + (y - centre) ** 2 < radius**2


@pytest.mark.parametrize("shape", ["cube", "cylinder", "sphere", "capsule"])
def test_rays_meet_a_body_where_small_steps_along_them_enter_it(drawing, shape):
    _, scene = drawing
    body = scene.Body.of(shape, 1.1)
    draw = np.random.default_rng(0)
    start = draw.normal(size=(400, 3))
    start *= 3 / np.linalg.norm(start, axis=1, keepdims=True)
    ray = draw.uniform(-0.5, 0.5, (400, 3)) + np.array([0, body.half, 0]) - start
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    distance, normal = body.cast(start, ray)
    step = np.arange(0, 6, 1e-3)
    entered = inside(shape, body.radius, body.half, start[:, None] + step[None, :, None] * ray[:, None])  # fmt: skip
    hit = np.isfinite(distance)
    assert 100 < hit.sum() < 400
    # A ray that only grazes the body may stay inside for less than a step.
    assert (entered.any(axis=1) == hit).mean() > 0.99
    both = hit & entered.any(axis=1)
    assert np.abs(step[entered.argmax(axis=1)] - distance)[both].max() < 2e-3
    assert np.allclose(np.linalg.norm(normal[both], axis=1), 1)
    assert ((normal * ray).sum(axis=1)[both] <= 1e-9).all(), "a normal looks away from the eye"
    point = start[both] + distance[both, None] * ray[both]
    outward = inside(shape, body.radius, body.half, point + 1e-6 * normal[both])
    inward = inside(shape, body.radius, body.half, point - 1e-6 * normal[both])
    assert not outward.any()
    assert inward.all(), "a normal does not stand on the surface"


def test_larger_bodies_cover_more_and_hide_floor_and_wall(drawing):
    _, scene = drawing
    layers = [scene.cast_layers("capsule", scale, 10.0) for scale in (0.75, 1.0, 1.25)]
    assert all(part.min() >= 0 and part.shape == (64, 64, 6) for part in layers)
    body = [float((part[..., 2] > 0).mean()) for part in layers]
    assert body[0] < 0.8 * body[1] < 0.64 * body[2]
    small, large = layers[0], layers[2]
    covered = (large[..., 2] > 0) & (large[..., :2].sum(axis=2) == 0)
    assert covered.any()
    assert (small[..., :2].sum(axis=2)[~covered] > 0).all(), "a pixel without anything"


@pytest.fixture(scope="module")
def drawn(drawing, tmp_path_factory):
    draw, _ = drawing
    chosen = [scene for scene in draw.scenes(None, 0) if scene[3:] == (FACTORS["scale"][5], 2.0)]
    assert len(draw.scenes(None, 0)) == 32_000
    path = tmp_path_factory.mktemp("drawn") / "3dshapes.h5"
    draw.draw(path, chosen[::7])
    return path, chosen[::7]


def test_the_reader_takes_it_for_the_official_file(drawn):
    path, chosen = drawn
    source = open_source(f"shapes3d:{path}", 64)
    rows = [source.counterparts("test", row, "orientation") for row in range(5)]
    assert all(found.images.shape == (15, 3, 64, 64) for found in rows)
    moved = [
        np.abs(np.diff(found.images.astype(int), axis=0)).mean(axis=(1, 2, 3)) for found in rows
    ]
    assert min(map(np.min, moved)) > 0.1, "two orientations look alike"
    ids = np.array(source.sample_ids("test"), dtype=int)
    for name, values in FACTORS.items():
        column = list(FACTORS).index(name)
        codes = source.labels("test", name)
        expected = (
            [FACTORS["orientation"][row % 15] for row in ids]
            if name == "orientation"
            else [chosen[row // 15][column] for row in ids]
        )
        assert [values[code] for code in codes] == pytest.approx(expected), name
    assert sum(len(source.sample_ids(split)) for split in SPLITS) < 15 * len(chosen)


def test_hues_are_where_they_belong(drawing, drawn):
    from matplotlib.colors import rgb_to_hsv

    path, _ = drawn
    source = open_source(f"shapes3d:{path}", 64)
    images = source.images("test", range(40)).transpose(0, 2, 3, 1) / 255
    places = {"floor_hue": (60, 30), "wall_hue": (4, 30), "object_hue": (32, 34)}
    for name, (row, column) in places.items():
        hue = rgb_to_hsv(images[:, row, column])[:, 0]
        expected = np.array(FACTORS[name])[source.labels("test", name)[:40]]
        away = np.abs(hue - expected)
        assert np.minimum(away, 1 - away).max() < 0.05, name


def test_a_choice_of_scenes_is_in_the_official_order(drawing):
    draw, _ = drawing
    some = draw.scenes(50, 3)
    assert some == sorted(some)
    assert len(set(some)) == 50
    assert some == draw.scenes(50, 3)
    assert some != draw.scenes(50, 4)
