"""Ray casting of one scene: a square room, a body in its middle, a camera that walks around it.

Light is linear in the colours of floor, wall and body and in their products, so a scene is cast once without colours.
Its layers say per pixel how much of each colour reaches the eye; any colours are a matrix product away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

LAYERS = ("floor", "wall", "body", "body x floor", "wall x floor", "white")
"""What the light of a layer is multiplied with."""

SHAPES = ("cube", "cylinder", "sphere", "capsule")
SIDE = 64
_SAMPLES = 5
"""Rays per pixel and axis."""

_ROOM = 3.3
"""Half the side of the room; the body at scale 1 is about one unit wide."""
_DISTANCE, _HEIGHT, _AIM = 3.6, 1.6, 0.52
_OPENING = np.tan(np.radians(19.5))
_LIGHT = np.array([-2.3, 3.6, 2.0])
_LIGHT_RADIUS = 0.75
_KEY, _SKY, _BOUNCE, _GLOSS = 0.68, 0.34, 0.3, 0.3


@dataclass(frozen=True)
class Body:
    """An upright body on the floor: its half width or radius, and half its height."""

    shape: str
    radius: float
    half: float

    @classmethod
    def of(cls, shape: str, scale: float) -> Body:
        """The body of this shape at a scale of 0.75 to 1.25."""
        radius, half = {
            "cube": (0.44, 0.44),
            "cylinder": (0.46, 0.46),
            "sphere": (0.54, 0.54),
            "capsule": (0.37, 0.66),
        }[shape]
        return cls(shape, radius * scale, half * scale)

    def cast(self, start: Array, ray: Array) -> tuple[Array, Array]:
        """Distance to the body along rays [n, 3], infinite where they miss, and its normal there [n, 3]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.shape in ("sphere", "capsule"):
                return self._cast_round(start, ray)
            slabs = [_slab(start[:, 1], ray[:, 1], 0, 2 * self.half)]
            if self.shape == "cube":
                slabs += [_slab(start[:, i], ray[:, i], -self.radius, self.radius) for i in (0, 2)]
                axes = [1, 0, 2]
            else:
                slabs.append(_tube(start, ray, self.radius))
                axes = [1]
        enter = np.stack([entry for entry, _ in slabs])
        first = enter.argmax(axis=0)
        distance = enter.max(axis=0)
        hit = (distance < np.min([leave for _, leave in slabs], axis=0)) & (distance > 0)
        distance = np.where(hit, distance, np.inf)
        normal = np.zeros_like(ray)
        for index, axis in enumerate(axes):
            normal[first == index, axis] = -np.sign(ray[first == index, axis])
        if self.shape == "cylinder":
            side = (first == 1) & hit
            point = start[side] + distance[side, None] * ray[side]
            normal[side] = point * [1, 0, 1] / self.radius
        return distance, normal

    def _cast_round(self, start: Array, ray: Array) -> tuple[Array, Array]:
        """As `cast`: a ball along an upright segment is a tube between two balls."""
        low, high = self.radius, 2 * self.half - self.radius
        side, _ = _tube(start, ray, self.radius)
        height = start[:, 1] + side * ray[:, 1]
        found = [np.where((side > 0) & (height >= low) & (height <= high), side, np.inf)]
        found += [_ball(start - [0, end, 0], ray, self.radius) for end in (low, high)]
        distance = np.min(found, axis=0)
        point = start + np.where(np.isfinite(distance), distance, 0)[:, None] * ray
        centre = np.clip(point[:, 1], low, high)
        normal = (point - np.stack([0 * centre, centre, 0 * centre], axis=1)) / self.radius
        return distance, normal

    def gap(self, point: Array) -> Array:
        """Distance from points on the floor [n, 3] to the body, 0 below it."""
        x, z = abs(point[:, 0]), abs(point[:, 2])
        if self.shape == "cube":
            return np.hypot(np.maximum(x - self.radius, 0), np.maximum(z - self.radius, 0))
        across = np.hypot(x, z)
        if self.shape == "cylinder":
            return np.maximum(across - self.radius, 0)
        return np.hypot(across, self.radius) - self.radius


def _slab(start: Array, ray: Array, low: float, high: float) -> tuple[Array, Array]:
    """Where rays enter and leave the space between two planes."""
    one, other = (low - start) / ray, (high - start) / ray
    return np.minimum(one, other), np.maximum(one, other)


def _tube(start: Array, ray: Array, radius: float) -> tuple[Array, Array]:
    """Where rays enter and leave the upright cylinder without ends around the origin."""
    flat = start * [1, 0, 1]
    return _roots((ray * [1, 0, 1] * ray).sum(1), (flat * ray).sum(1), (flat**2).sum(1) - radius**2)


def _ball(start: Array, ray: Array, radius: float) -> Array:
    """Where rays enter the ball around the origin; infinite where they miss it."""
    enter, _ = _roots((ray**2).sum(1), (start * ray).sum(1), (start**2).sum(1) - radius**2)
    return np.where(enter > 0, enter, np.inf)


def _roots(a: Array, b: Array, c: Array) -> tuple[Array, Array]:
    """The roots of a t² + 2 b t + c, smaller first; an empty interval (inf, -inf) where there are none."""
    square = b**2 - a * c
    root = np.sqrt(np.maximum(square, 0))
    miss = square <= 0
    return np.where(miss, np.inf, (-b - root) / a), np.where(miss, -np.inf, (-b + root) / a)


