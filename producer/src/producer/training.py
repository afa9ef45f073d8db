"""Trains the representation encoder on latents that need not fit in memory.

Batches are read by rows, so a memory-mapped array works; every draw is keyed by the run's seed, its purpose and the
epoch, so a run can be repeated exactly on the same kind of device.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LinearLR

from producer.batches import LabelledLatents, batches, check_latents, class_count
from producer.curves import EpochCurve, LossSums, LossValues, Step
from producer.encoder import Encoder, EncoderConfig
from producer.objective import Networks, losses, mean_adversarial_distance
from producer.training_settings import Method, TrainingSettings
from shared_spec.errors import SettingsError
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet

__all__ = [
    "Method",
    "TrainedEncoder",
    "TrainingSettings",
    "train_encoder",
]


@dataclass(frozen=True)
class TrainedEncoder:
    """The result of training, on the CPU and in eval mode.

    Attributes:
        encoder: R, float32.
        networks: R with the auxiliary heads (and Q), of which R is a part.
        curves: one entry per epoch that was trained.
        chosen_epoch: the epoch, from 1, whose weights these are.
    """

    encoder: Encoder
    networks: Networks
    curves: tuple[EpochCurve, ...]
    chosen_epoch: int


def train_encoder(
    data: LabelledLatents,
    similarity: SimilaritySet,
    settings: TrainingSettings,
    seed: int,
    *,
    validation: LabelledLatents | None = None,
    progress: Callable[[Step], None] | None = None,
) -> TrainedEncoder:
    """Trains R with its auxiliary heads to minimise the objective of paper, eq. 5.

    Args:
        data: the training individuals; with lambda_1 = 0 their labels are not looked at.
        similarity: S(x).
        settings: see there.
        seed: every draw derives from it.
        validation: held-out individuals with the same targets; needed to choose the best epoch.
        progress: called after every step.

    Raises:
        DataError: fewer than two individuals, latents of another dimension than the attribute vectors, or labels
            that are missing, negative or of another length.
        SettingsError: lambda_1 > 0 without a target, the best epoch asked for without validation data, or training
            diverged.
    """
    _check(data, similarity, settings, validation)
    learner = _learner(data, validation, similarity.latent_dim, settings, seed)
    networks = learner.networks
    curves: list[EpochCurve] = []
    best: tuple[float, int, dict[str, Tensor]] | None = None
    for epoch in range(1, settings.epochs + 1):
        training = _train_epoch(learner, data, similarity, settings, seed, epoch, progress)
        held_out = distance = None
        if validation is not None:
            held_out, distance = _validate(networks, validation, similarity, settings, seed)
        curves.append(EpochCurve(epoch, training, held_out, distance))
        if (
            settings.choose == "best"
            and held_out is not None
            and (best is None or held_out.total < best[0])
        ):
            best = held_out.total, epoch, copy.deepcopy(networks.state_dict())
    chosen = settings.epochs
    if best is not None:
        _, chosen, state = best
        networks.load_state_dict(state)
    networks = networks.cpu().eval().requires_grad_(False)
    return TrainedEncoder(networks.encoder, networks, tuple(curves), chosen)


@dataclass(frozen=True)
class _Learner:
    """What learns, and how fast."""

    networks: Networks
    optimiser: torch.optim.Optimizer
    schedule: LinearLR


def _learner(
    data: LabelledLatents,
    validation: LabelledLatents | None,
    latent_dim: int,
    settings: TrainingSettings,
    seed: int,
) -> _Learner:
    """New networks with their optimiser, on the device of the settings."""
    targets = list(data.labels) if settings.lambda_1 > 0 else []
    networks = Networks(
        EncoderConfig(input_dim=latent_dim, hidden=settings.hidden, output_dim=settings.output_dim),
        {target: class_count(target, data, validation) for target in targets},
        reconstruct=settings.lambda_3 > 0,
        generator=torch_generator(seed, "producer.initial-weights"),
    ).to(settings.device)
    fused = torch.device(settings.device).type in ("cpu", "cuda")
    optimiser = torch.optim.Adam(networks.parameters(), lr=settings.learning_rate, fused=fused)
    steps = settings.epochs * math.ceil(len(data.latents) / settings.batch_size)
    last = 0.0 if settings.decay == "linear" else 1.0
    return _Learner(networks, optimiser, LinearLR(optimiser, 1.0, last, steps))


def _train_epoch(
    learner: _Learner,
    data: LabelledLatents,
    similarity: SimilaritySet,
    settings: TrainingSettings,
    seed: int,
    epoch: int,
    progress: Callable[[Step], None] | None,
) -> LossValues:
    networks = learner.networks.train()
    n = len(data.latents)
    order = torch.randperm(n, generator=torch_generator(seed, "producer.shuffle", str(epoch)))
    points = torch_generator(seed, "producer.similar-points", str(epoch))
    steps = math.ceil(n / settings.batch_size)
    sums = LossSums(networks.targets)
    read = batches(data, order, networks.targets, settings.batch_size)
    for step, (latents, labels) in enumerate(read, start=1):
        latents, labels = latents.to(settings.device), labels.to(settings.device)
        result = losses(networks, latents, labels, similarity, settings, points)
        learner.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(result.total)
        learner.optimiser.step()
        learner.schedule.step()
        objective = sums.add(result, len(latents))
        if not math.isfinite(objective):
            raise SettingsError(
                f"training diverged: the objective is {objective} at step {step} of epoch {epoch}; lower "
                f"the learning rate, now {settings.learning_rate}, and check that the latents are finite"
            )
        if progress is not None:
            progress(Step(epoch, settings.epochs, step, steps, objective))
    return sums.means()


@torch.no_grad()
def _validate(
    networks: Networks,
    data: LabelledLatents,
    similarity: SimilaritySet,
    settings: TrainingSettings,
    seed: int,
) -> tuple[LossValues, float]:
    networks.eval()
    # The same points in every epoch, so that epochs are compared on equal terms.
    points = torch_generator(seed, "producer.validation-points")
    sums = LossSums(networks.targets)
    distance = 0.0
    order = torch.arange(len(data.latents))
    for latents, labels in batches(data, order, networks.targets, settings.batch_size):
        latents, labels = latents.to(settings.device), labels.to(settings.device)
        result = losses(networks, latents, labels, similarity, settings, points)
        sums.add(result, len(latents))
        # With an adversarial loss the distance has been computed: in eval mode it is that loss.
        furthest = result.adversarial
        if settings.lambda_2 == 0:
            furthest = mean_adversarial_distance(
                networks.encoder, latents, similarity, settings, points
            )
        distance += float(furthest) * len(latents)
    return sums.means(), distance / len(data.latents)


def _check(
    data: LabelledLatents,
    similarity: SimilaritySet,
    settings: TrainingSettings,
    validation: LabelledLatents | None,
) -> None:
    if settings.lambda_1 > 0 and not data.labels:
        raise SettingsError(
            "lambda_1 is positive but there is no target to classify: name a target or set lambda_1 = 0"
        )
    if settings.choose == "best" and validation is None:
        raise SettingsError(
            "the best epoch is chosen on validation data: give some or choose the last epoch"
        )
    targets = list(data.labels) if settings.lambda_1 > 0 else []
    check_latents("training", data, similarity.latent_dim, targets)
    if validation is not None:
        check_latents("validation", validation, similarity.latent_dim, targets)
