"""A portrait from its factors: background, clothes, hair and head, painted back to front on a batch of canvases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared_spec.data.portraits.canvas import Canvas, Field, bump, mix, rgb, smoothstep, wave
from shared_spec.data.portraits.face import Pose, paint_features

__all__ = ["draw"]

_CHUNK = 65_536
"""Pixels drawn at once: few enough for the cache of one core."""

_SKIN_DARK, _SKIN_PALE = rgb(0.60, 0.40, 0.28), rgb(0.98, 0.86, 0.79)
_HAIR_DARK, _HAIR_BROWN = rgb(0.10, 0.08, 0.08), rgb(0.42, 0.25, 0.15)
_HAIR_BLOND, _HAIR_GREY = rgb(0.93, 0.77, 0.44), rgb(0.70, 0.69, 0.68)


def draw(factors: Mapping[str, npt.NDArray[np.float64]], size: int) -> npt.NDArray[np.uint8]:
    """The portraits of these people, [n, 3, size, size].

    Args:
        factors: Every factor of `factors.FACTORS`, each of shape [n] with values in [0, 1].
        size: Side of the images in pixels.
    """
    n = len(next(iter(factors.values())))
    images = np.empty((n, 3, size, size), dtype=np.uint8)
    chunk = max(1, _CHUNK // (size * size))
    for start in range(0, n, chunk):
        part = {
            name: values[start : start + chunk].astype(np.float32).reshape(-1, 1, 1)
            for name, values in factors.items()
        }
        images[start : start + chunk] = _draw_chunk(part, size)
    return images


def hue(t: Field) -> Field:
    """A soft colour around the wheel, [b, 3, 1, 1], for t in [0, 1]."""
    thirds = np.array([0, 1 / 3, 2 / 3], dtype=np.float32).reshape(1, 3, 1, 1)
    return 0.5 + 0.5 * wave(t[:, None] + thirds)


@dataclass(frozen=True)
class _Hair:
    """The hair's colour and shape."""

    colour: Field
    strands: Field
    bend: Field
    width: Field
    top: Field


def _draw_chunk(f: dict[str, Field], size: int) -> npt.NDArray[np.uint8]:
    canvas = Canvas(len(f["blur"]), size, 0.07 * f["blur"])
    pose = _pose(canvas, f)
    skin = mix(_SKIN_DARK, _SKIN_PALE, f["Pale_Skin"][:, None])
    # Older skin is greyer and a little darker.
    skin = skin * (1 - 0.10 * (1 - f["Young"][:, None]))
    hair = _hair(pose, f)
    _paint_background(canvas, f)
    _paint_hair_behind(canvas, pose, hair, f)
    _paint_body(canvas, pose, skin, f)
    _paint_head(canvas, pose, skin, f)
    paint_features(canvas, pose, skin, hair.colour, f)
    _paint_hair_front(canvas, pose, hair, f)
    light = (f["light_side"] - 0.5) * canvas.x - (f["light_height"] - 0.3) * canvas.y
    canvas.shade(0.22 * light + 0.36 * (f["brightness"] - 0.6))
    warmth = (f["warmth"][:, None] - 0.5) * rgb(0.14, 0.0, -0.14)
    canvas.pixels *= 1 + warmth
    return canvas.to_uint8()


def _pose(canvas: Canvas, f: dict[str, Field]) -> Pose:
    """Coordinates that move and turn with the head."""
    zoom = 1 / (0.94 + 0.12 * f["zoom"])
    x = (canvas.x - 0.16 * (f["shift_x"] - 0.5)) * zoom
    y = (canvas.y - 0.12 * (f["shift_y"] - 0.5)) * zoom
    slope = 0.24 * (f["tilt"] - 0.5)
    cosine = 1 / np.sqrt(1 + slope * slope)
    # Turned about the neck, not about the middle of the picture.
    u = (x + slope * (y - 0.5)) * cosine
    v = (y - 0.5 - slope * x) * cosine + 0.5
    width = 0.46 + 0.10 * f["face_width"]
    turned = u - 0.16 * (f["turn"] - 0.5)
    return Pose(u, v, turned, width)


def _hair(pose: Pose, f: dict[str, Field]) -> _Hair:
    blond = f["Blond_Hair"] * np.sqrt(f["Blond_Hair"])
    dark = mix(_HAIR_DARK, _HAIR_BROWN, f["hair_tone"][:, None])
    colour = mix(dark, _HAIR_BLOND, blond[:, None])
    age = 1 - f["Young"][:, None]
    colour = mix(colour, _HAIR_GREY, 0.75 * age * age)
    curl = wave(pose.v * 2.6 + f["hair_wave_phase"]) * smoothstep(2 * f["Wavy_Hair"] - 0.4)
    ripple = wave(pose.v * 2.6 + 0.35 + f["hair_wave_phase"] + 1.2 * pose.u * pose.u)
    strands = (0.03 + 0.10 * smoothstep(2 * f["Wavy_Hair"] - 0.4)) * ripple
    width = pose.width + 0.10 + 0.12 * f["hair_volume"]
    top = 0.70 + 0.10 * f["hair_volume"]
    return _Hair(colour, strands, 0.055 * curl, width, top)