def cast_layers(shape: str, scale: float, orientation: float) -> npt.NDArray[np.float32]:
    """How much of each of `LAYERS` reaches the eye, [64, 64, 6], linear light.

    Args:
        shape: one of `SHAPES`.
        scale: 0.75 to 1.25.
        orientation: of the camera around the body, in degrees.
    """
    body = Body.of(shape, scale)
    eye, ray = _camera(np.radians(orientation))
    to_body, normal = body.cast(np.broadcast_to(eye, ray.shape), ray)
    with np.errstate(divide="ignore"):
        to_floor = np.where(ray[:, 1] < 0, -eye[1] / ray[:, 1], np.inf)
        to_wall = ((np.sign(ray) * _ROOM - eye) / ray)[:, [0, 2]]
    side = to_wall.argmin(axis=1)
    distance = np.minimum(to_floor, to_wall.min(axis=1))
    on_body = to_body < distance
    on_floor = ~on_body & (to_floor <= distance)
    on_wall = ~on_body & ~on_floor
    normal[on_floor] = [0, 1, 0]
    normal[on_wall] = 0
    rows = np.flatnonzero(on_wall)
    axis = np.array([0, 2])[side[rows]]
    normal[rows, axis] = -np.sign(ray[rows, axis])
    point = eye + np.minimum(distance, to_body)[:, None] * ray
    light = np.zeros((len(ray), len(LAYERS)))
    for place, rows in (("floor", on_floor), ("wall", on_wall), ("body", on_body)):
        _shade(light, np.flatnonzero(rows), place, point, normal, ray, body)
    pixels: Array = light.reshape(SIDE, _SAMPLES, SIDE, _SAMPLES, len(LAYERS)).mean(axis=(1, 3))
    return pixels.astype(np.float32)


def _camera(angle: float) -> tuple[Array, Array]:
    """The eye [3] and one ray per sample [n, 3], of length one, row by row."""
    eye = np.array([_DISTANCE * np.sin(angle), _HEIGHT, _DISTANCE * np.cos(angle)])
    ahead = np.array([0, _AIM, 0]) - eye
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, [0, 1, 0])
    right /= np.linalg.norm(right)
    up = np.cross(right, ahead)
    n = SIDE * _SAMPLES
    step = _OPENING * ((2 * np.arange(n) + 1) / n - 1)
    ray = ahead + step[None, :, None] * right - step[:, None, None] * up
    ray = ray.reshape(-1, 3)
    return eye, ray / np.linalg.norm(ray, axis=1, keepdims=True)


def _lamps(rows: npt.NDArray[np.int64]) -> Array:
    """A point of the round lamp for each sample [n, 3]; the samples of a pixel share it out among them."""
    n = SIDE * _SAMPLES
    within = (rows // n % _SAMPLES) * _SAMPLES + rows % n % _SAMPLES
    turn: Array = within * np.pi * (3 - np.sqrt(5))
    across: Array = _LIGHT_RADIUS * np.sqrt((within + 0.5) / _SAMPLES**2)
    return _LIGHT + np.stack([across * np.cos(turn), 0 * across, across * np.sin(turn)], axis=1)


def _shade(
    light: Array,
    rows: npt.NDArray[np.int64],
    place: str,
    point: Array,
    normal: Array,
    ray: Array,
    body: Body,
) -> None:
    """Adds to `light` what reaches the eye from the samples `rows`, which are all on one of the three surfaces."""
    point, normal, ray = point[rows], normal[rows], ray[rows]
    to_lamp = _lamps(rows) - point
    far = np.linalg.norm(to_lamp, axis=1)
    to_lamp /= far[:, None]
    facing = np.maximum((normal * to_lamp).sum(axis=1), 0)
    upward = (1 + normal[:, 1]) / 2
    corner = _ROOM - np.abs(point[:, [0, 2]])
    if place == "body":
        seen, open_sky = 1.0, upward
        halfway = to_lamp - ray
        halfway /= np.linalg.norm(halfway, axis=1, keepdims=True)
        gleam = np.maximum((normal * halfway).sum(axis=1), 0) ** 60
        light[rows, LAYERS.index("white")] = _GLOSS * gleam * (facing > 0)
        near = 1 - 0.6 * np.exp(-2.5 * point[:, 1] / body.radius)
        light[rows, LAYERS.index("body x floor")] = _BOUNCE * (1 - upward) * near
    else:
        blocked, _ = body.cast(point + 1e-6 * normal, to_lamp)
        seen = ~(blocked < far)
        if place == "floor":
            edges = 1 - 0.22 * np.exp(-corner / 0.5).sum(axis=1)
            open_sky = edges * (1 - 0.6 * np.exp(-2.2 * body.gap(point) / body.radius))
        else:
            beside = np.maximum(corner[:, 0], corner[:, 1])
            edges = 1 - 0.22 * (np.exp(-beside / 0.5) + np.exp(-point[:, 1] / 0.5))
            open_sky = edges * 0.8
            light[rows, LAYERS.index("wall x floor")] = 0.3 * _BOUNCE * np.exp(-point[:, 1])
    key = _KEY * facing * seen * (4.5 / far) ** 1.2
    light[rows, LAYERS.index(place)] = key + _SKY * open_sky
