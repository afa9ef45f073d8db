"""Randomized smoothing that stops as soon as it knows: decisions, not radii.

To decide d_cs < d_rs one needs to know whether p_A > Phi(d_cs / sigma_rs), and an e-process may look at the answer
after every sample without spending more than alpha in all (docs/guarantees.md, C.6). Easy individuals, most of them,
take tens or hundreds of samples instead of 100,000. A second e-process, for the opposite, stops the hopeless ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr
from torch import Tensor

from consumer.radius.noise import NoisyHead, Streams
from shared_spec.errors import SettingsError
from shared_spec.stats import log_wealth_steps, wealth_threshold

__all__ = ["CERTIFIED", "NOT_CERTIFIED", "UNDECIDED", "SequentialDecisions", "sequential_decision"]

CERTIFIED, NOT_CERTIFIED, UNDECIDED = "CERTIFIED", "NOT_CERTIFIED", "UNDECIDED"

_FIRST_BLOCK = 32
# Noisy logits that are held at once.
_ROWS = 65_536


@dataclass(frozen=True)
class SequentialDecisions:
    """What the e-processes decided for each of n individuals, and after how many samples.

    Attributes:
        status: [n] str. CERTIFIED: p_A > Phi(d_cs/sigma_rs) was proved at level alpha. NOT_CERTIFIED: p_A is below
            it, at the same level, or there is no usable radius. UNDECIDED: neither within the cap.
        samples: [n] int64, samples up to the decision; 0 where the cap could not have sufficed.
        successes: [n] int64, those among them on which the tested class won.
        log_wealth: [n] float64, ln E of the process against H0: p_A <= Phi(d_cs/sigma_rs) at the decision.
        drawn: [n] int64, samples drawn, the rest of the last block included: the cost.
    """

    status: NDArray[np.str_]
    samples: NDArray[np.int64]
    successes: NDArray[np.int64]
    log_wealth: NDArray[np.float64]
    drawn: NDArray[np.int64]


def sequential_decision(
    noisy: NoisyHead,
    centres: Tensor,
    radii: Tensor,
    classes: Tensor,
    alpha: float,
    streams: Streams,
    *,
    cap: int = 100_000,
) -> SequentialDecisions:
    """Decides for each individual whether the smoothed head answers `classes` on the closed ball of radius d_cs.

    Guarantee, per individual: if the smoothed head does not take the value `classes` on all of the ball, CERTIFIED
    has probability at most alpha over the samples. The class must be fixed before the stream starts.

    Args:
        noisy: the head and its noise.
        centres: [n, d].
        radii: [n] d_cs, in representation units; NaN, negative or unbounded ones are never certified.
        classes: [n] int64, selected on another stream (`select_classes`).
        alpha: failure probability per individual.
        streams: n generators, keyed by sample id.
        cap: samples per individual after which the answer is UNDECIDED.

    Raises:
        SettingsError: alpha out of (0, 1), cap < 1, or not one stream per individual.
    """
    if cap < 1 or len(streams) != len(centres):
        raise SettingsError(
            f"cap {cap}, {len(streams)} streams for {len(centres)} individuals: expected cap >= 1 and one stream each"
        )
    state = _State(radii.to(torch.float64).numpy() / noisy.sigma, alpha, cap)
    size, total = _FIRST_BLOCK, 0
    while total < cap:
        open_ = np.flatnonzero(state.open)
        if open_.size == 0:
            break
        size = min(max(_FIRST_BLOCK, total // 4), _ROWS, cap - total)
        together = _ROWS // size
        for start in range(0, open_.size, together):
            rows = open_[start : start + together]
            mine = [streams[row] for row in rows]
            state.bet(rows, noisy.wins(centres[rows], classes[rows], size, mine))
        total += size
    return state.decisions()


class _State:
    """Both e-processes of every individual, side by side."""

    def __init__(self, distance: NDArray[np.float64], alpha: float, cap: int) -> None:
        n = distance.size
        self._threshold = wealth_threshold(alpha)
        usable = (distance >= 0.0) & np.isfinite(distance)
        # Rounded up: a larger null is harder to reject.
        self._p0 = np.minimum(1.0, ndtr(np.where(usable, distance, np.inf)) * (1.0 + 1e-12))
        self._status = np.where(usable, UNDECIDED, NOT_CERTIFIED).astype("<U13")
        # E never exceeds p0^-samples, so beyond the cap there is nothing to wait for.
        reachable = -np.log(self._p0) * cap >= self._threshold
        self.open = usable & reachable
        self._samples = np.zeros(n, dtype=np.int64)
        self._successes = np.zeros(n, dtype=np.int64)
        self._drawn = np.zeros(n, dtype=np.int64)
        self._wealth = np.zeros(n)
        self._opposite = np.zeros(n)

    def bet(self, rows: NDArray[np.int64], wins: NDArray[np.bool_]) -> None:
        """Plays a block of outcomes [r, m] of the individuals `rows`, in the order in which they were drawn."""
        p0, seen, won = self._p0[rows], self._samples[rows], self._successes[rows]
        wealth = log_wealth_steps(wins, p0, seen, won).cumsum(1) + self._wealth[rows, None]
        opposite = log_wealth_steps(~wins, 1.0 - p0, seen, seen - won).cumsum(1)
        opposite += self._opposite[rows, None]
        proved, refuted = wealth >= self._threshold, opposite >= self._threshold
        ended = proved | refuted
        decided = ended.any(1)
        last = np.where(decided, ended.argmax(1), wins.shape[1] - 1)
        each = np.arange(rows.size)
        self._wealth[rows], self._opposite[rows] = wealth[each, last], opposite[each, last]
        self._samples[rows] = seen + last + 1
        self._successes[rows] = won + wins.cumsum(1)[each, last]
        self._drawn[rows] += wins.shape[1]
        self._status[rows[proved[each, last]]] = CERTIFIED
        self._status[rows[refuted[each, last]]] = NOT_CERTIFIED
        self.open[rows[decided]] = False

    def decisions(self) -> SequentialDecisions:
        return SequentialDecisions(
            self._status, self._samples, self._successes, self._wealth, self._drawn
        )
