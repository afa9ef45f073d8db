"""Randomized smoothing with a fixed number of samples, as in the paper: for any head, with a radius to report.

Certifies the smoothed head: the class that C answers most often under Gaussian noise (Cohen et al., 2019). The class
is selected on one stream of samples and tested on another, so no correction for the selection is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri
from torch import Tensor

from consumer.radius.noise import NoisyHead, Streams
from shared_spec.errors import SettingsError
from shared_spec.stats import binomial_tail, clopper_pearson_lower

__all__ = [
    "RandomizedRadii",
    "confirmed",
    "randomized_radius",
    "select_classes",
]

# Noisy logits that are held at once.
_ROWS = 65_536
# Samples that are drawn at once for one individual: fixed, since the order of a stream must not
# depend on memory.
_SAMPLES = 4096


@dataclass(frozen=True)
class RandomizedRadii:
    """Certified radii of the smoothed head, and the counts behind them.

    Attributes:
        radius: [n] float64, in representation units, rounded down; 0 where `abstained`.
        successes: [n] int64, noisy samples on which the tested class won.
        samples: how many were drawn for each individual.
        p_lower: [n] float64, Clopper-Pearson lower bounds on the probability of the tested class.
        abstained: [n] bool, where p_lower does not exceed 1/2: nothing is claimed.
    """

    radius: NDArray[np.float64]
    successes: NDArray[np.int64]
    samples: int
    p_lower: NDArray[np.float64]
    abstained: NDArray[np.bool_]


def select_classes(
    noisy: NoisyHead, points: Tensor, n0: int, streams: Streams
) -> tuple[Tensor, Tensor]:
    """The class that wins most of n0 noisy samples at each point: what the smoothed head predicts there.

    Args:
        noisy: the head and its noise.
        points: [n, d] where to predict: the centre in the smoothing view, R(z) in the exact view.
        n0: samples per point.
        streams: n generators, none of them used for the test that follows.

    Returns:
        Classes [n] int64 and votes [n, classes] int64. The first of tied classes; no guarantee by itself.

    Raises:
        SettingsError: n0 < 1, or not one stream per point.
    """
    votes = torch.zeros(len(points), noisy.head.classes, dtype=torch.int64)

    def draw(rows: slice, samples: int) -> None:
        votes[rows] += noisy.votes(points[rows], samples, streams[rows])

    _for_all(draw, len(points), n0, len(streams))
    return votes.argmax(1), votes


def confirmed(votes: Tensor, alpha: float) -> NDArray[np.bool_]:
    """Whether the class with most of the votes [n, classes] is what the smoothed head answers there; [n] bool.

    Guarantee, per individual: if it is not, True has probability at most alpha over the votes. The two-sided binomial
    test of the two leading classes (Hung and Fithian, 2019), as in Cohen et al.'s PREDICT.
    """
    leading = votes.topk(2, dim=1).values.numpy()
    ahead, behind = leading[:, 0], leading[:, 1]
    return 2.0 * binomial_tail(ahead, ahead + behind, 0.5) <= alpha


def randomized_radius(
    noisy: NoisyHead, centres: Tensor, classes: Tensor, n: int, alpha: float, streams: Streams
) -> RandomizedRadii:
    """Radius sigma Phi^-1(p_lower) within which the smoothed head answers `classes`, from n samples per individual.

    Guarantee, per individual: with probability at least 1 - alpha over the n samples, the smoothed head takes the
    value `classes` on the closed ball of any smaller radius around the centre. The class must not depend on these
    samples. Cohen et al., Theorem 1, with one-sided Clopper-Pearson.

    Args:
        noisy: the head and its noise.
        centres: [n_individuals, d].
        classes: [n_individuals] int64, selected on another stream.
        n: samples per individual, fixed in advance; the radius cannot exceed sigma Phi^-1(alpha^(1/n)).
        alpha: failure probability per individual.
        streams: one generator per individual.

    Raises:
        SettingsError: n < 1, alpha out of (0, 1), or not one stream per individual.
    """
    successes = np.zeros(len(centres), dtype=np.int64)

    def draw(rows: slice, samples: int) -> None:
        won = noisy.wins(centres[rows], classes[rows], samples, streams[rows])
        successes[rows] += won.sum(1)

    _for_all(draw, len(centres), n, len(streams))
    counts, back = np.unique(successes, return_inverse=True)
    bounds = np.array([clopper_pearson_lower(int(count), n, alpha) for count in counts])
    p_lower = bounds[back]
    abstained = ~(p_lower > 0.5)
    radius = np.where(abstained, 0.0, noisy.sigma * ndtri(p_lower) * (1.0 - 1e-12))
    return RandomizedRadii(radius, successes, n, p_lower, abstained)


def _for_all(
    draw: Callable[[slice, int], None], individuals: int, samples: int, streams: int
) -> None:
    """Calls `draw` for blocks of individuals and, within them, of samples, until each has its `samples`."""
    if samples < 1 or streams != individuals:
        raise SettingsError(
            f"{samples} samples for {individuals} individuals with {streams} streams: expected at least one sample"
            " and one stream each"
        )
    together = max(1, _ROWS // min(samples, _SAMPLES))
    for start in range(0, individuals, together):
        for block in _blocks(samples):
            draw(slice(start, min(start + together, individuals)), block)


def _blocks(samples: int) -> Iterator[int]:
    for start in range(0, samples, _SAMPLES):
        yield min(_SAMPLES, samples - start)
