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
from producer.curves import EpochCurve, LossSums
from producer.encoder import Encoder, EncoderConfig
from producer.nuisance import forgotten
from producer.objective import Networks, losses, mean_adversarial_distance
from producer.projection import projector
from producer.settings import TrainingSettings
from shared_spec.chains import Similarity
from shared_spec.class_weights import loss_weights
from shared_spec.errors import SettingsError
from shared_spec.progress import Advance, Report, silent, stage
from shared_spec.rng import torch_generator
from shared_spec.seeds import Seed

__all__ = ["TrainedEncoder", "train_encoder"]


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
    similarity: Similarity,
    settings: TrainingSettings,
    seed: Seed,
    *,
    validation: LabelledLatents | None = None,
    basis: Tensor | None = None,
    device: torch.device | str = "cpu",
    report: Report = silent,
) -> TrainedEncoder:
    """Trains R with its auxiliary heads to minimise the objective of paper, eq. 5.

    Args:
        data: the training individuals; with lambda_1 = 0 their labels are not looked at.
        similarity: S(x).
        settings: see there; the losses are theirs, whatever the method.
        seed: every draw derives from it.
        validation: held-out individuals with the same targets; needed to choose the best epoch.
        basis: what R is kept from seeing, as `forgotten` finds it; found now unless given.
        device: what computes.
        report: told every step.

    Raises:
        DataError: fewer than two individuals, latents of another dimension than the attribute vectors, labels that are
            missing, negative or of another length, or balanced class weights where a class has nobody.
        SettingsError: lambda_1 > 0 without a target, the best epoch asked for without validation data, settings that
            do not fit S(x) (`EncoderConfig.of`), or training diverged.
    """
    _check(data, similarity, settings, validation)
    config = EncoderConfig.of(settings, similarity)
    if basis is None:
        basis = forgotten(data.latents, similarity, settings, report)
    place = torch.device(device)
    run = _Run.start(data, validation, similarity, settings, seed, place, config, basis)
    networks = run.networks
    curves: list[EpochCurve] = []
    best: tuple[float, int, dict[str, Tensor]] | None = None
    steps = settings.epochs * math.ceil(len(data.latents) / settings.batch)
    advance = stage(report, f"training the encoder ({settings.method})", steps)
    for epoch in range(1, settings.epochs + 1):
        curve = run.train(epoch, advance)
        if validation is not None:
            curve = run.validate(curve, validation)
        curves.append(curve)
        held_out = curve.validation
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
class _Run:
    """What learns, from what, and how fast."""

    data: LabelledLatents
    similarity: Similarity
    settings: TrainingSettings
    seed: Seed
    device: torch.device
    networks: Networks
    optimiser: torch.optim.Optimizer
    schedule: LinearLR
    seen: Callable[[Tensor], Tensor] | None
    """Takes what R is kept from seeing out of the rows of its first weights [h_1, q]."""
    class_weights: tuple[Tensor, ...]
    """Per target, none where classes count by how many they are."""

    @classmethod
    def start(
        cls,
        data: LabelledLatents,
        validation: LabelledLatents | None,
        similarity: Similarity,
        settings: TrainingSettings,
        seed: Seed,
        device: torch.device,
        config: EncoderConfig,
        basis: Tensor,
    ) -> _Run:
        """New networks with their optimiser."""
        targets = list(data.labels) if settings.lambda_1 > 0 else []
        classes = {target: class_count(target, data, validation) for target in targets}
        weighed = (
            loss_weights(settings.class_weights, data.labels[target], count)
            for target, count in classes.items()
        )
        class_weights = tuple(weights.to(device) for weights in weighed if weights is not None)
        networks = Networks(
            config,
            classes,
            reconstruct=settings.lambda_3 > 0,
            generator=torch_generator(seed, "producer.initial-weights"),
        )
        if networks.encoder.basis is not None:
            networks.encoder.basis.copy_(basis)
        networks = networks.to(device)
        first = networks.encoder.linears[0].get_parameter("weight").detach()
        seen = None
        if len(basis) and networks.encoder.basis is None:
            seen = projector(basis, first)
            first.copy_(seen(first))
        fused = device.type in ("cpu", "cuda")
        optimiser = torch.optim.Adam(networks.parameters(), lr=settings.learning_rate, fused=fused)
        steps = settings.epochs * math.ceil(len(data.latents) / settings.batch)
        last = 0.0 if settings.decay == "linear" else 1.0
        schedule = LinearLR(optimiser, 1.0, last, steps)
        return cls(
            data,
            similarity,
            settings,
            seed,
            device,
            networks,
            optimiser,
            schedule,
            seen,
            class_weights,
        )

    @torch.no_grad()
    def step(self) -> None:
        """One step of Adam, as if R's first layer were W_1 P: P is applied to its gradient and to what comes of it."""
        first = self.networks.encoder.linears[0].get_parameter("weight")
        if self.seen is not None and first.grad is not None:
            first.grad.copy_(self.seen(first.grad))
        self.optimiser.step()
        if self.seen is not None:
            first.copy_(self.seen(first))
        self.schedule.step()

    def train(self, epoch: int, advance: Advance) -> EpochCurve:
        """One pass over the training individuals. Raises SettingsError if it diverges."""
        settings, networks = self.settings, self.networks.train()
        n = len(self.data.latents)
        shuffle = torch_generator(self.seed, "producer.shuffle", str(epoch))
        points = torch_generator(self.seed, "producer.similar-points", str(epoch))
        steps = math.ceil(n / settings.batch)
        sums = LossSums(networks.targets)
        read = batches(
            self.data, torch.randperm(n, generator=shuffle), networks.targets, settings.batch
        )
        for step, (latents, labels) in enumerate(read, start=1):
            latents, labels = latents.to(self.device), labels.to(self.device)
            result = losses(
                networks, latents, labels, self.similarity, settings, points, self.class_weights
            )
            self.optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(result.total)
            self.step()
            objective = sums.add(result, len(latents))
            self._refuse(objective, f"the objective is {objective} at step {step} of epoch {epoch}")
            advance((epoch - 1) * steps + step, f"epoch {epoch}, loss {objective:.3f}")
        # The last step's weights have been looked at by nobody yet.
        largest = torch.stack([weights.detach().abs().max() for weights in networks.parameters()])
        reach = float(largest.max())
        self._refuse(reach, f"a weight is {reach} after epoch {epoch}")
        return EpochCurve(epoch, sums.means(), None, None)

    def _refuse(self, value: float, found: str) -> None:
        """Raises SettingsError if training diverged."""
        if not math.isfinite(value):
            raise SettingsError(
                f"training diverged: {found}; lower `learning_rate`, now {self.settings.learning_rate:g}, or the "
                "weights of the losses, and check that the latents are finite"
            )

    @torch.no_grad()
    def validate(self, curve: EpochCurve, data: LabelledLatents) -> EpochCurve:
        """The curve with the losses and distances of held-out individuals."""
        settings, networks = self.settings, self.networks.eval()
        # The same points in every epoch, so that epochs are compared on equal terms.
        points = torch_generator(self.seed, "producer.validation-points")
        sums = LossSums(networks.targets)
        distance = 0.0
        order = torch.arange(len(data.latents))
        for latents, labels in batches(data, order, networks.targets, settings.batch):
            latents, labels = latents.to(self.device), labels.to(self.device)
            result = losses(
                networks, latents, labels, self.similarity, settings, points, self.class_weights
            )
            objective = sums.add(result, len(latents))
            self._refuse(
                objective, f"validation's objective is {objective} after epoch {curve.epoch}"
            )
            # With an adversarial loss the distance has been computed: in eval mode it is that loss.
            furthest = result.adversarial
            if settings.lambda_2 == 0:
                furthest = mean_adversarial_distance(
                    networks.encoder, latents, self.similarity, settings, points
                )
            distance += float(furthest) * len(latents)
            self._refuse(
                distance, f"validation's distances are {distance} after epoch {curve.epoch}"
            )
        return EpochCurve(curve.epoch, curve.training, sums.means(), distance / len(data.latents))


def _check(
    data: LabelledLatents,
    similarity: Similarity,
    settings: TrainingSettings,
    validation: LabelledLatents | None,
) -> None:
    if settings.lambda_1 > 0 and not data.labels:
        raise SettingsError(
            "`lambda_1` is positive but there is no `target` to classify: name one or set it to 0"
        )
    if settings.choose == "best" and validation is None:
        raise SettingsError(
            "`choose` is best, which is by validation data: give some or choose the last epoch"
        )
    targets = list(data.labels) if settings.lambda_1 > 0 else []
    check_latents("training", data, similarity.latent_shape, targets)
    if validation is not None:
        check_latents("validation", validation, similarity.latent_shape, targets)
