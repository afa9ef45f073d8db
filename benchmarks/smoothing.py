"""The smoothing view: seconds per individual, against the textbook algorithm kept under tests/, in one run.

Paper's sizes: 12288-2048-1024-512, n0 = n = 10,000, alpha = 0.01, the same draws' law and the same counts for both.

    python benchmarks/smoothing.py [--k 1] [--n 10000] [--individuals 5] [--threads 1]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/oracles"))

import textbook_smoothing as textbook
import torch

from producer.encoder import Encoder, EncoderConfig, fold
from producer.settings import TrainingSettings
from producer.views.smoothing.sampling import draws
from producer.views.smoothing.view import SmoothingView
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet
from shared_spec.smoothing.settings import SmoothingSettings


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--k", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--individuals", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    generator = torch_generator(0, "benchmark")
    encoder = Encoder(
        EncoderConfig.of(TrainingSettings(), SimilaritySet(torch.ones(1, 12288), 1.0)), generator
    )
    z = torch.randn(500, 12288, generator=generator)
    encoder.train()(z)  # gives the batch norms statistics
    folded = fold(encoder.eval())
    settings = SmoothingSettings(n0=options.n, n=options.n, statement="paper")
    n = options.n
    baseline = None
    for k in options.k:
        # A direction with the length of a mean difference: a tenth of a standard deviation in every coordinate.
        similarity = SimilaritySet(0.1 * torch.randn(k, 12288, generator=generator), 1.0)
        ids = [str(i) for i in range(options.individuals)]
        start = time.perf_counter()
        view = SmoothingView(settings).bound(folded, z[: len(ids)], ids, similarity, 0)
        ours = (time.perf_counter() - start) / len(ids)
        if baseline is None:  # its work does not depend on k
            sets = [
                draws(0, f"smoothing.{p}", ids[0], n, k, 0.65)
                for p in ("centre", "check", "radius")
            ]
            start = time.perf_counter()
            _, radius = textbook.certify(encoder, z[0], similarity.vectors, 1.0, 0.65, *sets)
            baseline = time.perf_counter() - start
            print(f"textbook  {baseline:8.2f} s per individual, radius {radius:.4f}")
        print(
            f"k = {k}     {ours:8.3f} s per individual, radius {view.radius[0]:.4f}, "
            f"{baseline / ours:6.1f} x the textbook"
        )


if __name__ == "__main__":
    main()
