"""Chains of images that a data set itself knows as similar: true counterparts, in order of the attribute's factor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shared_spec.chains import ChainSet
from shared_spec.data.counterparts import Counterparts
from shared_spec.data.source import Source, UInt8Images
from shared_spec.errors import DataError

__all__ = ["CounterpartChains", "counterpart_chain"]


@dataclass(frozen=True)
class CounterpartChains(ChainSet):
    """The images that a data set itself knows as similar: the true counterparts, in order of the attribute's factor.

    Per attribute there is one chain; the individual's own image stands in it where the individual does, and a chain of
    fewer images than the longest repeats its last one.

    Attributes:
        attributes: what the counterparts differ in.
        length: images of the longest chain, the individual's own among them.
        size: S, of the images.
    """

    attributes: tuple[str, ...]
    length: int
    size: int

    @property
    def k(self) -> int:
        """See `ChainSet`."""
        return len(self.attributes)

    @property
    def latent_dim(self) -> int:
        """See `ChainSet`."""
        return 3 * self.size**2

    @property
    def images_each(self) -> int:
        """See `ChainSet`."""
        return 1 + self.k * self.length

    @cached_property
    def visits(self) -> Tensor:
        """See `ChainSet`."""
        return torch.arange(1, self.images_each).reshape(self.k, self.length)

    def images_of(self, source: Source, split: str, rows: npt.NDArray[np.int64]) -> UInt8Images:
        """See `ChainSet`."""
        own = source.images(split, rows)
        chains = [
            np.stack([self._chain(source, split, int(row), name) for row in rows])
            for name in self.attributes
        ]
        return np.concatenate([own[:, None], *chains], axis=1)

    def _chain(self, source: Source, split: str, row: int, attribute: str) -> UInt8Images:
        """The chain of one individual, [length, 3, S, S]."""
        chain = counterpart_chain(source, split, row, attribute)
        if len(chain) > self.length:
            raise DataError(
                f"{source.uri}: {source.sample_ids(split)[row]} has a chain of {len(chain)} images in {attribute}, "
                f"the spec knows chains of at most {self.length}: publish it from these data"
            )
        return np.concatenate([chain, np.repeat(chain[-1:], self.length - len(chain), axis=0)])

    def identity(self) -> dict[str, str]:
        """See `ChainSet`."""
        return {"counterparts": "\n".join(self.attributes), "length": str(self.length)}


def counterpart_chain(source: Source, split: str, row: int, attribute: str) -> UInt8Images:
    """The counterparts of an individual in order of the factor, with its own image in its place: [m, 3, S, S].

    Raises:
        DataError: if the source does not know them, or not where the individual itself stands.
    """
    if not isinstance(source, Counterparts):
        raise DataError(f"{source.uri}: knows no counterparts; use a spec of vectors or edits")
    found = source.counterparts(split, row, attribute)
    if found.own is not None:
        return found.images
    if found.at is None:
        raise DataError(
            f"{source.uri}: {source.sample_ids(split)[row]} has counterparts in {attribute}, but nothing says where it "
            "stands itself; add it as its own counterpart, with its value"
        )
    place = int(np.searchsorted(found.values, found.at))
    own = source.images(split, np.array([row]))
    return np.concatenate([found.images[:place], own, found.images[place:]])
