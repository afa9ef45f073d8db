"""Edits: what must be added to an image to move it from one group's mean image to the other's.

A direction of the latent space that is the same for everybody explains little of how people differ from their
counterparts; in pixels one direction explains most of it (docs/meaning.md). No pairs of images are needed.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from regulator.vectors.contrast import Contrast, find_contrast
from regulator.vectors.settings import VectorMethod
from shared_spec.artifacts.spec_documents import AttributeEntry
from shared_spec.data.source import Source
from shared_spec.progress import Report, silent, stage

__all__ = ["mean_image_edits"]


def mean_image_edits(
    source: Source,
    attributes: tuple[str, ...],
    adjust_for: tuple[str, ...] = (),
    report: Report = silent,
) -> tuple[Tensor, list[AttributeEntry]]:
    """M = mean image with the attribute - mean image without it, over the split train, adjusted for further columns.

    Returns:
        Edits [k, 3, S, S] float32 in 8-bit levels, and what a spec says of each.

    Raises:
        DataError: as `find_contrast` and `Contrast.sum`.
    """
    contrasts = [find_contrast(source, name, adjust_for) for name in attributes]
    advance = stage(report, "averaging images", len(contrasts))
    edits, entries = [], []
    for done, contrast in enumerate(contrasts, 1):
        edit = contrast.sum(partial(source.images, "train"))
        edits.append(torch.from_numpy(edit.astype(np.float32)))
        entries.append(_entry(contrast, edits[-1]))
        advance(done, contrast.name)
    return torch.stack(edits), entries


def _entry(contrast: Contrast, edit: Tensor) -> AttributeEntry:
    return AttributeEntry(
        name=contrast.name,
        method=VectorMethod.MEAN_DIFFERENCE,
        unit="edit",
        norm=float(torch.linalg.vector_norm(edit.double())),
        counts=contrast.counts,
        settings=contrast.settings,
    )
