"""Linear boundary: the unit normal of a logistic classifier on latents (Denton et al., 2019; paper, Sec. 4.1, Tab. 2).

The same fit serves as a probe: how strongly does a latent show some label (`regulator.study.effects`)?
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from regulator.vectors.groups import Groups, find_groups
from regulator.vectors.request import AttributeVector, Encoded, VectorRequest
from shared_spec.errors import DataError, SettingsError
from shared_spec.progress import Advance
from shared_spec.rng import numpy_generator

__all__ = ["Boundary", "boundary_of", "by_linear_boundary", "fit_boundary", "fit_column"]

_BLOCK = 4096
_BATCH = 64  # the paper names none
_LEARNING_RATE = 1e-3  # the paper's

_Latents = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Boundary:
    """A logistic classifier with logit slope * (normal . z + offset).

    Attributes:
        normal: unit normal [q] float64, towards the individuals with the attribute.
        offset: signed distance of the origin from the boundary, in latent units.
        slope: logits per latent unit along the normal, > 0.
        accuracy: share of the validation individuals on the right side, in [0, 1].
        loss: mean cross entropy on validation, in nats.
        epoch: the epoch that was best on validation, from 1.
    """

    normal: Tensor
    offset: float
    slope: float
    accuracy: float
    loss: float
    epoch: int

    def distances(self, latents: Tensor) -> Tensor:
        """Signed distances normal . z + offset of latents [n, q] from the boundary: [n] float64."""
        return latents.to(torch.float64) @ self.normal + self.offset

    def logits(self, latents: Tensor) -> Tensor:
        """Logits of the attribute for latents [n, q]: [n] float64."""
        return self.slope * self.distances(latents)


def by_linear_boundary(request: VectorRequest) -> list[AttributeVector]:
    """Per attribute the unit normal of its boundary, towards those with it: epsilon is in latent units (paper: 10)."""
    epochs = request.settings.boundary_epochs
    advance = request.stage(epochs * len(request.attributes))
    found = []
    for index, name in enumerate(request.attributes):
        boundary, groups = boundary_of(request, name, advance, before=index * epochs)
        settings: dict[str, float | int | str] = {
            "epochs": epochs,
            "best_epoch": boundary.epoch,
            "valid_accuracy": boundary.accuracy,
            "valid_loss": boundary.loss,
        }
        found.append(AttributeVector(name, groups.counts, boundary.normal, settings))
    return found


def boundary_of(
    request: VectorRequest, name: str, advance: Advance, before: int
) -> tuple[Boundary, Groups]:
    """The boundary of a column, as part of a request's work of which `before` units are done, and its groups."""
    generator = numpy_generator(request.seed, "regulator.boundary", name)
    return fit_column(
        request.data,
        name,
        generator,
        request.settings.boundary_epochs,
        lambda done, word: advance(before + done, word),
    )


def fit_column(
    data: Encoded,
    name: str,
    generator: np.random.Generator,
    epochs: int,
    advance: Advance = lambda done, word: None,
) -> tuple[Boundary, Groups]:
    """The boundary of a column, held out on the split valid, and its groups in the split train."""
    groups, held_out = (find_groups(data.source, split, name) for split in ("train", "valid"))
    boundary = fit_boundary(
        data.train, groups, data.valid, held_out, generator, epochs=epochs, advance=advance
    )
    return boundary, groups


def fit_boundary(
    train: _Latents,
    groups: Groups,
    valid: _Latents,
    valid_groups: Groups,
    generator: np.random.Generator,
    *,
    epochs: int = 3,
    advance: Advance = lambda done, word: None,
) -> Boundary:
    """Trains the classifier with Adam from zero and keeps the epoch of the lowest validation loss.

    Args:
        train: z [n, q], possibly memory-mapped: read a batch at a time.
        groups: positions in `train` of those without and with the attribute.
        valid: held-out latents [m, q].
        valid_groups: positions in `valid`.
        generator: shuffles the individuals anew in every epoch.
        epochs: 3 in the paper.
        advance: told how many epochs are done.

    Raises:
        DataError: a group is empty, or the latents do not tell the groups apart at all.
        SettingsError: epochs below 1.
    """
    if epochs < 1:
        raise SettingsError(f"{groups.name}: {epochs} epochs: expected 1 or more")
    rows, labels = _examples(groups)
    # From zero, not at random: the optimum is unique, and directions without signal stay out of the normal.
    weight = torch.zeros(train.shape[1], requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.Adam([weight, bias], lr=_LEARNING_RATE)
    best: tuple[float, float, int, Tensor, float] | None = None
    for epoch in range(1, epochs + 1):
        order = generator.permutation(len(rows))
        for z, y in _batches(train, rows[order], labels[order], _BATCH):
            loss = binary_cross_entropy_with_logits(z @ weight + bias, y)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
        held_out, accuracy = _validate(valid, valid_groups, weight.detach(), bias.detach())
        if best is None or held_out < best[0]:
            best = (
                held_out,
                accuracy,
                epoch,
                weight.detach().to(torch.float64),
                float(bias.detach()),
            )
        advance(epoch, groups.name)
    return _boundary(groups.name, best)


def _examples(groups: Groups) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Rows of both groups in the order of the data, with labels 0 and 1."""
    for name, count in groups.counts.items():
        if count == 0:
            raise DataError(
                f"{groups.name}: no individual is {name!r}; a boundary needs examples of both groups, "
                "so choose another attribute or more data"
            )
    rows = np.concatenate([groups.negative, groups.positive])
    labels = np.zeros(len(rows), dtype=np.float32)
    labels[len(groups.negative) :] = 1
    order = np.argsort(rows, kind="stable")
    return rows[order], labels[order]


def _batches(
    latents: _Latents, rows: npt.NDArray[np.int64], labels: npt.NDArray[np.float32], batch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    for start in range(0, len(rows), batch):
        part = slice(start, start + batch)
        z = np.ascontiguousarray(latents[rows[part]], dtype=np.float32)
        yield torch.from_numpy(z), torch.from_numpy(labels[part])


def _validate(valid: _Latents, groups: Groups, weight: Tensor, bias: Tensor) -> tuple[float, float]:
    """Mean cross entropy in nats, and accuracy."""
    rows, labels = _examples(groups)
    loss, right = 0.0, 0
    for z, y in _batches(valid, rows, labels, _BLOCK):
        logits = z @ weight + bias
        loss += float(binary_cross_entropy_with_logits(logits, y, reduction="sum"))
        right += int(((logits > 0) == (y > 0.5)).sum())
    return loss / len(rows), right / len(rows)


def _boundary(name: str, best: tuple[float, float, int, Tensor, float] | None) -> Boundary:
    """The classifier in terms of a unit normal; a NaN loss, which is never the best, ends here too."""
    slope = float(torch.linalg.vector_norm(best[3])) if best is not None else 0.0
    if best is None or not 0.0 < slope < float("inf"):
        raise DataError(
            f"{name}: no boundary between the groups was found, because their latents are equal or not finite; "
            "check the labels and the flow"
        )
    loss, accuracy, epoch, weight, bias = best
    return Boundary(weight / slope, bias / slope, slope, accuracy, loss, epoch)
