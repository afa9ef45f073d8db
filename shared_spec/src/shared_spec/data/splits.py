"""How individuals come into train, valid and test where a data set does not say it."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

__all__ = ["NAME_RULE", "random_fifth", "split_of_name"]

NAME_RULE = "a hash of the name: 80% train, 10% valid, 10% test"
"""`split_of_name` in words."""

_SPLIT_OF_DIGIT = {0: "test", 1: "valid"}


def split_of_name(name: str) -> str:
    """The split of an individual by its name alone: the same on every machine and whoever else is in the data set.

    The first eight bytes of the SHA-256 of the name in UTF-8, read as a big-endian number, end in 0 for test, in 1 for
    valid and in another decimal digit for train.
    """
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return _SPLIT_OF_DIGIT.get(number % 10, "train")


def random_fifth(n: int, generator: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Marks n // 5 of n positions, drawn uniformly without replacement: the smaller part of an 80:20 split."""
    marked = np.zeros(n, dtype=np.bool_)
    marked[generator.permutation(n)[: n // 5]] = True
    return marked
