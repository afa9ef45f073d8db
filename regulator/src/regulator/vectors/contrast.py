"""What an attribute changes on average: one weighted sum over individuals, whose weights come from labels alone.

With nothing to adjust for it is the difference of the two groups' means. Adjusted for further columns it is the
attribute's coefficient in the least-squares fit on the attribute and those columns, so individuals are compared who are
alike in them: if paler faces smile more often, the mean difference holds part of a smile, and the adjusted one none.
Both are linear in what is summed, so images and latents share the code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regulator.vectors.groups import find_groups
from shared_spec.data.column import Column
from shared_spec.data.source import Source
from shared_spec.data.thresholds import Threshold
from shared_spec.errors import DataError

__all__ = ["Contrast", "find_contrast"]

_BLOCK = 512
_ROUNDING = 1e-9
"""Means that differ by less than this part of the largest value do not differ."""
_UNDETERMINED = 1e-6
"""Weights that sum to less than 1 by more than rounding are those of an attribute that the columns determine."""

Values = npt.NDArray[np.float32] | npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Contrast:
    """The weights of an attribute's effect.

    Attributes:
        source: whose individuals they are.
        name: the attribute as the user named it.
        counts: individuals per group.
        rows: positions of the individuals of both groups, ascending, [m].
        weights: theirs, [m]; they sum to 1 over the group with the attribute and to -1 over the one without.
        settings: what a spec says of how the weights were found.
    """

    source: Source
    name: str
    counts: dict[str, int]
    rows: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    settings: dict[str, float | int | str]

    def sum(self, values: Callable[[npt.NDArray[np.int64]], Values]) -> npt.NDArray[np.float64]:
        """The weighted sum of what `values` gives for some of the rows, [n, ...]: a [...] float64.

        Raises:
            DataError: nothing but rounding is left.
        """
        total, largest = np.zeros(()), 0.0
        for start in range(0, len(self.rows), _BLOCK):
            block = values(self.rows[start : start + _BLOCK]).astype(np.float64)
            total = total + np.tensordot(self.weights[start : start + _BLOCK], block, axes=1)
            largest = max(largest, float(np.abs(block).max()))
        if not np.abs(total).max() > _ROUNDING * largest:
            raise DataError(
                f"{self.source.uri}: those with and without {self.name} are the same on average; "
                "choose another attribute"
            )
        return total


def _uncut(name: str) -> str:
    """The column of numbers that `NAME>X` cuts, or the column itself."""
    threshold = Threshold.parse(name)
    return name if threshold is None else threshold.name


def find_contrast(source: Source, attribute: str, adjust_for: Sequence[str] = ()) -> Contrast:
    """The contrast of `NAME` or `NAME:BEGIN:END` over the split train.

    Args:
        source: its labels.
        attribute: whose two groups are compared.
        adjust_for: columns of any number of classes, each of which gets a coefficient of its own. The attribute's own
            column, wherever it is cut, is passed over, so that several attributes can be adjusted for each other.

    Raises:
        DataError: a column or class is unknown, a group is empty, or the columns leave nothing of the attribute.
    """
    groups, own = find_groups(source, "train", attribute), Column.parse(attribute).name
    others = [name for name in adjust_for if _uncut(name) != _uncut(own)]
    rows = np.sort(np.concatenate([groups.negative, groups.positive]))
    with_it = np.isin(rows, groups.positive)
    indicators = [np.ones(len(rows)), with_it]
    for name in others:
        codes = source.labels("train", name)[rows]
        # The first class that occurs is what the others are compared with.
        indicators += [codes == code for code in np.unique(codes)[1:]]
    design = np.stack(indicators, axis=1).astype(np.float64)
    # The row of the design's pseudoinverse that gives the attribute's coefficient: of many equal fits the one of least
    # norm, so columns may determine each other, as long as they do not determine the attribute.
    weights = design @ np.linalg.pinv(design.T @ design, hermitian=True)[1]
    if abs(weights @ with_it - 1) > _UNDETERMINED:
        raise DataError(
            f"{source.uri}: {attribute} follows from {', '.join(others)} in everybody; adjust for fewer columns"
        )
    settings: dict[str, float | int | str] = {"adjusted_for": ", ".join(others)} if others else {}
    return Contrast(source, attribute, groups.counts, rows, weights, settings)
