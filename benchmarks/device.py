"""Both views where `--device` says, at the paper's sizes: time per individual, and how far from the host's bounds.

    python benchmarks/device.py --device cuda [--individuals 1024] [--threads 1]

On the device wall time, the results back on the host; on the host the seconds of its processors, which other work does
not change. A run of a few individuals goes before. The weights look trained, the latents are Gaussian. `operations` is
how many tensor operations were started per individual: an accelerator takes some microseconds for each, however small.
With `--device cpu` the host's times stand alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from exact_weights import PAPER, trained_like
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from producer.views.exact.settings import ExactSettings
from producer.views.exact.view import ExactView
from producer.views.smoothing.view import SmoothingView
from producer.views.view import ViewBounds
from shared_spec.device import open_device
from shared_spec.relu_network import ReluNetwork
from shared_spec.similarity import SimilaritySet
from shared_spec.smoothing.settings import SmoothingSettings

Bound = Callable[[ReluNetwork, int], ViewBounds]
"""The bounds of so many individuals by an encoder."""


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch gives its own no types
    """Counts what is started."""

    count = 0

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        """Called for each."""
        self.count += 1
        return func(*args, **(kwargs or {}))


def cases(vectors: Tensor, latents: Tensor) -> dict[str, tuple[Bound, int]]:
    """What is bounded, and for one of how many individuals."""

    def exact(k: int, settings: ExactSettings, encoder: ReluNetwork, count: int) -> ViewBounds:
        similarity = SimilaritySet(vectors[:k], 1.0)
        ids = [str(row) for row in range(count)]
        return ExactView(settings).bound(encoder, latents[:count], ids, similarity, 0)

    def smoothing(k: int, encoder: ReluNetwork, count: int) -> ViewBounds:
        similarity = SimilaritySet(vectors[:k], 1.0)
        ids = [str(row) for row in range(count)]
        view = SmoothingView(SmoothingSettings())
        return view.bound(encoder, latents[:count], ids, similarity, 0)

    return {
        "exact, k = 1, ball": (partial(exact, 1, ExactSettings()), 1),
        "exact, k = 1, tube of 5": (partial(exact, 1, ExactSettings(tube_vertices=5)), 4),
        "exact, k = 2, ball": (partial(exact, 2, ExactSettings()), 32),
        "smoothing, k = 1": (partial(smoothing, 1), 16),
        "smoothing, k = 2": (partial(smoothing, 2), 128),
    }


def timed(bound: Bound, encoder: ReluNetwork, count: int) -> tuple[float, ViewBounds]:
    """Seconds per individual, and the bounds."""
    clock = time.process_time if encoder.device.type == "cpu" else time.perf_counter
    bound(encoder, min(count, 2))
    start = clock()
    found = bound(encoder, count)
    return (clock() - start) / count, found


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--device", required=True)
    parser.add_argument("--individuals", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = open_device(options.device)
    encoder, vectors, latents = trained_like(PAPER, 2, True, seed=0)
    moved = encoder.to(device)
    latents = latents.repeat(-(-options.individuals // len(latents)), 1)[: options.individuals]
    print(
        "| bounds | individuals | operations | host | device | apart |\n|---|---|---|---|---|---|"
    )
    for name, (bound, rarer) in cases(vectors, latents).items():
        count = max(options.individuals // rarer, 1)
        here, expected = timed(bound, encoder, count)
        # Counted is what this thread starts: on the host all of it, while it is the only one.
        torch.set_num_threads(1)
        with Operations() as operations:  # type: ignore[no-untyped-call]  # torch gives its own no types
            bound(moved, min(count, 64))
        torch.set_num_threads(options.threads)
        each = operations.count / min(count, 64)
        cells = [name, str(count), f"{each:.0f}", f"{1e3 * here:.2f} ms", "", ""]
        if device.type != "cpu":
            there, found = timed(bound, moved, count)
            apart = ((found.radius - expected.radius).abs() / expected.radius).max()
            cells[4:] = [f"{1e3 * there:.2f} ms", f"{apart:.0e}"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
