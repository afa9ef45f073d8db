"""What a vector method is given and what it gives back, the same for all methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from regulator.recogniser import RecogniserSettings
from regulator.vectors.discover import DiscoverSettings
from regulator.vectors.groups import AttributeVector
from shared_spec.artifacts.spec import AttributeEntry
from shared_spec.data.source import Source
from shared_spec.flow import Glow

__all__ = ["FoundVector", "VectorRequest"]


@dataclass(frozen=True)
class VectorRequest:
    """What a method may use.

    Attributes:
        source: labels and images.
        flow: G = (E, D).
        train: latents [n, q] of the whole split train, in its order; possibly memory-mapped.
        valid: latents [m, q] of the whole split valid.
        attributes: `NAME` or `NAME:BEGIN:END`, one vector each; none for a method that discovers its own.
        target: likewise, for the methods that need one.
        seed: of every draw; streams are keyed by what they are for.
        epochs: passes over the latents per linear boundary (paper: 3).
        discover: how directions are discovered (paper: the defaults).
        recogniser: how the biased classifier of `discover` is trained.
        advance: told how many units are done, a word about the current one, and how many there are.
    """

    source: Source
    flow: Glow
    train: npt.NDArray[np.float32]
    valid: npt.NDArray[np.float32]
    attributes: tuple[str, ...] = ()
    target: str | None = None
    seed: int = 0
    epochs: int = 3
    discover: DiscoverSettings = field(default_factory=DiscoverSettings)
    recogniser: RecogniserSettings = field(default_factory=RecogniserSettings)
    advance: Callable[[int, str, int], None] = lambda done, word, total: None


@dataclass(frozen=True)
class FoundVector:
    """One vector of a spec.

    Attributes:
        name: the attribute, or `discovered-1`, `discovered-2`, ….
        counts: individuals per group behind it.
        found: the vector and its unit.
    """

    name: str
    counts: dict[str, int]
    found: AttributeVector

    def entry(self, method: str) -> AttributeEntry:
        """What the spec says about this vector."""
        stored = self.found.vector.to(torch.float32).to(torch.float64)
        return AttributeEntry(
            name=self.name,
            method=method,
            unit=self.found.unit,
            norm=float(torch.linalg.vector_norm(stored)),
            counts=self.counts,
            settings=self.found.settings,
        )
