"""The features of a portrait's face: eyes, brows, nose, mouth, make-up, lines of age and earrings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shared_spec.data.portraits.canvas import Canvas, Field, bump, mix, rgb, smoothstep, wave

__all__ = ["Pose", "paint_features"]

_IRIS_BROWN, _IRIS_BLUE = rgb(0.25, 0.15, 0.08), rgb(0.33, 0.50, 0.62)
_WHITE, _DARK, _TEETH = rgb(0.95, 0.94, 0.93), rgb(0.10, 0.07, 0.07), rgb(0.94, 0.92, 0.88)


@dataclass(frozen=True)
class Pose:
    """Coordinates that move with the head, [b, S, S]; the chin is at v = 0.62, the forehead's top at -0.66."""

    u: Field
    v: Field
    turned: Field
    """u for what lies in front of the skull's axis: it shifts further when the head turns."""
    width: Field
    """Half the face's width, [b, 1, 1]."""


def paint_features(
    canvas: Canvas, pose: Pose, skin: Field, hair: Field, f: dict[str, Field]
) -> None:
    """Paint all of the face that lies within its outline, and the earrings."""
    _paint_cheeks(canvas, pose, skin, f)
    _paint_age(canvas, pose, f)
    for side in (-1, 1):
        _paint_eye(canvas, pose, skin, hair, f, side)
    _paint_nose(canvas, pose, f)
    _paint_mouth(canvas, pose, skin, f)
    _paint_earrings(canvas, pose, f)


def _smile(f: dict[str, Field]) -> Field:
    """How far the corners of the mouth go up: the smile, blurred by the shape of the mouth at rest."""
    return (f["Smiling"] - 0.5) + 0.18 * (f["resting_mouth"] - 0.5)


def _paint_cheeks(canvas: Canvas, pose: Pose, skin: Field, f: dict[str, Field]) -> None:
    """Blush, and cheekbones as a light above a hollow."""
    x = np.abs(pose.turned) - 0.30
    y = pose.v - 0.17 + 0.06 * f["Smiling"]
    blush = bump(x * x * 16 + y * y * 24)
    canvas.paint(rgb(0.88, 0.33, 0.36), blush * (0.05 + 0.33 * f["Heavy_Makeup"]))
    bone = bump(x * x * 30 + (y + 0.06) * (y + 0.06) * 90)
    hollow = bump((x - 0.04) * (x - 0.04) * 40 + (y - 0.15) * (y - 0.15) * 50)
    high = f["High_Cheekbones"] - 0.3
    canvas.shade(0.20 * high * bone - 0.24 * high * hollow)


def _line(canvas: Canvas, offset: Field, length: Field, thickness: float) -> Field:
    """A soft stroke where `offset` is near 0 and `length` below 1 in size."""
    across = offset / (thickness + 0.4 * canvas.softness)
    return bump(across * across) * bump(length * length)


def _paint_age(canvas: Canvas, pose: Pose, f: dict[str, Field]) -> None:
    """Folds from nose to mouth (which smiles deepen as well), lines on the forehead, bags under the eyes."""
    age = (1 - f["Young"]) * (1 - f["Young"])
    x = np.abs(pose.turned)
    fold = _line(canvas, x - 0.17 - 0.35 * (pose.v - 0.18), (pose.v - 0.27) / 0.17, 0.03)
    brow = wave((pose.v + 0.40) * 8) * bump(pose.turned * pose.turned * 9)
    forehead = brow * bump((pose.v + 0.36) * (pose.v + 0.36) * 60)
    eye = x - 0.20
    below = pose.v - 0.04
    bags = bump(eye * eye * 60 + below * below * 220)
    smile = np.maximum(_smile(f), 0)
    canvas.shade(-(0.32 * age + 0.20 * smile) * fold - 0.12 * age * forehead - 0.26 * age * bags)


def _paint_eye(
    canvas: Canvas, pose: Pose, skin: Field, hair: Field, f: dict[str, Field], side: int
) -> None:
    """One eye with its lid, lashes and brow; `side` is -1 for the left of the picture and 1 for the right."""
    x = pose.turned - side * (0.185 + 0.05 * f["eye_spacing"])
    y = pose.v + 0.07
    makeup = f["Heavy_Makeup"]
    shadow = bump(x * x * 40 + (y + 0.07) * (y + 0.07) * 110)
    canvas.paint(
        mix(skin * np.float32(0.8), rgb(0.38, 0.24, 0.42), makeup[:, None]),
        shadow * (0.3 + 0.5 * makeup),
    )
    squint = np.maximum(_smile(f), 0)
    height = 0.040 + 0.028 * f["eye_open"] - 0.022 * squint
    opening = canvas.ellipse(x, y, 0.115, height)
    canvas.paint(_WHITE, opening * np.float32(0.9))
    iris = mix(_IRIS_BROWN, _IRIS_BLUE, smoothstep(1.6 * f["iris"] - 0.6)[:, None])
    canvas.paint(iris, opening * canvas.ellipse(x, y, 0.055, 0.055))
    canvas.paint(_DARK, opening * canvas.ellipse(x, y, 0.026, 0.026))
    lid = y + height * (1 - x * x * 60)
    canvas.paint(_DARK, _line(canvas, lid, x / 0.17, 0.016) * (0.45 + 0.5 * makeup))
    inward = x * side
    arch = f["Arched_Eyebrows"]
    peak = (inward - 0.03) * (inward - 0.03)
    brow = pose.v + 0.235 + 0.075 * arch - (1.0 + 4.0 * arch) * peak - 0.04 * (inward - 0.05)
    weight = 0.4 + 0.5 * f["brow_weight"]
    canvas.paint(hair * np.float32(0.55), _line(canvas, brow, x / 0.20, 0.028) * weight)


