"""Training of the flow by maximum likelihood (paper, Sec. 4.1): Adam on bits per dimension of dequantised images."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from regulator.flow.batches import (
    batch_rows,
    held_out_pixels,
    image_reader,
    training_pixels,
)
from regulator.flow.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from regulator.flow.settings import FlowSettings, FlowTrainingSettings, learning_rate
from shared_spec.ahead import ahead
from shared_spec.data.source import Source, UInt8Images
from shared_spec.device import multiplies_bf16
from shared_spec.distributed import Workers
from shared_spec.errors import LassiError
from shared_spec.flow import Glow, GlowConfig, bits_per_dim
from shared_spec.interruption import deferred
from shared_spec.rng import torch_generator
from shared_spec.seeds import Seed

__all__ = ["FlowProgress", "TrainedFlow", "coupling_dtype", "fit_flow", "held_out_bits"]

_EVALUATION_BATCH = 128


@dataclass(frozen=True)
class FlowProgress:
    """One finished step.

    Attributes:
        step: steps done, counted from 1.
        steps: steps in all.
        bits_per_dim: of this step's batch, before its update.
        images_per_s: over the steps since this run started or resumed.
        held_out: bits per dimension on held-out images, if measured after this step.
    """

    step: int
    steps: int
    bits_per_dim: float
    images_per_s: float
    held_out: float | None


@dataclass(frozen=True)
class TrainedFlow:
    """The best flow of a training run: its held-out bits per dimension and the step after which it was measured."""

    flow: Glow
    bits_per_dim: float
    step: int


def fit_flow(
    settings: FlowSettings,
    source: Source,
    seed: Seed,
    *,
    checkpoint: Path | None = None,
    progress: Callable[[FlowProgress], None] = lambda _: None,
    workers: Workers | None = None,
    device: torch.device | str = "cpu",
) -> TrainedFlow:
    """Train a flow on the split `train` and keep the weights that are best on the split `valid`.

    Args:
        settings: the architecture, whose size must be the source's, and every choice of the training.
        source: the images.
        seed: of the initial weights, the order of the images and the noise; each is keyed by what it is for.
        checkpoint: written at every measurement, and by one process on Ctrl-C; if it exists, training continues from
            it, bit for bit on one CPU. Several processes must all see it.
        progress: called by the first process after every step.
        workers: the processes that share each batch; this one alone if not given.
        device: where to compute, and where the flow is left.

    Raises:
        LassiError: the loss is not finite or exploded; the message says what to change.
        SettingsError: the checkpoint was written under other settings.
        DataError: a split is empty or an image cannot be read.
    """
    config, training = settings.architecture, settings.training
    workers = workers or Workers()
    read, count = image_reader(source, "train"), len(source.sample_ids("train"))
    held_out = held_out_pixels(source, training.held_out, seed, config.bits).to(device)
    rows = batch_rows(seed, 0, min(training.initial_images, count), count)
    state = _initial_state(config, read(rows), training, seed, device)
    fixed = {**training.model_dump(), **config.model_dump(), "seed": seed, "data": source.digest()}
    if checkpoint is not None and checkpoint.exists():
        load_checkpoint(checkpoint, state, fixed)

    def images_of(step: int) -> UInt8Images:
        return read(batch_rows(seed, step, training.batch, count))

    started, first_step = time.monotonic(), state.step
    # Of several processes one that stopped would leave the others waiting.
    savable = checkpoint is not None and workers.world == 1
    with deferred() if savable else nullcontext(lambda: False) as interrupted:
        # The thread that reads ahead reads files and nothing else: tensor operations there would start a second team of
        # worker threads, which takes the processor from the training's own.
        for images in ahead(map(images_of, range(state.step, training.steps))):
            batch = training_pixels(images, seed, state.step, config.bits, training.flips)
            share = batch[workers.share(len(batch))].to(device)
            bits = _training_step(state, share, training, workers)
            _refuse_divergence(bits, 4.0 * config.bits, state, training, checkpoint)
            measured = None
            if state.step % training.evaluate_every == 0 or state.step == training.steps:
                measured = _keep_best(state, held_out)
                _refuse_divergence(measured, math.inf, state, training, checkpoint)
                if checkpoint is not None and workers.first:
                    save_checkpoint(checkpoint, state, fixed)
            if checkpoint is not None and interrupted():
                _save_and_stop(checkpoint, state, fixed)
            if workers.first:
                seen = (state.step - first_step) * training.batch
                speed = seen / (time.monotonic() - started)
                progress(FlowProgress(state.step, training.steps, bits, speed, measured))
    state.average.load_state_dict(state.best)
    return TrainedFlow(state.average.eval(), state.best_bits_per_dim, state.best_step)


def _save_and_stop(checkpoint: Path, state: TrainingState, fixed: dict[str, Any]) -> NoReturn:
    save_checkpoint(checkpoint, state, fixed)
    raise KeyboardInterrupt(
        f"step {state.step} of the flow is saved; the same command goes on from there"
    )


def coupling_dtype(settings: FlowTrainingSettings, device: torch.device) -> torch.dtype | None:
    """What the coupling networks multiply in while they train: bfloat16 where that is asked for and makes it faster."""
    return torch.bfloat16 if settings.bf16 and multiplies_bf16(device) else None


@torch.no_grad()
def held_out_bits(flow: Glow, pixels: Tensor) -> float:
    """Mean bits per dimension, in f32, of dequantised pixels [n, 3, S, S]."""
    log_prob = torch.cat([flow(part)[1] for part in torch.split(pixels, _EVALUATION_BATCH)])
    mean = log_prob.double().mean()
    return float(bits_per_dim(mean, flow.config.latent_dim, flow.config.bits))


def _initial_state(
    config: GlowConfig,
    images: UInt8Images,
    settings: FlowTrainingSettings,
    seed: Seed,
    device: torch.device | str,
) -> TrainingState:
    """A new flow, its ActNorm initialised on these images."""
    flow = Glow(config, torch_generator(seed, "flow-weights"))
    flow.initialise(training_pixels(images, seed, -2, config.bits, flips=False))
    flow.to(device)
    optimiser = torch.optim.Adam(flow.parameters(), lr=settings.learning_rate, fused=True)
    return TrainingState(flow, copy.deepcopy(flow), optimiser, 0, {}, math.inf, 0)


def _training_step(
    state: TrainingState, pixels: Tensor, settings: FlowTrainingSettings, workers: Workers
) -> float:
    """One update from this process's share of the batch; returns the whole batch's bits per dimension."""
    flow, config = state.flow, state.flow.config
    parameters = list(flow.parameters())
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate(settings, state.step)
    state.optimiser.zero_grad(set_to_none=True)
    total = pixels.new_zeros(1)
    for part in torch.split(pixels, settings.micro_batch or max(len(pixels), 1)):
        _, log_prob = flow(
            part,
            coupling_dtype=coupling_dtype(settings, pixels.device),
            recompute=settings.recompute,
        )
        loss = bits_per_dim(log_prob, config.latent_dim, config.bits).sum() / settings.batch
        torch.autograd.backward(loss)
        total += loss.detach()
    workers.sum([total, *(p.grad for p in parameters if p.grad is not None)])
    nn.utils.clip_grad_norm_(parameters, settings.clip)
    state.optimiser.step()
    # The average follows quickly at first: its start is far from anything worth keeping.
    decay = min(settings.ema, (1 + state.step) / (10 + state.step)) if settings.ema else 0.0
    follow = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    follow(list(state.average.parameters()), parameters, state.step)
    state.step += 1
    return float(total)


def _keep_best(state: TrainingState, held_out: Tensor) -> float:
    """Measure the average on held-out images and keep a copy if it is the best so far."""
    measured = held_out_bits(state.average, held_out)
    if measured < state.best_bits_per_dim:
        state.best = {name: value.clone() for name, value in state.average.state_dict().items()}
        state.best_bits_per_dim, state.best_step = measured, state.step
    return measured


def _refuse_divergence(
    bits: float,
    limit: float,
    state: TrainingState,
    settings: FlowTrainingSettings,
    checkpoint: Path | None,
) -> None:
    """Raise LassiError if these bits per dimension are not finite or not below the limit.

    Uniform noise costs as many bits per dimension as preprocessing keeps, so a batch far above that is beyond repair.
    """
    if math.isfinite(bits) and bits < limit:
        return
    stands = checkpoint is not None and checkpoint.exists()
    last = f"; the last checkpoint, {checkpoint}, is intact" if stands else ""
    raise LassiError(
        f"flow training diverged at step {state.step} ({bits:.3g} bits/dim): lower `learning_rate` "
        f"(now {settings.learning_rate:g}) or lengthen `warmup` (now {settings.warmup} steps){last}"
    )
