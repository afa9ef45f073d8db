"""The factors behind each portrait and their labels: a Gaussian copula, drawn row by row from one stream per split.

Faces drawn from known factors let the similar individuals of a person be rendered truly, not only reconstructed by
the flow. The correlations are what makes a classifier without any regard for fairness discriminate: pale, young and
blond people smile more often in these data, and made-up people wear earrings more often.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from shared_spec.rng import numpy_generator

__all__ = [
    "CORRELATED",
    "CORRELATIONS",
    "FACTORS",
    "LABELS",
    "NUISANCE",
    "People",
    "correlation_matrix",
    "draw_people",
]

Floats = npt.NDArray[np.float64]

LABELS: dict[str, tuple[float, float]] = {
    "Pale_Skin": (0.35, 0.05),
    "Young": (0.60, 0.10),
    "Blond_Hair": (0.30, 0.06),
    "Heavy_Makeup": (0.40, 0.12),
    "Smiling": (0.50, 0.06),
    "Wearing_Earrings": (0.20, 0.05),
    "Mouth_Slightly_Open": (0.48, 0.12),
    "Wavy_Hair": (0.40, 0.15),
    "Arched_Eyebrows": (0.35, 0.15),
    "High_Cheekbones": (0.45, 0.15),
    "Wearing_Lipstick": (0.47, 0.12),
}
"""Per label column the share of positives, and the scale of the logistic noise with which people dispute it."""

CORRELATED = (*LABELS, "hair_length")
"""The factors that depend on each other; the factor of a label column carries the column's name."""

NUISANCE = (
    "background_hue",
    "background_tone",
    "background_slope",
    "shift_x",
    "shift_y",
    "tilt",
    "turn",
    "zoom",
    "face_width",
    "jaw",
    "eye_spacing",
    "eye_open",
    "iris",
    "brow_weight",
    "nose",
    "resting_mouth",
    "mouth_width",
    "hair_tone",
    "hair_parting",
    "hair_volume",
    "hair_wave_phase",
    "earring_hue",
    "earring_size",
    "lip_hue",
    "light_side",
    "light_height",
    "brightness",
    "warmth",
    "blur",
    "clothes_hue",
    "clothes_tone",
)
"""Independent factors that no label depends on."""

FACTORS = (*CORRELATED, *NUISANCE)
"""Every factor; each is uniform on [0, 1] over the population."""

CORRELATIONS: dict[tuple[str, str], float] = {
    ("Pale_Skin", "Young"): 0.10,
    ("Pale_Skin", "Blond_Hair"): 0.30,
    ("Pale_Skin", "Heavy_Makeup"): 0.10,
    ("Pale_Skin", "Smiling"): 0.30,
    ("Young", "Blond_Hair"): 0.15,
    ("Young", "Heavy_Makeup"): 0.30,
    ("Young", "Smiling"): 0.18,
    ("Young", "Wearing_Earrings"): 0.10,
    ("Young", "Arched_Eyebrows"): 0.15,
    ("Young", "Wearing_Lipstick"): 0.25,
    ("Young", "Wavy_Hair"): 0.15,
    ("Blond_Hair", "Heavy_Makeup"): 0.30,
    ("Blond_Hair", "Smiling"): 0.25,
    ("Blond_Hair", "Wearing_Earrings"): 0.20,
    ("Blond_Hair", "Wavy_Hair"): 0.20,
    ("Blond_Hair", "Wearing_Lipstick"): 0.25,
    ("Blond_Hair", "hair_length"): 0.25,
    ("Heavy_Makeup", "Smiling"): 0.15,
    ("Heavy_Makeup", "Wearing_Earrings"): 0.55,
    ("Heavy_Makeup", "Wavy_Hair"): 0.30,
    ("Heavy_Makeup", "Arched_Eyebrows"): 0.40,
    ("Heavy_Makeup", "High_Cheekbones"): 0.30,
    ("Heavy_Makeup", "Wearing_Lipstick"): 0.75,
    ("Heavy_Makeup", "hair_length"): 0.40,
    ("Smiling", "Wearing_Earrings"): 0.20,
    ("Smiling", "Mouth_Slightly_Open"): 0.50,
    ("Smiling", "High_Cheekbones"): 0.60,
    ("Smiling", "Wearing_Lipstick"): 0.20,
    ("Wearing_Earrings", "Wavy_Hair"): 0.20,
    ("Wearing_Earrings", "Wearing_Lipstick"): 0.45,
    ("Wearing_Earrings", "Arched_Eyebrows"): 0.25,
    ("Wearing_Earrings", "hair_length"): 0.25,
    ("Mouth_Slightly_Open", "High_Cheekbones"): 0.35,
    ("Wavy_Hair", "Wearing_Lipstick"): 0.25,
    ("Wavy_Hair", "hair_length"): 0.40,
    ("Arched_Eyebrows", "Wearing_Lipstick"): 0.35,
    ("Wearing_Lipstick", "hair_length"): 0.40,
}
"""Correlations of the normal variables behind the correlated factors; pairs not named here are at zero."""


def correlation_matrix() -> Floats:
    """The copula's correlation matrix over CORRELATED, shape [k, k], positive definite."""
    matrix = np.eye(len(CORRELATED))
    for (first, second), value in CORRELATIONS.items():
        i, j = CORRELATED.index(first), CORRELATED.index(second)
        matrix[i, j] = matrix[j, i] = value
    return matrix


@dataclass(frozen=True)
class People:
    """The individuals of one split."""

    factors: dict[str, Floats]
    """Per factor of FACTORS its values, shape [n], in [0, 1], on a grid of 1e-6."""
    labels: dict[str, npt.NDArray[np.int64]]
    """Per column of LABELS the codes 0 (no) and 1 (yes), shape [n]."""


def draw_people(seed: int, split: str, n: int) -> People:
    """The first `n` individuals of the stream (`seed`, `split`).

    An individual uses a fixed number of draws, so it depends on its row alone and not on `n`. The label of a column
    is whether its factor's normal score, plus logistic noise, exceeds the threshold that gives the stated share.
    """
    stream = numpy_generator(seed, "portraits", split)
    draws = np.clip(stream.random((n, len(FACTORS) + len(LABELS))), 1e-12, 1 - 1e-12)
    independent = ndtri(draws[:, : len(CORRELATED)])
    root = np.linalg.cholesky(correlation_matrix())
    scores = np.zeros_like(independent)
    # One column at a time: a matrix product may round differently for another n or another BLAS.
    for j in range(len(CORRELATED)):
        scores += independent[:, j : j + 1] * root[:, j]
    uniform = np.concatenate([ndtr(scores), draws[:, len(CORRELATED) : len(FACTORS)]], axis=1)
    # The grid hides the last digits, in which the normal distribution function differs between platforms.
    uniform = np.round(uniform, 6)
    labels = {}
    for j, (name, (share, scale)) in enumerate(LABELS.items()):
        opinion = draws[:, len(FACTORS) + j]
        noisy = scores[:, j] + scale * np.log(opinion / (1 - opinion))
        threshold = ndtri(1 - share) * np.sqrt(1 + (scale * np.pi) ** 2 / 3)
        labels[name] = (noisy > threshold).astype(np.int64)
    factors = {name: np.ascontiguousarray(uniform[:, j]) for j, name in enumerate(FACTORS)}
    return People(factors, labels)
