"""The share certified against epsilon is that of the rows, whatever their order, and never more."""

from __future__ import annotations

import re

import numpy as np

from consumer.report.curve import BINS, EpsilonTally, draw_curve


def tally(epsilons, epsilon=0.7):
    found = EpsilonTally(epsilon)
    for part in (epsilons[:3], epsilons[3:]):
        found.add(part)
    return found


def test_the_counts_are_those_of_the_rows_and_rounded_down():
    generator = np.random.Generator(np.random.Philox(2))
    values = [*(0.7 * generator.random(500)).tolist(), *[0.7] * 40, *[0.0] * 20, *[None] * 30]
    found = tally(values)
    known = np.array([value for value in values if value is not None])
    exact = [int((known >= 0.7 * k / BINS).sum()) for k in range(1, BINS + 1)]
    assert found.certified == exact
    assert (found.individuals, found.known, found.certified[-1]) == (590, 560, 40)
    assert found.certified == sorted(found.certified, reverse=True)
    assert found.says_more
    assert not tally([0.7, 0.7, None]).says_more


def test_values_just_below_the_specs_own_epsilon_are_not_counted_as_it():
    found = tally([float(np.nextafter(0.7, 0)), float("inf"), -1.0])
    assert found.reached[BINS - 1 :] == [1, 1]
    assert found.reached[0] == 1


def test_the_drawing_never_rises_and_stays_within_its_frame():
    drawn = draw_curve(tally([0.7, 0.35, 0.1, None]))
    path = re.search(r'class="curve" d="M56 ([0-9.]+)((?:V[0-9.]+H[0-9.]+)+)"', drawn)
    heights = [float(path[1]), *map(float, re.findall(r"V([0-9.]+)", path[2]))]
    assert heights == sorted(heights), "further right fewer are certified, so the line is lower"
    assert heights[0] == 210 - 200 * 3 / 4
    assert heights[-1] == 210 - 200 / 4
    assert "50.0% at half, 25.0% at all" in drawn
