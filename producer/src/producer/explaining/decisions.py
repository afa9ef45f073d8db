"""What a head decides along a film strip, and where it changes its mind."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch

from shared_spec.frozen_head import FrozenHead
from shared_spec.relu_network import ReluNetwork
from shared_spec.strips import Strip

__all__ = ["BETWEEN", "DecidedStrip", "decide_along"]

BETWEEN = 64
"""Places that are looked at from one picture of a strip to the next."""


@dataclass(frozen=True)
class DecidedStrip:
    """A film strip with decisions.

    Attributes:
        strip: the points and their pictures.
        codes: class codes, at each picture and at the places between them: [(m - 1) BETWEEN + 1].
    """

    strip: Strip
    codes: npt.NDArray[np.int64]

    @property
    def at_pictures(self) -> npt.NDArray[np.int64]:
        """Class codes at the pictures [m]."""
        return self.codes[::BETWEEN]

    @property
    def own(self) -> int:
        """What is decided of the individual."""
        return int(self.at_pictures[self.strip.own])

    @property
    def flips(self) -> list[float]:
        """Where the decision changes, in pictures from the first: between two places that were looked at."""
        changed = np.flatnonzero(np.diff(self.codes))
        return [(int(place) + 0.5) / BETWEEN for place in changed]

    @property
    def spans(self) -> list[tuple[float, float, int]]:
        """Where one decision holds, from the first picture to the last: begin, end and class code."""
        last = len(self.strip.t) - 1
        ends = [0.0, *self.flips, float(last)]
        starts = [0, *(np.flatnonzero(np.diff(self.codes)) + 1)]
        return [
            (begin, end, int(self.codes[start]))
            for (begin, end), start in zip(pairwise(ends), starts, strict=True)
        ]

    def t_at(self, place: float) -> float:
        """The coefficient, or along counterparts the place in the chain, at a place in pictures from the first."""
        return float(np.interp(place, np.arange(len(self.strip.t)), self.strip.t))


def decide_along(strip: Strip, encoder: ReluNetwork, head: FrozenHead) -> DecidedStrip:
    """Decides every picture of a strip, and places between them, as a certificate does.

    Representations are computed in float64 and handed over in float32; the head decides in float64
    (docs/guarantees.md, A.5). A decision that changes and changes back between two neighbouring places is not seen.

    Args:
        strip: along which.
        encoder: R.
        head: C.
    """
    share = torch.arange(BETWEEN, dtype=torch.float64)[:, None] / BETWEEN
    parts = [torch.lerp(start, end, share) for start, end in pairwise(strip.latents)]
    latents = torch.cat([*parts, strip.latents[-1:]])
    representations = torch.cat([encoder(part) for part in torch.split(latents, 256)])
    codes = head.predict(representations.to(torch.float32).to(torch.float64))
    return DecidedStrip(strip, codes.numpy())
