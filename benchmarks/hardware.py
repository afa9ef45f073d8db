"""What one H100 and a cluster should take for the paper's sizes: computed from counted operations, not measured.

The operations of every matrix product and convolution are counted by running the real code once on a few individuals.
Seconds = operations / (peak rate of the data type x utilisation); peak rates are the vendor's for the SXM model
without sparsity. The flow's batch of 16 can be shared by 16 processes; the encoder is trained by one.

    python benchmarks/hardware.py [--utilisation 0.4] [--cluster 64]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import torch
from _flops import flops

from producer.encoder import Encoder, EncoderConfig, fold
from producer.objective import Networks, losses
from producer.settings import ObjectiveSettings, TrainingSettings
from producer.views.exact.bounds import certify_exact
from producer.views.smoothing.view import SmoothingView
from regulator.flow.settings import FlowSettings
from shared_spec.flow import Glow
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet
from shared_spec.smoothing.settings import SmoothingSettings

H100 = {"bf16": 989e12, "f32": 67e12, "f64": 34e12}
"""Operations per second: bf16 on tensor cores, f32 and f64 outside them."""

CELEBA = {"train": 162_770, "all": 202_599, "test": 19_962}


@dataclass(frozen=True)
class Job:
    """A piece of work: operations in all, the data type of nearly all of them, and who can share it."""

    name: str
    operations: float
    dtype: str
    processes: int
    """At most so many can share it."""


def jobs() -> list[Job]:
    """The paper's pipeline on CelebA at 64 pixels."""
    preset = FlowSettings.preset("paper")
    config, training = preset.architecture, preset.training
    glow = Glow(config, torch_generator(0, "flow"))
    images = torch.rand(4, 3, config.size, config.size, generator=torch_generator(0, "images"))
    glow.initialise(images - 0.5)
    with torch.no_grad():
        encode = flops(lambda: glow.encode(images - 0.5)) / 4
    # Backward is twice forward; recomputing the activations is one more forward.
    passes = 4 if training.recompute else 3
    found = [
        Job(
            f"train the flow, {training.steps:,} steps of {training.batch}",
            encode * passes * training.steps * training.batch,
            "bf16" if training.bf16 else "f32",
            training.batch,
        ),
        Job(f"encode {CELEBA['all']:,} images", encode * CELEBA["all"], "f32", CELEBA["all"]),
    ]
    draw = torch_generator(0, "latents")
    z = torch.randn(500, 12288, generator=draw)
    vector = 0.1 * torch.randn(1, 12288, generator=draw)
    similarity = SimilaritySet(vector, 1.0)
    encoder_config = EncoderConfig.of(TrainingSettings(), similarity)
    networks = Networks(encoder_config, {"task": 2}, False, draw).train()
    labels = torch.randint(0, 2, (1, 500), generator=draw)

    def step() -> None:
        loss = losses(networks, z, labels, similarity, ObjectiveSettings(), draw)
        torch.autograd.backward(loss.total)

    found.append(
        Job(
            "train the encoder, 5 epochs with the attack",
            flops(step) * 5 * CELEBA["train"] / 500,
            "f32",
            1,
        )
    )
    encoder = Encoder(encoder_config, draw)
    encoder.train()(z)
    folded = fold(encoder.eval())
    ids = [str(i) for i in range(8)]
    people = f"{CELEBA['test']:,} individuals"
    smoothing = SmoothingView(SmoothingSettings())
    for name, call in (
        (
            f"smoothing view, {people}",
            lambda: smoothing.bound(folded, z[:8], ids, similarity, 0),
        ),
        (f"exact view, {people}", lambda: certify_exact(folded, z[:8], vector, 1.0)),
    ):
        found.append(Job(name, flops(call) / 8 * CELEBA["test"], "f64", CELEBA["test"]))
    return found


def duration(seconds: float) -> str:
    """Seconds for a person."""
    if seconds < 90:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def main() -> None:
    """Counts, computes and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--utilisation", type=float, default=0.4)
    parser.add_argument("--cluster", type=int, default=64)
    options = parser.parse_args()
    print(
        f"| work | operations | type | one H100 | {options.cluster} H100s |\n|---|---|---|---|---|"
    )
    for job in jobs():
        one = job.operations / (H100[job.dtype] * options.utilisation)
        many = duration(one / min(options.cluster, job.processes))
        print(f"| {job.name} | {job.operations:.2g} | {job.dtype} | {duration(one)} | {many} |")


if __name__ == "__main__":
    main()
