"""Encoder training with the attack: images per second, against the textbook loop, in one run.

The textbook sends every point of the attack through the whole encoder, first layer included, as the released
algorithm does. Paper's sizes: 12288-2048-1024-512, batch 500, 10 points.

    python benchmarks/encoder_training.py [--latent-dim 12288] [--batch 500] [--rounds 3] [--threads 2]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from producer.encoder import EncoderConfig
from producer.objective import Networks, losses
from producer.settings import ObjectiveSettings, TrainingSettings
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet


def textbook_step(
    networks: Networks,
    optimiser: torch.optim.Optimizer,
    z: Tensor,
    y: Tensor,
    vector: Tensor,
    points: int,
    generator: torch.Generator,
) -> None:
    """One step as in paper, section 4.2: every point of S(x) passes through R from its first layer on."""
    encoder = networks.encoder
    clean = encoder(z)
    encoder.eval()
    with torch.no_grad():
        reference = encoder(z)
        candidates, distances = [], []
        for _ in range(points):
            t = 2 * torch.rand(len(z), 1, generator=generator) - 1
            candidates.append(z + t * vector)
            distances.append((encoder(candidates[-1]) - reference).norm(dim=1))
        worst = torch.stack(distances).argmax(dim=0)
        moved = torch.stack([candidates[int(j)][i] for i, j in enumerate(worst)])
    encoder.train()
    adversarial = (clean - encoder(moved)).norm(dim=1).mean()
    loss = nn.functional.cross_entropy(networks.heads[0](clean), y[0]) + 0.05 * adversarial
    optimiser.zero_grad()
    torch.autograd.backward(loss)
    optimiser.step()


def seconds_per_step(steps: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Median wall time of each step; the rounds alternate between them, so that all see the same machine."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for index in range(rounds + 1):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if index:  # the first round warms up
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latent-dim", type=int, default=12288)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--points", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    generator = torch_generator(0, "benchmark")
    z = torch.randn(options.batch, options.latent_dim, generator=generator)
    y = torch.randint(0, 2, (1, options.batch), generator=generator)
    vector = 0.1 * torch.randn(1, options.latent_dim, generator=generator)
    similarity = SimilaritySet(vector, 1.0)
    config = EncoderConfig.of(TrainingSettings(), similarity)

    def build(fused: bool) -> tuple[Networks, torch.optim.Optimizer]:
        networks = Networks(config, {"target": 2}, False, torch_generator(0, "benchmark.weights"))
        return networks.train(), torch.optim.Adam(networks.parameters(), lr=1e-3, fused=fused)

    def ours(bf16: bool) -> Callable[[], None]:
        networks, optimiser = build(fused=True)
        settings = ObjectiveSettings(attack_points=options.points, bf16=bf16)

        def step() -> None:
            result = losses(networks, z, y, similarity, settings, generator)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(result.total)
            optimiser.step()

        return step

    networks, optimiser = build(fused=False)
    seconds = seconds_per_step(
        {
            "textbook": lambda: textbook_step(
                networks, optimiser, z, y, vector, options.points, generator
            ),
            "float32": ours(bf16=False),
            "bfloat16": ours(bf16=True),
        },
        options.rounds,
    )
    for name, value in seconds.items():
        ratio = seconds["textbook"] / value
        print(f"{name:9s} {options.batch / value:8.1f} individuals/s {ratio:6.2f} x the textbook")


if __name__ == "__main__":
    main()
