"""How tight the radii of MLP heads are, and what they cost: the radius at which an attack flips over the one certified.

    OMP_NUM_THREADS=1 python benchmarks/heads.py [--individuals 32]

Heads on representations of 128 dimensions, trained by the consumer's own training on two overlapping classes, or random
with both classes as frequent. The attack descends the margin from 20 starts on ever smaller balls; what it finds is an
upper bound of the true radius, so the ratios overstate the looseness. Times are CPU milliseconds per individual, one
thread; `decision` is that of balls at 1.05 times the certified radius. The program fails if an attack succeeds within a
certified radius.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor

from consumer.head import FrozenHead
from consumer.radius.crown import crown_radius
from consumer.radius.forms import image_of
from consumer.radius.mlp import certify_mlp, mlp_radius
from consumer.radius.nearest import nearest_flip
from consumer.radius.region import ball
from consumer.training import train_head
from shared_spec.artifacts.head_documents import HeadConfig
from shared_spec.rng import torch_generator
from shared_spec.terms import HeadKind

DIM, STARTS = 128, 20
HIDDEN = ((64,), (32, 32), (64, 32), (64, 64), (128, 128))
Result = TypeVar("Result")


def timed(call: Callable[[], Result], n: int) -> tuple[Result, float]:
    """The result, and CPU milliseconds per individual."""
    start = time.process_time()
    result = call()
    return result, 1e3 * (time.process_time() - start) / n


def people(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Representations [n, 128] of two overlapping classes with unit variance, and their labels."""
    labels = torch.randint(2, (n,), generator=generator)
    points = torch.randn(n, DIM, generator=generator)
    points[:, :20] += 0.45 * (2.0 * labels[:, None] - 1.0)
    return points, labels


def trained(hidden: tuple[int, ...], generator: torch.Generator) -> FrozenHead:
    """A head trained with noise 0.5."""
    config = HeadConfig(
        kind=HeadKind.MLP, input_dim=DIM, hidden=hidden, classes=("no", "yes"), sigma_rs=0.5
    )
    points, labels = people(20_000, generator)
    return train_head(points, labels, config, generator, epochs=3).frozen()


def random(hidden: tuple[int, ...], generator: torch.Generator) -> FrozenHead:
    """A head of Gaussian weights, its last bias such that half of the people are in either class."""
    weights, biases = [], []
    for inner, outer in pairwise((DIM, *hidden, 2)):
        weight = torch.randn(outer, inner, generator=generator, dtype=torch.float64)
        weights.append(weight / inner**0.5)
        biases.append(0.3 * torch.randn(outer, generator=generator, dtype=torch.float64))
    head = FrozenHead(tuple(weights), tuple(biases))
    logits = head(people(500, generator)[0])
    biases[-1] = biases[-1] + torch.tensor([0.0, float((logits[:, 0] - logits[:, 1]).median())])
    return FrozenHead(tuple(weights), tuple(biases))


def attack(head: FrozenHead, points: Tensor, classes: Tensor, generator: torch.Generator) -> Tensor:
    """The smallest radius [n] at which a flip was found, +inf where none was."""
    n = len(points)
    image = image_of(head, ball(points, torch.ones(n)))
    _, radius = nearest_flip(head, image, classes, 1 - classes, steps=200)
    signs = torch.where(classes == 0, 1.0, -1.0)[:, None]
    offset = torch.randn(n, STARTS, DIM, generator=generator, dtype=torch.float64)
    for _ in range(60):
        tried = 0.99 * torch.where(radius.isinf(), 10.0, radius)[:, None, None]
        point = (points[:, None] + tried * torch.nn.functional.normalize(offset, dim=-1)).detach()
        logits = head(point.requires_grad_())
        margin = (logits[..., 0] - logits[..., 1]) * signs
        radius = torch.where((margin <= 0.0).any(1), tried[:, 0, 0], radius)
        (slope,) = torch.autograd.grad(margin.sum(), point)
        offset = torch.nn.functional.normalize(offset, dim=-1)
        offset = offset - 2.0 * torch.nn.functional.normalize(slope, dim=-1)
    return radius


def report(name: str, head: FrozenHead, n: int, generator: torch.Generator) -> None:
    """One line: ratios and times of lines alone, and of what decides."""
    points = people(n, generator)[0].to(torch.float64)
    classes = head.predict(points)
    lines, before = timed(lambda: crown_radius(head, points, classes), n)
    radius, after = timed(lambda: mlp_radius(head, points, classes), n)
    _, decision = timed(lambda: certify_mlp(head, ball(points, 1.05 * radius), classes), n)
    found = attack(head, points, classes, generator)
    if bool((found <= radius).any()):
        raise SystemExit(f"{name}: a flip was found within a certified radius")
    print(
        f"{name:18s} CROWN {(found / lines).median():.2f} (max {(found / lines).max():.2f}), {before:5.1f} ms    "
        f"now {(found / radius).median():.2f} (max {(found / radius).max():.2f}), {after:5.1f} ms, "
        f"decision {decision:5.1f} ms",
        flush=True,
    )


def main() -> None:
    """Prints a line per head."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--individuals", type=int, default=32)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for hidden in HIDDEN:
        for make in (trained, random):
            generator = torch_generator(0, f"benchmark-heads-{make.__name__}-{hidden}")
            name = f"{make.__name__} {'-'.join(map(str, hidden))}"
            report(name, make(hidden, generator), arguments.individuals, generator)


if __name__ == "__main__":
    main()
