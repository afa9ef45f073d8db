"""How strongly two label columns go together: what a naive model will pick up, and a regulator must know beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from regulator.data_check.labels import LabelTable
from shared_spec.data.source import SPLITS

__all__ = ["Association", "associate", "associations"]


@dataclass(frozen=True)
class Association:
    """Association of two columns in one split.

    Attributes:
        split: The split it is measured in.
        first: One column.
        second: The other.
        n: Individuals counted.
        cramers_v: Cramér's V, 0 (independent) to 1 (one decides the other); None if a column has one value only.
        phi: For two binary columns their Pearson correlation, -1 to 1, whose absolute value is V; else None.
    """

    split: str
    first: str
    second: str
    n: int
    cramers_v: float | None
    phi: float | None


def associate(
    first: npt.NDArray[np.integer], second: npt.NDArray[np.integer], k_first: int, k_second: int
) -> tuple[float | None, float | None]:
    """Cramér's V and phi of two columns of class codes, each of shape [n].

    V = sqrt(χ² / (n (m - 1))), with m the smaller number of classes that occur; no correction for small samples.

    Args:
        first: Codes in [0, k_first).
        second: Codes in [0, k_second).
        k_first: Number of classes of the first column.
        k_second: Number of classes of the second.

    Returns:
        V, or None if a column has fewer than two values; phi, or None unless both columns are binary.
    """
    pairs = first.astype(np.int64) * k_second + second
    table = np.bincount(pairs, minlength=k_first * k_second).reshape(k_first, k_second)
    table = table[table.any(axis=1)][:, table.any(axis=0)].astype(np.float64)
    if min(table.shape) < 2:
        return None, None
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / table.sum()
    chi_squared = float(((table - expected) ** 2 / expected).sum())
    v = min(1.0, (chi_squared / (table.sum() * (min(table.shape) - 1))) ** 0.5)
    if k_first != 2 or k_second != 2:
        return v, None
    return v, v if table[1, 1] >= expected[1, 1] else -v


def associations(
    labels: LabelTable, attributes: Sequence[str] = (), targets: Sequence[str] = ()
) -> Iterator[Association]:
    """Per split the associations of attributes with targets, the strongest first.

    Columns computed from one another (Age and Age-2, Race=Black and Race=White) are not paired.

    Args:
        labels: The data set's labels.
        attributes: Sensitive columns; all columns unless given. Unknown ones are passed over.
        targets: Columns to pair them with; all columns unless given. Unknown ones are passed over.
    """
    origin = {name: labels.derived.get(name, name) for name in labels.classes}
    if attributes or targets:
        asked = [(a, t) for a in attributes or origin for t in targets or origin]
    else:
        asked = list(combinations(origin, 2))
    pairs: dict[frozenset[str], tuple[str, str]] = {}
    for a, t in asked:
        if a in origin and t in origin and origin[a] != origin[t]:
            pairs.setdefault(frozenset((a, t)), (a, t))
    for split in SPLITS:
        n, codes = labels.counts[split], labels.codes[split]
        found = [
            Association(
                split,
                a,
                t,
                n,
                *associate(codes[a], codes[t], len(labels.classes[a]), len(labels.classes[t])),
            )
            for a, t in (pairs.values() if n else ())
        ]
        yield from sorted(found, key=lambda pair: -(pair.cramers_v or 0.0))
