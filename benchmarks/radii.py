"""The consumer's costs at the paper's sizes: representations of 512 dimensions, alpha_rs = 0.001, n = 100,000.

Prints individuals per second of each method on one thread, and how many samples the sequential decision takes for what
the fixed sample size of the paper decides, in the same run on the same individuals.

    OMP_NUM_THREADS=1 python benchmarks/radii.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from consumer.head import FrozenHead
from consumer.radius.base import certify_base_ball, certify_base_tube
from consumer.radius.linear import linear_radius
from consumer.radius.noise import NoisyHead, Streams
from consumer.radius.randomized import randomized_radius, select_classes
from consumer.radius.sequential import sequential_decision
from consumer.training import train_head
from shared_spec.artifacts.head_documents import HeadConfig
from shared_spec.rng import numpy_generator, torch_generator
from shared_spec.terms import HeadKind

DIM, ALPHA, FIXED, N0 = 512, 0.001, 100_000, 2_000
Result = TypeVar("Result")


def timed(call: Callable[[], Result]) -> tuple[Result, float]:
    """The result and the seconds it took."""
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def individuals(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Representations [n, 512] of two overlapping classes with unit variance, and their labels."""
    labels = torch.randint(2, (n,), generator=generator)
    points = torch.randn(n, DIM, generator=generator)
    points[:, :20] += 0.45 * (2.0 * labels[:, None] - 1.0)
    return points, labels


def streams(n: int, purpose: str) -> Streams:
    """One stream per individual."""
    return [numpy_generator(0, purpose, str(i)) for i in range(n)]


def trained(hidden: tuple[int, ...], sigma: float, generator: torch.Generator) -> FrozenHead:
    """A head trained on such individuals."""
    config = HeadConfig(
        kind=HeadKind.MLP if hidden else HeadKind.LINEAR,
        input_dim=DIM,
        hidden=hidden,
        classes=("no", "yes"),
        sigma_rs=sigma,
    )
    points, labels = individuals(20_000, generator)
    return train_head(points, labels, config, generator, epochs=3).frozen()


def closed_form(generator: torch.Generator) -> None:
    """Linear heads: individuals per second, balls and tubes."""
    head = trained((), 0.5, generator)
    points, _ = individuals(100_000, generator)
    classes = head.predict(points)
    linear_radius(head, points[:5000], classes[:5000])
    _, seconds = timed(lambda: linear_radius(head, points, classes))
    print(f"linear head, ball          {len(points) / seconds:12,.0f} individuals/s")
    tubes = points[:10_000, None] + 0.05 * torch.randn(10_000, 9, DIM, generator=generator)
    delta = torch.full((10_000,), 0.01)
    _, seconds = timed(lambda: certify_base_tube(head, tubes, delta, classes[:10_000]))
    print(f"linear head, tube of 9     {len(tubes) / seconds:12,.0f} individuals/s")


def mlp(generator: torch.Generator) -> None:
    """CROWN on balls and tubes, 512-64-2."""
    head = trained((64,), 0.5, generator)
    points, _ = individuals(5_000, generator)
    classes = head.predict(points)
    radii = torch.rand(len(points), generator=generator)
    certified, seconds = timed(lambda: certify_base_ball(head, points, radii, classes))
    rate, share = len(points) / seconds, float(certified.double().mean())
    print(f"MLP head, CROWN on balls   {rate:12,.0f} individuals/s   {share:.1%} certified")
    tubes = points[:500, None] + 0.05 * torch.randn(500, 9, DIM, generator=generator)
    delta = torch.full((500,), 0.01)
    certified, seconds = timed(lambda: certify_base_tube(head, tubes, delta, classes[:500]))
    rate, share = len(tubes) / seconds, float(certified.double().mean())
    print(f"MLP head, tube of 9        {rate:12,.0f} individuals/s   {share:.1%} certified")


def sampling(hidden: tuple[int, ...], scale: float, generator: torch.Generator) -> None:
    """Sequential decisions against the fixed sample size, on the same 50 individuals, sigma_rs = 1."""
    noisy = NoisyHead(trained(hidden, 1.0, generator), 1.0)
    points, _ = individuals(50, generator)
    radii = scale * torch.rand(50, generator=generator, dtype=torch.float64)
    classes, _ = select_classes(noisy, points, N0, streams(50, "class"))
    fixed, slow = timed(
        lambda: randomized_radius(noisy, points, classes, FIXED, ALPHA, streams(50, "fixed"))
    )
    quick, fast = timed(
        lambda: sequential_decision(noisy, points, radii, classes, ALPHA, streams(50, "sequential"))
    )
    by_radius = fixed.radius > radii.numpy()
    by_test = quick.status == "CERTIFIED"
    print(
        f"{'MLP' if hidden else 'linear'} head, d_cs <= {scale:g} sigma: certified {by_radius.sum()} (n = {FIXED:,})"
        f" {by_test.sum()} (sequential) of 50; mean samples drawn {quick.drawn.mean():,.0f}, median"
        f" {float(sorted(quick.drawn)[25]):,.0f}: {FIXED / quick.drawn.mean():.0f}x fewer; time {slow / fast:.0f}x"
        f" ({slow / 50 * 1e3:.0f} -> {fast / 50 * 1e3:.2f} ms)"
    )


def main() -> None:
    """Runs everything on one thread."""
    torch.set_num_threads(1)
    generator = torch_generator(0, "benchmark")
    closed_form(generator)
    mlp(generator)
    for hidden in ((), (64,)):
        for scale in (0.5, 1.0, 2.0):
            sampling(hidden, scale, generator)


if __name__ == "__main__":
    main()
