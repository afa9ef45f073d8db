"""The exact view at the paper's sizes on trained-like weights: time per individual, tightness, memory.

    python benchmarks/exact.py [--individuals 64] [--stream 0] [--naive]

Times are CPU seconds of this process per individual, one thread, beside the float64 GEMM rate of the same run; the
last column compares with textbook sampling of as many representations as centre smoothing needs (3 x 10,000).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/oracles"))

import torch
from exact_weights import PAPER, trained_like
from resident import forget_peak, peak_bytes
from torch import Tensor

from producer.views.exact.batches import ExactBounds
from producer.views.exact.bounds import certify_chains, certify_exact
from producer.views.exact.settings import ExactSettings
from producer.views.smoothing.sampling import distances_along, representation_map
from shared_spec.relu_network import ReluNetwork
from shared_spec.rng import torch_generator

T = TypeVar("T")
Certify = Callable[[ReluNetwork, Tensor, Tensor, float], ExactBounds]
SAMPLES = 30_000
SIGMA = 0.65


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """CPU seconds, and the result."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def gemm_rate() -> float:
    """Float64 GFLOP/s of one product of the second layer's shape."""
    rows, weight = torch.ones(576, 2048).double(), torch.ones(1024, 2048).double()
    seconds, _ = timed(lambda: rows @ weight.T)
    return 2e-9 * rows.numel() * len(weight) / seconds


def report(name: str, seconds: float, textbook: float, view: ExactBounds) -> None:
    """One line per setting; collapsed individuals (lower bound below rounding) count for time only."""
    ratio = (view.radius / view.lower_bound)[view.lower_bound > 1e-3]
    print(
        f"{name:28s} {1e3 * seconds:8.1f} ms  radius/attained mean {ratio.mean():.3f} max {ratio.max():.3f}  "
        f"effort {view.effort.double().mean():7.1f}  undecided {int((view.status == 2).sum())}  "
        f"{textbook / seconds:8.0f}x textbook sampling"
    )


def views(encoder: ReluNetwork, vectors: Tensor, latents: Tensor, textbook: float) -> None:
    """Balls for k = 1, 2, 3 and tubes."""
    settings: dict[str, tuple[int, int, Certify]] = {
        "k = 1, grid": (1, len(latents), certify_exact),
        "k = 1, polyline": (1, 16, partial(certify_exact, method="polyline")),
        "k = 1, tube of 5 vertices": (1, 32, partial(certify_exact, tube_vertices=5)),
        "k = 2": (2, 16, certify_exact),
        "k = 2, affine tube": (2, 8, partial(certify_exact, tube_vertices=2)),
        "k = 3": (3, 16, certify_exact),
    }
    for name, (k, count, certify) in settings.items():
        seconds, view = timed(partial(certify, encoder, latents[:count], vectors[:k], 1.0))
        report(name, seconds / count, textbook, view)


def chains(encoder: ReluNetwork, vectors: Tensor, latents: Tensor, textbook: float) -> None:
    """A chain of nine corners, each off the straight line by half the length of a segment, against the line itself."""
    generator = torch_generator(0, "benchmark-chains")
    chosen, t = latents[:32], torch.linspace(-1, 1, 9)
    bends = torch.randn(len(chosen), 9, PAPER[0], generator=generator)
    bends *= vectors[0].norm() / 8 / bends.norm(dim=2, keepdim=True)
    corners = chosen[:, None] + t[:, None] * vectors[0] + bends
    corners[:, 4] = chosen
    own_first = torch.cat([corners[:, 4:5], corners[:, :4], corners[:, 5:]], dim=1)
    visits, settings = torch.tensor([[1, 2, 3, 4, 0, 5, 6, 7, 8]]), ExactSettings()
    straight, view = timed(lambda: certify_exact(encoder, chosen, vectors[:1], 1.0))
    report("the line", straight / len(chosen), textbook, view)
    bent, view = timed(lambda: certify_chains(encoder, own_first, visits, settings))
    report("a chain of 9 corners", bent / len(chosen), textbook, view)
    print(f"chain / line: {bent / straight:.1f} times")


def samples(encoder: ReluNetwork, vectors: Tensor, latents: Tensor) -> float:
    """Textbook sampling against reading samples off the polyline; CPU seconds of the former per individual."""
    plain = torch.nn.Sequential()
    for weight, bias in zip(encoder.weights, encoder.biases, strict=True):
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
        layer.weight.data, layer.bias.data = weight.float(), bias.float()
        plain.extend([layer, torch.nn.ReLU()])
    t = SIGMA * torch.randn(
        SAMPLES, generator=torch_generator(0, "benchmark-samples"), dtype=torch.float64
    )
    few = 500
    points = latents[0] + t[:few, None].float() * vectors[0]
    with torch.inference_mode():
        seconds, _ = timed(lambda: plain[:-1](points))
    textbook = seconds * SAMPLES / few
    slope, offsets = encoder.directions(vectors[:1]), encoder.first_layer(latents[:8])
    centres = encoder.tail(offsets)

    def read_off() -> None:
        for offset, centre in zip(offsets, centres, strict=True):
            g = representation_map(encoder, offset, slope, 6.5 * SIGMA)
            distances_along(g, t[:, None], centre)

    fast = timed(read_off)[0] / len(offsets)
    print(
        f"{SAMPLES} distances: textbook {textbook:.1f} s, polyline {1e3 * fast:.0f} ms, {textbook / fast:.0f}x"
    )
    return textbook


def stream(encoder: ReluNetwork, vectors: Tensor, count: int) -> None:
    """Certifies `count` fresh individuals in chunks, as an export does; wall time and peak memory beyond the inputs."""
    generator = torch_generator(0, "benchmark-stream")
    base = forget_peak()
    wall, cpu, spent = time.perf_counter(), time.process_time(), 0.0
    for _ in range(0, count, 1000):
        start = time.perf_counter()
        latents = torch.randn(1000, PAPER[0], generator=generator)
        spent += time.perf_counter() - start
        certify_exact(encoder, latents, vectors[:1], 1.0)
    peak = peak_bytes()
    print(
        f"{count} individuals: {time.perf_counter() - wall - spent:.0f} s wall, "
        f"{time.process_time() - cpu:.0f} s CPU with {torch.get_num_threads()} threads, "
        f"peak memory {peak / 2**30:.2f} GiB, {(peak - base) / 2**30:.2f} GiB more than before the stream"
    )


def main() -> None:
    """Runs all parts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--individuals", type=int, default=256)
    parser.add_argument("--stream", type=int, default=0, help="individuals of the streamed run")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--naive", action="store_true", help="weights of plain training")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    encoder, vectors, latents = trained_like(PAPER, 3, not arguments.naive, seed=0)
    latents = latents[: arguments.individuals]
    print(
        f"float64 GEMM {gemm_rate():.0f} GFLOP/s, {'naive' if arguments.naive else 'fair'} weights"
    )
    if arguments.stream:
        stream(encoder, vectors, arguments.stream)
        return
    textbook = samples(encoder, vectors, latents)
    views(encoder, vectors, latents, textbook)
    chains(encoder, vectors, latents, textbook)


if __name__ == "__main__":
    main()