def _paint_background(canvas: Canvas, f: dict[str, Field]) -> None:
    pastel = mix(rgb(0.62, 0.64, 0.66), hue(f["background_hue"]), 0.20)
    tone = 0.55 + 0.65 * f["background_tone"][:, None]
    canvas.paint(pastel * tone, np.ones_like(canvas.pixels[:, 0]))
    canvas.shade(0.30 * (f["background_slope"] - 0.5) * canvas.x - 0.14 * canvas.y)


def _paint_hair_behind(canvas: Canvas, pose: Pose, hair: _Hair, f: dict[str, Field]) -> None:
    """The hair that falls behind head and shoulders, as long as hair_length says."""
    head = canvas.ellipse(pose.u, pose.v + 0.14, hair.width, hair.top)
    long = smoothstep(2.2 * f["hair_length"] - 0.5)
    bottom = -0.05 + 1.05 * long
    side = np.abs(pose.u + hair.bend * np.sign(pose.u)) - (hair.width + 0.05 * (pose.v + 0.1))
    falling = canvas.inside(np.maximum(side, -pose.v - 0.14)) * smoothstep((bottom - pose.v) * 4)
    shadow = 0.74 + 0.12 * pose.v
    canvas.paint(hair.colour * (shadow + hair.strands)[:, None], np.maximum(head, falling))


def _paint_body(canvas: Canvas, pose: Pose, skin: Field, f: dict[str, Field]) -> None:
    cloth = mix(rgb(0.5, 0.5, 0.52), hue(f["clothes_hue"]), 0.4)
    cloth = cloth * (0.35 + 0.75 * f["clothes_tone"][:, None])
    x = mix(canvas.x, pose.u, 0.6)
    fold = 1 - 0.22 * x * x
    canvas.paint(cloth * fold[:, None], canvas.ellipse(x, canvas.y - 1.22, 0.92, 0.50))
    column = np.maximum(np.abs(pose.u) - 0.20, np.abs(pose.v - 0.60) - 0.22)
    neck = np.maximum(canvas.inside(column), canvas.ellipse(x, canvas.y - 0.78, 0.27, 0.15))
    shadow = 0.90 - 0.24 * bump((pose.v - 0.50) * (pose.v - 0.50) * 14)
    canvas.paint(skin * (shadow - 0.25 * pose.u * pose.u)[:, None], neck)


def _paint_head(canvas: Canvas, pose: Pose, skin: Field, f: dict[str, Field]) -> None:
    """Ears and the face's outline, rounded by shading."""
    for side in (-1, 1):
        ear = canvas.ellipse(pose.u - side * pose.width, pose.v - 0.02, 0.075, 0.13)
        canvas.paint(skin * np.float32(0.86), ear)
    # Age fills the lower face; a strong jaw does too.
    jaw = 0.34 - 0.16 * f["jaw"] - 0.10 * (1 - f["Young"])
    below = np.maximum(pose.v, 0)
    outline = pose.width * (1 - jaw * below * below * 2)
    face = canvas.ellipse(pose.u * (pose.width / outline), pose.v + 0.02, pose.width, 0.64)
    u = pose.turned / pose.width
    roundness = 1.05 - 0.20 * u * u - 0.10 * (pose.v + 0.1) * (pose.v + 0.1)
    side_light = 0.26 * (f["light_side"] - 0.5) * u
    canvas.paint(skin * (roundness + side_light)[:, None], face)


def _paint_hair_front(canvas: Canvas, pose: Pose, hair: _Hair, f: dict[str, Field]) -> None:
    """The cap of hair over the forehead, and the locks that hide the ears of long-haired people."""
    head = canvas.ellipse(pose.u, pose.v + 0.14, hair.width, hair.top)
    part = 0.5 * (f["hair_parting"] - 0.5)
    recede = 0.10 * (1 - f["Young"])
    across = pose.u - part
    hairline = -0.34 - recede - 0.10 * bump(across * across * 8) + 0.62 * pose.u * pose.u
    hairline = hairline + 0.5 * hair.bend
    cap = head * canvas.inside(pose.v - hairline)
    long = smoothstep(2.2 * f["hair_length"] - 0.5)
    inner = pose.width + 0.05 - 0.13 * long + 0.06 * np.maximum(pose.v, 0)
    outer = hair.width + 0.05 * (pose.v + 0.1)
    sideways = np.abs(pose.u + hair.bend * np.sign(pose.u))
    lock = canvas.inside(np.maximum(inner - sideways, sideways - outer))
    bottom = -0.05 + 1.05 * long
    lock = lock * smoothstep((bottom - pose.v) * 4) * smoothstep((pose.v + 0.45) * 4)
    crown = pose.u - 0.18 + 0.4 * part
    gloss = 0.22 * bump(crown * crown * 6 + (pose.v + 0.62) * (pose.v + 0.62) * 12)
    tone = 0.96 + gloss + hair.strands - 0.12 * pose.v
    canvas.paint(hair.colour * tone[:, None], np.maximum(cap, lock))
