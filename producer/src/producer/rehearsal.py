"""A rehearsal of the consumer's part, so that a producer can choose lambda_2 and know what noise suits it.

Linear heads are trained on noisy representations as the paper's consumer does, and judged on validation individuals:
what is found here is an estimate that guides a choice, never a certificate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from producer.views.view import ViewBounds
from shared_spec.class_weights import accuracy
from shared_spec.errors import SettingsError
from shared_spec.terms import BoundStatus

__all__ = [
    "LinearHeads",
    "Score",
    "choose_score",
    "enough_epochs",
    "pareto_front",
    "score_heads",
    "train_linear_heads",
]

_BATCH = 128
"""Individuals per step of a head's training, as in the paper."""

_FEWEST_STEPS = 50
"""Of a head's training: after fewer it says little of what an encoder would allow."""


@dataclass(frozen=True)
class LinearHeads:
    """One linear head per noise level: weight [levels, classes, d] and bias [levels, classes], float32."""

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class Score:
    """What one encoder and one noise level reach on validation individuals.

    Attributes:
        lambda_2: weight of the adversarial loss; 0 is Naive, or project where directions are forgotten.
        forget: how many directions the encoder is kept from seeing.
        sigma_rs: noise on the representations in the head's training.
        view: whose bounds these are.
        accuracy: in [0, 1], of the model that the view certifies; balanced where class weights are.
        certified: in [0, 1], the fraction with d_cs < d_rs.
    """

    lambda_2: float
    forget: int
    sigma_rs: float
    view: str
    accuracy: float
    certified: float


def enough_epochs(individuals: int) -> int:
    """The paper's one pass over these individuals, or as many more as `_FEWEST_STEPS` take."""
    return -(-_FEWEST_STEPS // -(-individuals // _BATCH))


def train_linear_heads(
    representations: Tensor,
    labels: Tensor,
    classes: int,
    sigmas: Sequence[float],
    generator: torch.Generator,
    *,
    epochs: int = 1,
    learning_rate: float = 1e-3,
    class_weights: Tensor | None = None,
) -> LinearHeads:
    """Fits one head per noise level, all on the same draws (paper, Sec. 5: Adam, one epoch, batches of 128).

    Args:
        representations: [n, d] float32.
        labels: class codes [n] int64.
        classes: how many there are.
        sigmas: standard deviations per coordinate, each >= 0.
        generator: initial weights, order and noise; a CPU generator.
        epochs: passes over the data.
        learning_rate: of Adam.
        class_weights: [classes] weights of the loss; None for none.

    Raises:
        SettingsError: no noise level, or a negative one.
    """
    if not sigmas or any(not sigma >= 0 for sigma in sigmas):
        raise SettingsError(f"noise levels are {list(sigmas)}: expected at least one, all >= 0")
    levels, dimension = len(sigmas), representations.shape[1]
    scale = torch.tensor(list(sigmas), dtype=torch.float32)[:, None, None]
    start = torch.rand(classes, dimension + 1, generator=generator).mul(2).sub(1) * dimension**-0.5
    weight = start[:, 1:].repeat(levels, 1, 1).requires_grad_()
    bias = start[:, 0].repeat(levels, 1).requires_grad_()
    optimiser = torch.optim.Adam([weight, bias], lr=learning_rate)
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(labels), generator=generator), _BATCH):
            noise = torch.randn(len(rows), dimension, generator=generator)
            inputs = representations[rows] + scale * noise
            logits = torch.baddbmm(bias[:, None], inputs, weight.transpose(1, 2))
            target = labels[rows].repeat(levels)
            # The sum over levels: each head has parameters of its own, so none sees another's loss.
            loss = levels * cross_entropy(logits.reshape(-1, classes), target, class_weights)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
    return LinearHeads(weight.detach(), bias.detach())


def score_heads(
    heads: LinearHeads, points: Tensor, bounds: ViewBounds, labels: Tensor, balanced: bool = False
) -> list[tuple[float, float]]:
    """Per head (accuracy, certified fraction) on n individuals, by the closed form for d_rs.

    Args:
        heads: what is judged.
        points: [n, d], where the certified model takes its decision.
        bounds: their balls; whoever is not BOUNDED is not certified.
        labels: class codes [n].
        balanced: whether accuracy is that of classes which count alike.
    """
    bounded = bounds.status == BoundStatus.BOUNDED
    scores = []
    for weight, bias in zip(heads.weight.double(), heads.bias.double(), strict=True):
        predicted = (points.double() @ weight.T + bias).argmax(1)
        logits = bounds.centre.double() @ weight.T + bias
        gaps = logits.gather(1, predicted[:, None]) - logits
        reach = bounds.radius.double()[:, None] * (weight[predicted][:, None] - weight).norm(dim=2)
        own = torch.zeros_like(gaps, dtype=torch.bool).scatter(1, predicted[:, None], True)
        certified = ((gaps > reach) | own).all(1) & bounded
        right, counts = (
            torch.bincount(codes, minlength=len(bias))
            for codes in (labels[predicted == labels], labels)
        )
        scores.append((accuracy(right, counts, balanced), float(certified.double().mean())))
    return scores


def pareto_front(scores: Sequence[Score]) -> list[Score]:
    """Those of one view that no other beats in one of accuracy and certified fraction and equals in the other."""

    def beaten(score: Score) -> bool:
        return any(
            (other.accuracy >= score.accuracy and other.certified >= score.certified)
            and (other.accuracy, other.certified) != (score.accuracy, score.certified)
            for other in scores
        )

    return [score for score in scores if not beaten(score)]


def choose_score(scores: Sequence[Score], tolerance: float) -> Score:
    """The score that certifies most among those within `tolerance` of the best accuracy; ties go to accuracy.

    Raises:
        SettingsError: no scores.
    """
    if not scores:
        raise SettingsError("nothing to choose from: try at least one lambda_2 and one noise level")
    enough = max(score.accuracy for score in scores) - tolerance
    eligible = [score for score in scores if score.accuracy >= enough]
    return max(
        eligible, key=lambda s: (s.certified, s.accuracy, -s.lambda_2, -s.forget, -s.sigma_rs)
    )