def _paint_nose(canvas: Canvas, pose: Pose, f: dict[str, Field]) -> None:
    x, y = pose.turned, pose.v - 0.18
    width = 0.075 + 0.035 * f["nose"]
    nostril = np.abs(x) - 0.6 * width
    tip = bump(nostril * nostril * 500 + y * y * 600)
    under = bump(x * x / (width * width * 2) + (y - 0.02) * (y - 0.02) * 300)
    bridge = bump(x * x * 400 + (pose.v - 0.05) * (pose.v - 0.05) * 20)
    edge = x + 0.08 * np.where(f["light_side"] > 0.5, np.float32(1), np.float32(-1))
    slope = np.abs(f["light_side"] - 0.5)
    side = bump(edge * edge * 250 + (pose.v - 0.06) * (pose.v - 0.06) * 22)
    canvas.shade(0.09 * bridge - 0.32 * tip - 0.18 * under - 0.25 * slope * side)


def _paint_mouth(canvas: Canvas, pose: Pose, skin: Field, f: dict[str, Field]) -> None:
    """Lips along a parabola whose corners the smile lifts; between them, when open, teeth and dark."""
    smile = _smile(f)
    half = 0.165 + 0.04 * f["mouth_width"] + 0.06 * smile
    s = pose.turned / half
    s2 = np.minimum(s * s, 1.5)
    lift = smile + 0.18
    # Without a smile the mouth is flat rather than turned down.
    lift = np.maximum(lift, 0.5 * lift)
    middle = pose.v - 0.365 + 0.18 * lift * (s2 - 0.45)
    opened = 0.075 * smoothstep(1.8 * f["Mouth_Slightly_Open"] - 0.5)
    gap = opened * np.maximum(1 - s2, 0)
    lips = canvas.inside(
        np.maximum(np.abs(middle) - (0.048 + gap) * (1.08 - s2), np.abs(pose.turned) - half)
    )
    bare = skin * rgb(0.86, 0.66, 0.64)
    painted = mix(rgb(0.80, 0.10, 0.20), rgb(0.72, 0.16, 0.36), f["lip_hue"][:, None])
    strength = 0.10 + 0.70 * f["Wearing_Lipstick"] + 0.10 * f["Heavy_Makeup"]
    canvas.paint(mix(bare, painted, strength[:, None]), lips)
    inside = canvas.inside(np.maximum(np.abs(middle) - gap, np.abs(pose.turned) - 0.9 * half))
    inside = inside * smoothstep(opened * 40)
    canvas.paint(_DARK * np.float32(2.5), inside)
    teeth = inside * smoothstep(0.6 - (middle / (gap + 0.01))) * smoothstep(2 * smile + 0.6)
    canvas.paint(_TEETH, np.float32(0.85) * teeth)
    canvas.paint(
        _DARK * np.float32(2.0),
        _line(canvas, middle, s / 1.15, 0.012) * 0.6 * (1 - smoothstep(opened * 30)),
    )
    chin = pose.v - 0.47
    canvas.shade(-0.14 * bump(pose.turned * pose.turned * 40 + chin * chin * 400))


def _paint_earrings(canvas: Canvas, pose: Pose, f: dict[str, Field]) -> None:
    """Small pendants of many colours under the ears; long hair is painted over them afterwards."""
    wearing = smoothstep((f["Wearing_Earrings"] - 0.76) * 14)
    radius = 0.052 + 0.045 * f["earring_size"]
    thirds = np.array([0, 1 / 3, 2 / 3], dtype=np.float32).reshape(1, 3, 1, 1)
    stone = 0.74 + 0.28 * wave(f["earring_hue"][:, None] + thirds)
    for side in (-1, 1):
        x = pose.u - side * (pose.width + 0.02)
        canvas.paint(
            stone, wearing * canvas.ellipse(x, pose.v - 0.16 - radius, radius * 0.8, radius)
        )
