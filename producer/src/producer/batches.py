"""The individuals that the encoder is trained on, read in batches from arrays that may be larger than memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared_spec.errors import DataError

__all__ = ["LabelledLatents", "Latents", "batches", "check_latents", "class_count"]

Latents: TypeAlias = Tensor | NDArray[np.float32]


@dataclass(frozen=True)
class LabelledLatents:
    """Latents [n, q] float32 (along chains [n, 1 + v, q]), in memory or memory-mapped.

    Beside them class codes [n] int64 per target (possibly none).
    """

    latents: Latents
    labels: Mapping[str, Tensor]


def batches(
    data: LabelledLatents, order: Tensor, targets: tuple[str, ...], batch_size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Latents [b, ...] float32 and labels [targets, b] int64, in batches of nearly equal size.

    At most `batch_size` individuals each and, for n >= 2 and batch_size >= 4, at least two, as batch norm needs.
    Reads only the rows of one batch at a time.
    """
    for rows in torch.tensor_split(order, math.ceil(len(order) / batch_size)):
        # Ascending rows read a memory-mapped file forwards; the order within a batch is of no consequence.
        rows = rows.sort().values
        taken = (
            data.latents[rows.numpy()]
            if isinstance(data.latents, np.ndarray)
            else data.latents[rows]
        )
        latents = torch.as_tensor(taken, dtype=torch.float32)
        codes = [data.labels[target][rows] for target in targets]
        labels = torch.stack(codes) if codes else torch.zeros(0, len(rows), dtype=torch.int64)
        yield latents, labels.to(torch.int64)


def class_count(target: str, data: LabelledLatents, validation: LabelledLatents | None) -> int:
    """The number of classes of a target; a constant target still gets two."""
    parts = [data.labels[target]] + ([validation.labels[target]] if validation is not None else [])
    return max(2, 1 + max(int(part.max()) for part in parts))


def check_latents(
    name: str, data: LabelledLatents, each: tuple[int, ...], targets: Iterable[str]
) -> None:
    """Refuses data that training could only fail on later, with less to say.

    Raises:
        DataError: fewer than two individuals, another latent dimension, or labels that are missing, negative or of
            another length.
    """
    shape = tuple(data.latents.shape)
    if shape[1:] != each:
        expected = ", ".join(map(str, each))
        raise DataError(
            f"the {name} latents have shape {shape}: expected [n, {expected}], as the similarity set has"
        )
    if shape[0] < 2:
        raise DataError(f"there are {shape[0]} {name} individuals: expected at least 2")
    for target in targets:
        codes = data.labels.get(target)
        if codes is None or codes.shape != (shape[0],) or bool((codes < 0).any()):
            raise DataError(
                f"the {name} labels of target {target!r} do not give each of the {shape[0]} individuals a class "
                "code of at least 0: label all of them or leave out those without a label"
            )
