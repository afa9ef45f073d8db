"""Edits: what must be added to an image to move it from one group's mean image to the other's.

A direction of the latent space that is the same for everybody explains little of how people differ from their
counterparts; in pixels one direction explains most of it (docs/meaning.md). No pairs of images are needed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from regulator.vectors.groups import find_groups
from shared_spec.artifacts.spec_documents import AttributeEntry
from shared_spec.data.source import Source
from shared_spec.errors import DataError
from shared_spec.progress import Report, silent, stage

__all__ = ["edit_entry", "mean_image_edits"]

_BATCH = 512


def mean_image_edits(
    source: Source, attributes: tuple[str, ...], report: Report = silent
) -> tuple[Tensor, list[dict[str, int]]]:
    """M = mean image with the attribute - mean image without it, over the split train.

    Returns:
        Edits [k, 3, S, S] float32 in 8-bit levels, and per attribute the individuals of each group.

    Raises:
        DataError: a column or class is unknown, a group is empty, or the two mean images are the same.
    """
    groups = [find_groups(source, "train", name) for name in attributes]
    advance = stage(report, "averaging images", len(groups))
    edits = []
    for done, group in enumerate(groups, 1):
        edit = _mean_image(source, group.positive) - _mean_image(source, group.negative)
        if not edit.any():
            raise DataError(
                f"{source.uri}: the mean images with and without {group.name} are the same; choose another attribute"
            )
        edits.append(torch.from_numpy(edit.astype(np.float32)))
        advance(done, group.name)
    return torch.stack(edits), [group.counts for group in groups]


def edit_entry(name: str, edit: Tensor, counts: dict[str, int]) -> AttributeEntry:
    """What a spec says of an edit."""
    norm = float(torch.linalg.vector_norm(edit.double()))
    return AttributeEntry(
        name=name, method="mean-difference", unit="edit", norm=norm, counts=counts, settings={}
    )


def _mean_image(source: Source, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    total = np.zeros((3, source.size, source.size), dtype=np.float64)
    for images in source.batches("train", _BATCH, rows):
        total += images.sum(axis=0, dtype=np.float64)
    return total / len(rows)
