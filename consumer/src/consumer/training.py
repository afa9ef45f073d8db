"""Training the head on noisy representations, and choosing the noise on validation data.

The consumer sees representations and labels only. Gaussian noise of standard deviation sigma_rs per coordinate makes
the head's margin wide where certificates need it (paper: linear head, one epoch, batches of 128, Adam 1e-3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim.adam import adam

from consumer.head import Head
from shared_spec.artifacts.head_documents import HeadConfig
from shared_spec.errors import DataError, LassiError, SettingsError

__all__ = ["SigmaChoice", "SigmaTrial", "choose_sigma", "train_head"]


def train_head(
    representations: Tensor,
    labels: Tensor,
    config: HeadConfig,
    generator: torch.Generator,
    *,
    epochs: int = 1,
    batch: int = 128,
    lr: float = 1e-3,
    class_weights: Tensor | None = None,
) -> Head:
    """Fits a head by Adam on the cross-entropy of noisy representations.

    Args:
        representations: [n, d] float32, memory-mapped or not; only batches are copied.
        labels: [n] int64 in 0..classes-1.
        config: the head; `config.sigma_rs` is the noise, in representation units per coordinate.
        generator: initial weights, order and noise; the result depends on nothing else.
        epochs: passes over the data.
        batch: individuals per step.
        lr: Adam's step size.
        class_weights: [classes] weights of the loss, for imbalanced tasks; None for none.

    Raises:
        SettingsError: epochs, batch or lr not positive.
        DataError: no individuals, shapes that do not fit, a label that is no class, a non-finite representation.
        LassiError: training diverged.
    """
    if epochs < 1 or batch < 1 or not lr > 0.0:
        raise SettingsError(
            f"epochs {epochs}, batch {batch}, lr {lr}: expected all of them positive"
        )
    _check_data(representations, labels, config)
    head = Head(config, generator).train()
    optimiser = _Adam(list(head.parameters()), lr)
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(labels.numel(), generator=generator), batch):
            inputs = representations[rows]
            if config.sigma_rs > 0.0:
                noise = torch.randn(inputs.shape, generator=generator, dtype=inputs.dtype)
                inputs = inputs + config.sigma_rs * noise
            loss = cross_entropy(head(inputs), labels[rows], weight=class_weights)
            optimiser.step(loss)
    if not all(bool(torch.isfinite(value).all()) for value in head.parameters()):
        raise LassiError(
            f"training the head diverged (weights are not finite): lower `learning_rate` from {lr:g}, or `noise` from "
            f"{config.sigma_rs:g}"
        )
    return head.eval()


class _Adam:
    """torch's Adam by its functional form: an `Optimizer` loads torch's compiler, over a second for nothing."""

    def __init__(self, parameters: list[Tensor], lr: float) -> None:
        self._parameters, self._lr = parameters, lr
        self._means, self._squares = (
            [torch.zeros_like(value) for value in parameters] for _ in range(2)
        )
        self._steps = [torch.tensor(0.0) for _ in parameters]

    def step(self, loss: Tensor) -> None:
        """Moves the parameters, in place, by the loss's gradient."""
        gradients = list(torch.autograd.grad(loss, self._parameters))
        with torch.no_grad():
            adam(
                self._parameters, gradients, self._means, self._squares, [], self._steps,
                amsgrad=False, beta1=0.9, beta2=0.999, lr=self._lr, weight_decay=0.0, eps=1e-8, maximize=False,
            )  # fmt: skip


def _check_data(representations: Tensor, labels: Tensor, config: HeadConfig) -> None:
    n = labels.numel()
    if n == 0 or representations.shape != (n, config.input_dim):
        raise DataError(
            f"representations are {tuple(representations.shape)} for {n} labels: expected"
            f" (n, {config.input_dim}) with n >= 1"
        )
    if representations.dtype != torch.float32 or labels.dtype != torch.int64:
        raise DataError(
            f"representations are {representations.dtype} and labels {labels.dtype}: expected float32 and int64"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= len(config.classes):
        raise DataError(f"labels range over {low}..{high}: expected 0..{len(config.classes) - 1}")
    if not all(bool(torch.isfinite(part).all()) for part in torch.split(representations, 65_536)):
        raise DataError(
            "representations hold NaN or infinity: ask the producer for the bundle again"
        )


@dataclass(frozen=True)
class SigmaTrial:
    """One noise level and what it scored on validation data; the accuracy is balanced where class weights are."""

    sigma_rs: float
    accuracy: float
    certified: float


@dataclass(frozen=True)
class SigmaChoice:
    """The chosen noise level, its head, and every level that was tried."""

    head: Head
    sigma_rs: float
    trials: tuple[SigmaTrial, ...]


def choose_sigma(
    grid: Sequence[float],
    train: Callable[[float], Head],
    evaluate: Callable[[Sequence[Head]], Sequence[tuple[float, float]]],
    *,
    tolerance: float = 0.01,
) -> SigmaChoice:
    """The noise level that certifies most among those whose accuracy is within `tolerance` of the best.

    Selection happens on validation data only, so certificates on test individuals need no correction for it
    (docs/guarantees.md, A.2 item 9).

    Args:
        grid: noise levels to try, each >= 0.
        train: the head trained at a level, on training data; give each level the same stream.
        evaluate: (accuracy, certified fraction) of each head on validation data, in [0, 1], both of the same model.
        tolerance: accuracy, in [0, 1], that may be given up for certificates.

    Returns:
        The choice; ties go to the higher accuracy, then to the smaller noise.

    Raises:
        SettingsError: the grid is empty or holds a negative level.
    """
    if not grid or any(not sigma >= 0.0 for sigma in grid):
        raise SettingsError(f"noise grid is {list(grid)}: expected at least one level, all >= 0")
    heads = {sigma: train(sigma) for sigma in sorted(set(grid))}
    scores = zip(heads, evaluate(list(heads.values())), strict=True)
    trials = tuple(SigmaTrial(sigma, *score) for sigma, score in scores)
    enough = max(trial.accuracy for trial in trials) - tolerance
    eligible = [trial for trial in trials if trial.accuracy >= enough]
    best = max(eligible, key=lambda trial: (trial.certified, trial.accuracy, -trial.sigma_rs))
    return SigmaChoice(heads[best.sigma_rs], best.sigma_rs, trials)
