"""Discover: directions along which a trained classifier changes its mind (Li and Xu, 2021; paper, App. E).

No label of a sensitive attribute is used. A hyperplane in latent space is moved until steps along its normal, decoded
to images, change the probability of a biased image classifier as much as possible, while the normal stays away from
the target's own boundary and from the directions found before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from regulator.vectors.groups import AttributeVector
from shared_spec.errors import DataError, SettingsError

__all__ = ["DiscoverSettings", "discover"]

_FLOOR = 1e-10
"""Keeps the logarithm finite where the classifier does not move at all."""


@dataclass(frozen=True)
class DiscoverSettings:
    """How directions are sought; the defaults are the paper's.

    Attributes:
        directions: how many.
        iterations: steps of Adam per direction.
        batch: individuals per step.
        step: half-length of the walk along the unit normal, in latent units; it visits -step, 0 and step.
        orthogonality: weight of the mean squared cosine to the known directions.
        learning_rate: of Adam.
    """

    directions: int = 3
    iterations: int = 2000
    batch: int = 4
    step: float = 5.0
    orthogonality: float = 10.0
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        if min(self.directions, self.iterations, self.batch) < 1 or self.step <= 0:
            raise SettingsError(
                f"discover: {self.directions} directions, {self.iterations} iterations, batch {self.batch}, "
                f"step {self.step}: expected all to be positive"
            )


def discover(
    probability: Callable[[Tensor], Tensor],
    train: npt.NDArray[np.float32],
    known: Sequence[Tensor],
    generator: torch.Generator,
    settings: DiscoverSettings | None = None,
    advance: Callable[[int, str], None] = lambda done, word: None,
) -> list[AttributeVector]:
    """Finds directions one after the other, each away from `known` and from those before it.

    Args:
        probability: latents [n, q] -> the classifier's probability of the target on the decoded images [n],
            differentiable.
        train: z [n, q], possibly memory-mapped, from which individuals are drawn.
        known: directions [q] to stay away from; the paper gives the target's boundary normal.
        generator: CPU generator of the starting points and the individuals.
        settings: defaults are the paper's.
        advance: told how many iterations are done, over all directions.

    Returns:
        Unit vectors, each oriented so that the probability rises along it on average (paper: epsilon = 10).

    Raises:
        DataError: the classifier's probability is not finite.
        SettingsError: a setting is not positive.
    """
    settings = settings or DiscoverSettings()
    avoided = [(a / torch.linalg.vector_norm(a)).to(torch.float32) for a in known]
    found = []
    for index in range(settings.directions):

        def report(done: int, word: str, before: int = index * settings.iterations) -> None:
            advance(before + done, word)

        vector = _direction(probability, train, avoided, generator, settings, report)
        avoided.append(vector.vector.to(torch.float32))
        found.append(vector)
    return found


def _direction(
    probability: Callable[[Tensor], Tensor],
    train: npt.NDArray[np.float32],
    avoided: Sequence[Tensor],
    generator: torch.Generator,
    settings: DiscoverSettings,
    advance: Callable[[int, str], None],
) -> AttributeVector:
    """One direction, with the changes of probability that it made over the last tenth of the iterations."""
    q = train.shape[1]
    w = (torch.randn(q, generator=generator) / q**0.5).requires_grad_()
    b = torch.zeros((), requires_grad=True)
    optimiser = torch.optim.Adam([w, b], lr=settings.learning_rate)
    last = max(1, settings.iterations // 10)
    changes, rises = [], []
    for iteration in range(settings.iterations):
        rows = torch.randint(len(train), (settings.batch,), generator=generator).numpy()
        z = torch.from_numpy(np.array(train[rows], dtype=np.float32))
        normal = w / torch.linalg.vector_norm(w)
        path = _walk(probability, z, normal, b, settings.step)
        steps = path.diff(dim=0)
        loss = -torch.log(_FLOOR + steps.abs().mean())
        if avoided:
            loss = (
                loss
                + settings.orthogonality * (torch.stack(list(avoided)) @ normal).square().mean()
            )
        if not bool(torch.isfinite(loss)):
            raise DataError(
                f"discover: the classifier's probability is not finite in iteration {iteration}; "
                "check that the flow decodes points away from its data, or take a smaller step"
            )
        # Only these two are differentiated: the flow and the classifier stay as they are.
        w.grad, b.grad = torch.autograd.grad(loss, [w, b])
        optimiser.step()
        changes.append(float(steps.detach().abs().mean()))
        rises.append(float(steps.detach().mean()))
        advance(iteration + 1, "discover")
    rise = float(np.mean(rises[-last:]))
    unit = w.detach().to(torch.float64)
    unit = unit / torch.linalg.vector_norm(unit) * (1.0 if rise >= 0 else -1.0)
    cosine = max((abs(float(a.to(torch.float64) @ unit)) for a in avoided), default=0.0)
    return AttributeVector(
        unit,
        "unit-vector",
        {
            "iterations": settings.iterations,
            "batch": settings.batch,
            "step": settings.step,
            "probability_change": float(np.mean(changes[-last:])),
            "probability_rise": abs(rise),
            "largest_cosine_to_known": cosine,
        },
    )


def _walk(
    probability: Callable[[Tensor], Tensor], z: Tensor, normal: Tensor, b: Tensor, step: float
) -> Tensor:
    """Probabilities [3, n] at -step, 0 and step along the normal from the projections on normal . z + b = 0."""
    on_plane = z - (z @ normal + b)[:, None] * normal
    offsets = torch.tensor([-step, 0.0, step])[:, None, None] * normal
    points = on_plane + offsets
    return probability(points.flatten(0, 1)).reshape(3, len(z))
