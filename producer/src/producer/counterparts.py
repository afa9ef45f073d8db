"""Representations of an individual's true counterparts, for a look at what certificates are worth.

They go through the same flow and the same encoder as everybody. No bound is computed from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shared_spec.artifacts.shards import COUNTERPART, OWNER
from shared_spec.data.counterparts import Counterparts
from shared_spec.data.source import Source
from shared_spec.device import to_host
from shared_spec.errors import DataError
from shared_spec.flow import Glow
from shared_spec.latents import encode_images
from shared_spec.relu_network import ReluNetwork

__all__ = ["CounterpartRepresentations", "known_counterparts"]


def known_counterparts(source: Source, split: str, attribute: str) -> Counterparts:
    """The source, as one that knows counterparts of this split in this attribute.

    Raises:
        DataError: if it does not.
    """
    known = source.counterpart_attributes if isinstance(source, Counterparts) else ()
    if not isinstance(source, Counterparts) or attribute not in known:
        raise DataError(
            f"{source.uri}: knows no counterparts in {attribute!r}; it knows {', '.join(known) or 'none'} "
            "(docs/own-data.md says how a folder tells them)"
        )
    if not len(source.counterpart_rows(split, attribute)):
        raise DataError(f"{source.uri}: knows no counterparts in {attribute} of anybody in {split}")
    return source


@dataclass(frozen=True)
class CounterpartRepresentations:
    """The counterparts of some individuals of a split in one attribute.

    Attributes:
        flow: E, on the device that encodes.
        source: a source that knows counterparts.
        split: of the individuals.
        rows: their positions in the split, [n].
        attribute: what their counterparts differ in.
    """

    flow: Glow
    source: Source
    split: str
    rows: npt.NDArray[np.int64]
    attribute: str

    def tensors(self, encoder: ReluNetwork, part: slice) -> dict[str, Tensor]:
        """What a shard of the individuals `rows[part]` holds of their counterparts: R of each, and whose it is.

        An individual's own image is no counterpart of it. Empty if nobody there has any.
        """
        source = known_counterparts(self.source, self.split, self.attribute)
        having = np.isin(self.rows[part], source.counterpart_rows(self.split, self.attribute))
        images, owners = [], []
        for position in np.flatnonzero(having).tolist():
            found = source.counterparts(self.split, int(self.rows[part][position]), self.attribute)
            others = np.arange(len(found.images)) != (-1 if found.own is None else found.own)
            images.append(found.images[others])
            owners += [position] * int(others.sum())
        if not owners:
            return {}
        points = encoder(encode_images(self.flow, np.concatenate(images)))
        return {
            COUNTERPART.format(self.attribute): to_host(points.to(torch.float32)),
            OWNER.format(self.attribute): torch.tensor(owners, dtype=torch.int64),
        }
