"""Discover: directions along which a trained classifier changes its mind (Li and Xu, 2021; paper, App. E).

No label of a sensitive attribute is used. A hyperplane in latent space is moved until steps along its normal, decoded
to images, change the probability of a biased image classifier as much as possible, while the normal stays away from
the target's own boundary and from the directions found before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from regulator.recogniser import Recogniser, train_recogniser
from regulator.vectors.groups import find_groups
from regulator.vectors.linear_boundary import boundary_of
from regulator.vectors.request import AttributeVector, VectorRequest
from regulator.vectors.settings import DiscoverSettings
from shared_spec.errors import DataError
from shared_spec.flow import Glow
from shared_spec.flow.images import device_of
from shared_spec.progress import Advance
from shared_spec.rng import torch_generator

__all__ = ["Direction", "by_discover", "discover"]

_FLOOR = 1e-10
"""Keeps the logarithm finite where the classifier does not move at all."""


@dataclass(frozen=True)
class Direction:
    """A direction that was discovered.

    Attributes:
        vector: unit vector [q] float64, along which the probability rises on average.
        settings: what the search was told and what it measured.
    """

    vector: Tensor
    settings: dict[str, float | int | str]


def by_discover(request: VectorRequest) -> list[AttributeVector]:
    """Unit vectors `discovered-1`, … that move a biased image classifier of the target (paper: epsilon = 10)."""
    settings, data, seed = request.settings, request.data, request.seed
    name, epochs = str(settings.target), settings.boundary_epochs
    groups = find_groups(data.source, "train", name)
    classifier = train_recogniser(
        data.source,
        "train",
        groups.targets(len(data.train))[:, None],
        torch_generator(seed, "regulator.recogniser", name),
        request.recogniser,
        data.flow.config.bits,
        request.report,
    )
    advance = request.stage(epochs + settings.directions * settings.iterations)
    target, _ = boundary_of(request, name, advance, before=0)
    directions = discover(
        partial(_decoded_probability, data.flow, classifier.to(device_of(data.flow))),
        data.train,
        [target.normal],
        torch_generator(seed, "regulator.discover", name),
        settings.directions,
        settings.iterations,
        request.discover,
        advance=lambda done, word: advance(epochs + done, word),
    )
    return [
        AttributeVector(
            f"discovered-{number}", groups.counts, one.vector, {**one.settings, "target": name}
        )
        for number, one in enumerate(directions, start=1)
    ]


def discover(
    probability: Callable[[Tensor], Tensor],
    train: npt.NDArray[np.float32],
    known: Sequence[Tensor],
    generator: torch.Generator,
    directions: int,
    iterations: int,
    settings: DiscoverSettings | None = None,
    advance: Advance = lambda done, word: None,
) -> list[Direction]:
    """Finds directions one after the other, each away from `known` and from those before it.

    Args:
        probability: latents [n, q] -> the classifier's probability of the target on the decoded images [n],
            differentiable.
        train: z [n, q], possibly memory-mapped, from which individuals are drawn.
        known: directions [q] to stay away from; the paper gives the target's boundary normal.
        generator: CPU generator of the starting points and the individuals.
        directions: how many.
        iterations: steps of Adam per direction.
        settings: the paper's unless given.
        advance: told how many iterations are done, over all directions.

    Raises:
        DataError: the classifier's probability is not finite.
    """
    settings = settings or DiscoverSettings()
    avoided = [(a / torch.linalg.vector_norm(a)).to(torch.float32) for a in known]
    found = []
    for index in range(directions):

        def report(done: int, word: str, before: int = index * iterations) -> None:
            advance(before + done, word)

        one = _direction(probability, train, avoided, generator, iterations, settings, report)
        avoided.append(one.vector.to(torch.float32))
        found.append(one)
    return found


def _decoded_probability(flow: Glow, classifier: Recogniser, latents: Tensor) -> Tensor:
    """The classifier's probability of the target on decoded latents [n, q]: [n], differentiable, on their device."""
    images = flow.decode(latents.to(device_of(flow)))
    return torch.sigmoid(classifier(images)[:, 0]).to(latents.device)


def _direction(
    probability: Callable[[Tensor], Tensor],
    train: npt.NDArray[np.float32],
    avoided: Sequence[Tensor],
    generator: torch.Generator,
    iterations: int,
    settings: DiscoverSettings,
    advance: Advance,
) -> Direction:
    """One direction, with the changes of probability that it made over the last tenth of the iterations."""
    q = train.shape[1]
    w = (torch.randn(q, generator=generator) / q**0.5).requires_grad_()
    b = torch.zeros((), requires_grad=True)
    optimiser = torch.optim.Adam([w, b], lr=settings.learning_rate)
    last = max(1, iterations // 10)
    changes, rises = [], []
    for iteration in range(iterations):
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
    return Direction(
        unit,
        {
            "iterations": iterations,
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
