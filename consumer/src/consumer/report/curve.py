"""The share of people certified against epsilon: a running tally of bounded size, and its drawing as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from shared_spec.population import percent

__all__ = ["BINS", "EpsilonTally", "draw_curve"]

BINS = 64
"""Values of epsilon at which people are counted, besides 0."""

_LEFT, _TOP, _WIDTH, _HEIGHT = 56, 10, 360, 200


@dataclass
class EpsilonTally:
    """Counts of one view's rows by the largest epsilon at which they are known to be certified.

    Attributes:
        epsilon: the spec's.
        individuals: rows seen.
        known: those with an epsilon.
        reached: how many reach at least k / `BINS` of the spec's epsilon and no further multiple, [BINS + 1].
    """

    epsilon: float
    individuals: int = 0
    known: int = 0
    reached: list[int] = field(default_factory=lambda: [0] * (BINS + 1))

    def add(self, epsilons: Sequence[float | None]) -> None:
        """Counts the rows that hold these, None where none is known."""
        found = np.array(epsilons, dtype=np.float64)
        known = found[~np.isnan(found)]
        self.individuals += len(found)
        self.known += len(known)
        bins = np.minimum(np.maximum(known / self.epsilon * BINS, 0.0), BINS - 1).astype(np.int64)
        bins[known >= self.epsilon] = BINS
        for index, count in enumerate(np.bincount(bins, minlength=BINS + 1).tolist()):
            self.reached[index] += count

    @property
    def certified(self) -> list[int]:
        """How many are certified at k / `BINS` of the spec's epsilon or more, for k from 1 to `BINS`; at most so many.

        Whoever is certified at an epsilon is certified at every smaller one, whose similarity set is a part.
        """
        sums, total = [], 0
        for count in reversed(self.reached[1:]):
            total += count
            sums.append(total)
        return sums[::-1]

    @property
    def says_more(self) -> bool:
        """Whether anything is known beyond who is certified at the spec's own epsilon."""
        return self.known > self.reached[BINS]


def draw_curve(tally: EpsilonTally) -> str:
    """The share certified, upwards, against epsilon, to the right; a step per counted value.

    Nothing but numbers and fixed words enters the drawing, so it needs no escaping.
    """
    shares = [count / tally.individuals for count in tally.certified]
    bottom, right = _TOP + _HEIGHT, _LEFT + _WIDTH
    heights = [round(bottom - _HEIGHT * share, 1) for share in shares]
    # A step reaches back to the value before: what is certified there is at least as much.
    path = f"M{_LEFT} {heights[0]:g}" + "".join(
        f"V{height:g}H{_LEFT + _WIDTH * index / BINS:g}" for index, height in enumerate(heights, 1)
    )
    parts = [f'<rect class="plane" x="{_LEFT}" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT}"/>']
    for tenths in (0, 25, 50, 75, 100):
        y, x = bottom - _HEIGHT * tenths / 100, _LEFT + _WIDTH * tenths / 100
        parts += [
            f'<path class="grid" d="M{_LEFT} {y:g}H{right}M{x:g} {bottom}V{_TOP}"/>',
            f'<text class="tick end" x="{_LEFT - 6}" y="{y:g}" dy=".35em">{tenths}%</text>',
            f'<text class="tick mid" x="{x:g}" y="{bottom + 16}">{tally.epsilon * tenths / 100:g}</text>',
        ]
    label = (
        f"Share certified against epsilon: {percent(shares[BINS // 4 - 1])}% at a quarter of the regulator's, "
        f"{percent(shares[BINS // 2 - 1])}% at half, {percent(shares[-1])}% at all of it"
    )
    names = (
        f'<text class="mid" x="{_LEFT + _WIDTH // 2}" y="{bottom + 34}">ε: how far similar people may be changed</text>'
        f'<text class="mid" transform="translate(13 {_TOP + _HEIGHT // 2})rotate(-90)">certified</text>'
    )
    return (
        f'<svg class="scatter" viewBox="0 0 {_LEFT + _WIDTH + 14} {bottom + 42}" role="img" aria-label="{label}">'
        f'{"".join(parts)}{names}<path class="curve" d="{path}"/></svg>'
    )
