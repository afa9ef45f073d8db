"""Each stage of the pipeline as its command: processor and wall time, and the peak of its memory.

    OMP_NUM_THREADS=1 python benchmarks/stages.py [--every 4] [--flow flow.safetensors] [--folder DIR]

The demo's sizes and data: 20,000 portraits for training, 2,000 for validation and 2,000 for test, every n-th of which
is bounded. With `--flow` an existing flow is taken in place of training one. Memory is what no file backs.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from population import watched

_DATA = ["--data", "portraits"]
_FIT = ["--spec", "spec.safetensors", *_DATA, "--target", "Smiling", "--preset", "demo"]


def main() -> None:
    """Measures and prints a row per stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=4)
    parser.add_argument("--flow", type=Path)
    parser.add_argument("--folder", type=Path, help="Where all is written; the system's own.")
    options = parser.parse_args()
    print("| stage | command | processor | wall time | peak |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        if options.flow:
            shutil.copy(options.flow, folder / "flow.safetensors")
        for stage, words in stages(options.every, trained=options.flow is not None):
            measure(stage, words, folder)


def stages(every: int, *, trained: bool) -> Iterator[tuple[str, list[str]]]:
    """What is done, and the words of the command that does it, in order."""
    if not trained:
        yield (
            "train the flow",
            ["regulator", "train-flow", *_DATA, "--preset", "demo", "--out", "flow.safetensors"],
        )
    spec = ["--flow", "flow.safetensors", "--attribute", "Pale_Skin", "--out", "spec.safetensors"]
    yield (
        "encode 22,000 images, find the vector",
        ["regulator", "publish-spec", *_DATA, *spec],
    )
    export = ["--spec", "spec.safetensors", *_DATA, "--model", "model", "--every", str(every)]
    export += [word for split in ("train", "valid", "test") for word in ("--split", split)]
    for method in ("naive", "lassi"):
        yield (
            f"train an encoder, {method}",
            ["producer", "fit", *_FIT, "--method", method, "--view", "exact", "--every", "2000",
             "--model", "model", "--out", "trained", "--force"],
        )  # fmt: skip
    people = f"{24_000 // every:,}"
    for view in ("exact", "smoothing"):
        yield (
            f"bound {people} people, {view} view",
            ["producer", "export", *export, "--view", view, "--out", view],
        )
        reps = ["--reps", view]
        yield (
            f"train a head, decide {2000 // every:,} people, {view} view",
            ["consumer", "certify", *reps, "--target", "Smiling", "--out", f"certificate-{view}"],
        )
        yield (
            f"verify that certificate, {view} view",
            ["consumer", "verify", f"certificate-{view}", *reps],
        )
    yield (
        "audit 50 people of each split, exact view",
        ["producer", "audit", "exact", "--spec", "spec.safetensors", "--model", "model", *_DATA,
         "--sample", "50", "--out", "audit"],
    )  # fmt: skip


def measure(stage: str, words: list[str], folder: Path) -> None:
    """Runs a command in the folder, with a cache of its own, and prints the row."""
    party, *rest = words
    begin = f"import os; os.chdir({str(folder)!r}); os.environ['LASSI_CACHE'] = 'cache'"
    run = f"{begin}; from {party}.cli import main; main()"
    start = time.perf_counter()
    processor, peak = watched([sys.executable, "-c", run, *rest])
    wall, memory = time.perf_counter() - start, f"{peak / 2**30:.2f} GiB"
    command = f"`{party} {rest[0]}`"
    print(f"| {stage} | {command} | {processor:.0f} s | {wall:.0f} s | {memory} |", flush=True)


if __name__ == "__main__":
    main()
