"""Time and memory of `consumer certify` and `consumer verify` over any number of synthetic individuals.

The bundle is written by the project's own writer, in a stream and without an encoder: representations of dimension 128
with a ball and a tube each, for a linear head; with `--smoothing` bounds in that view too. Each command runs in a
process of its own, whose memory beyond the page cache is watched. Of its CPU time, that of processes that it starts is
a part.

    python benchmarks/population.py [--individuals 1000000] [--smoothing] [--folder DIR]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from producer.views.registry import choose_views, view_entries
from shared_spec.artifacts.bundle_documents import EncoderEntry, Manifest, SpecEntry, SplitEntry
from shared_spec.artifacts.bundle_writing import save_shard, seal_bundle
from shared_spec.artifacts.document import DataEntry, this_tool
from shared_spec.artifacts.individuals import Cells, list_shard
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet
from shared_spec.terms import EncoderMethod

_DIMENSION = 128
CONSUMER = "from consumer.cli import main; main()"
_DIGEST = f"sha256-content-v1:{0:064x}"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--individuals", type=int, default=1_000_000)
    parser.add_argument("--smoothing", action="store_true", help="Both views.")
    parser.add_argument("--folder", type=Path, help="Where all is written; the system's own.")
    options = parser.parse_args()
    views = ("smoothing", "exact") if options.smoothing else ("exact",)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        write_bundle(folder / "reps", options.individuals, views)
        reps, certificate = ["--reps", folder / "reps"], folder / "certificate"
        certify = ["certify", *reps, "--target", "task", "--noise", "0.25", "--out", certificate]
        for words in (certify, ["verify", certificate, *reps]):
            start = time.perf_counter()
            spent, peak = watched([sys.executable, "-c", CONSUMER, *map(str, words)])
            wall = time.perf_counter() - start
            millions = options.individuals / 1e6
            print(
                f"{words[0]}: {options.individuals} individuals, {' and '.join(views)} view, {wall:.0f} s; per million "
                f"{wall / millions:.0f} s, {spent / millions:.0f} s of them on processors; "
                f"peak {peak / 2**30:.3f} GiB beyond the page cache",
                flush=True,
            )


def watched(command: list[str]) -> tuple[float, int]:
    """CPU seconds that a command takes, and the most bytes of memory that no file backs, its children's included."""
    process, peak = subprocess.Popen(command, stdout=subprocess.DEVNULL), 0
    while True:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        peak = max(peak, sum(map(anonymous_memory, family(process.pid))))
        time.sleep(0.02)
    if status:
        raise SystemExit(f"{command} failed")
    return usage.ru_utime + usage.ru_stime, peak


def family(pid: int) -> list[int]:
    """A process and those that it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(found for child in children for found in family(int(child)))]


def anonymous_memory(pid: int) -> int:
    """Bytes of a process's memory that no file backs; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:")), 0)


def write_bundle(
    reps: Path, individuals: int, views: tuple[str, ...], train: int = 20_000, rows: int = 8192
) -> None:
    """A bundle whose individuals are drawn: two classes, some too near the border to be certified."""
    counts = {"train": train, "test": individuals}
    similarity = SimilaritySet(torch.ones(1, _DIMENSION), 1.0)
    manifest = Manifest(
        spec=SpecEntry(digest=_DIGEST, attributes=("a",), epsilon=1.0),
        data=DataEntry(uri="benchmark", size=32, digest=_DIGEST),
        encoder=EncoderEntry(
            digest=_DIGEST, method=EncoderMethod.NAIVE, input_dim=_DIMENSION, hidden=(), output_dim=_DIMENSION,
            targets=("task",), settings={},
        ),
        views=dict(view_entries(choose_views(views), similarity, ("test",))),
        splits={name: SplitEntry(available=n, every=1, individuals=n) for name, n in counts.items()},
        shard_rows=rows, labels={"task": ("no", "yes")}, tool=this_tool("lassi-producer"), seed=0,
    )  # fmt: skip
    reps.mkdir()
    seal_bundle(reps, shards(reps, manifest), manifest)


def shards(reps: Path, manifest: Manifest) -> Iterator[Cells]:
    """Writes all shards; the rows of their individuals, one after the other."""
    for (split, shard), rows in manifest.shards.items():
        tensors = drawn(f"{split}-{shard}", rows)
        if split == "train":
            tensors = {"representation": tensors["representation"]}
        elif "smoothing" in manifest.views:
            tensors |= smoothed(manifest, tensors)
        save_shard(reps, manifest, split, shard, tensors)
        first = shard * manifest.shard_rows
        names = [f"{split}-{row:08d}" for row in range(first, first + rows)]
        labels = ["yes" if value > 0 else "no" for value in tensors["representation"][:, 0].tolist()]  # fmt: skip
        yield list_shard(split, shard, names, {"task": labels})


def drawn(name: str, rows: int) -> dict[str, Tensor]:
    """The tensors of a shard in the exact view."""
    generator = torch_generator(0, "population", name)
    points = torch.randn(rows, _DIMENSION, generator=generator)
    way = torch.nn.functional.normalize(torch.randn(rows, _DIMENSION, generator=generator), dim=1)
    radius = 0.05 + 0.5 * torch.rand(rows, generator=generator, dtype=torch.float64)
    ends = 0.9 * radius[:, None].float() * way
    return {
        "representation": points,
        "exact.centre": points.clone(),
        "exact.radius": radius,
        "exact.lower_bound": 0.5 * radius,
        "exact.effort": torch.full((rows,), 100),
        "exact.status": torch.zeros(rows, dtype=torch.uint8),
        "exact.tube": torch.stack([points - ends, points + ends], 1),
        "exact.place": torch.tensor([-1.0, 1.0], dtype=torch.float64).repeat(rows, 1),
        "exact.delta": torch.full((rows,), 0.01, dtype=torch.float64),
    }


def smoothed(manifest: Manifest, exact: dict[str, Tensor]) -> dict[str, Tensor]:
    """Bounds on the same individuals in the smoothing view."""
    settings, radius = manifest.views["smoothing"].settings, exact["exact.radius"]
    return {
        "smoothing.centre": exact["exact.centre"].clone(),
        "smoothing.radius": radius.clone(),
        "smoothing.quantile": radius / (1.0 + 1e-9) / float(settings["factor"]),
        "smoothing.ball_radius": radius.clone(),
        "smoothing.ball_count": torch.full((len(radius),), int(settings["n1"])),
        "smoothing.status": exact["exact.status"].clone(),
    }


if __name__ == "__main__":
    main()
