"""What a vector method is given and what it gives back, the same for all methods."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from regulator.recogniser import RecogniserSettings
from regulator.vectors.settings import DiscoverSettings, VectorSettings
from shared_spec.artifacts.spec_documents import AttributeEntry
from shared_spec.data.source import Source
from shared_spec.flow import Glow
from shared_spec.progress import Advance, Report, silent, stage
from shared_spec.seeds import Seed

__all__ = ["AttributeVector", "Encoded", "VectorRequest"]


@dataclass(frozen=True)
class Encoded:
    """A data set as a flow sees it.

    Attributes:
        source: labels and images.
        flow: G = (E, D).
        train: latents [n, q] of the whole split train, in its order; possibly memory-mapped.
        valid: latents [m, q] of the whole split valid.
    """

    source: Source
    flow: Glow
    train: npt.NDArray[np.float32]
    valid: npt.NDArray[np.float32]


@dataclass(frozen=True)
class VectorRequest:
    """What a method may use.

    Attributes:
        data: labels, images and latents.
        attributes: `NAME` or `NAME:BEGIN:END`, one vector each; none for a method that discovers its own.
        settings: the method, and what was chosen of it.
        seed: of every draw; streams are keyed by what they are for.
        discover: how directions are discovered.
        recogniser: how the biased classifier of `discover` is trained.
        report: told what is done.
    """

    data: Encoded
    attributes: tuple[str, ...] = ()
    settings: VectorSettings = field(default_factory=VectorSettings)
    seed: Seed = 0
    discover: DiscoverSettings = field(default_factory=DiscoverSettings)
    recogniser: RecogniserSettings = field(default_factory=RecogniserSettings)
    report: Report = silent

    def stage(self, total: int) -> Advance:
        """Counts the units of the whole search for vectors."""
        return stage(self.report, f"finding vectors ({self.settings.method})", total)


@dataclass(frozen=True)
class AttributeVector:
    """One vector of a spec.

    Attributes:
        name: the attribute, or `discovered-1`, `discovered-2`, ….
        counts: individuals per group behind it.
        vector: a [q] float64.
        settings: what the method was told and what it measured, for the spec.
    """

    name: str
    counts: dict[str, int]
    vector: Tensor
    settings: dict[str, float | int | str] = field(default_factory=dict)

    def entry(self, settings: VectorSettings) -> AttributeEntry:
        """What the spec says about this vector."""
        stored = self.vector.to(torch.float32).to(torch.float64)
        return AttributeEntry(
            name=self.name,
            method=settings.method,
            unit=settings.method.unit,
            norm=float(torch.linalg.vector_norm(stored)),
            counts=self.counts,
            settings=self.settings,
        )
