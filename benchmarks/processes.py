"""Exporting by two processes against one, one thread each: seconds of the export, without start-up, in one run.

python benchmarks/processes.py --spec spec.safetensors --model model/ --data portraits [--every 4]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def seconds(processes: int, words: list[str]) -> float:
    """Wall time of `producer export` under torchrun."""
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        str(processes),
    ]
    command = [
        *launch,
        "--no-python",
        str(Path(sys.executable).parent / "producer"),
        "export",
        *words,
    ]
    start = time.perf_counter()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--spec", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--every", type=int, default=4)
    options = parser.parse_args()
    shared = [
        "--spec",
        options.spec,
        "--model",
        options.model,
        "--data",
        options.data,
        "--shard-rows",
        "32",
    ]
    with tempfile.TemporaryDirectory() as name:
        shared += ["--cache", f"{name}/cache"]
        # Encodes once, and tells what starting costs: both runs below find the latents in the cache.
        few = [*shared, "--every", str(1 << 20)]
        seconds(
            1, [*shared, "--every", str(options.every), "--view", "exact", "--out", f"{name}/warm"]
        )
        start = {n: seconds(n, [*few, "--out", f"{name}/few-{n}"]) for n in (1, 2)}
        whole = {
            n: seconds(n, [*shared, "--every", str(options.every), "--out", f"{name}/all-{n}"])
            for n in (1, 2)
        }
        same = all(
            (Path(name) / "all-1" / file.name).read_bytes() == file.read_bytes()
            for file in (Path(name) / "all-2").iterdir()
        )
    work = {n: whole[n] - start[n] for n in (1, 2)}
    print(
        f"one process {whole[1]:.1f} s ({start[1]:.1f} s of it start-up), two {whole[2]:.1f} s ({start[2]:.1f} s): "
        f"{work[1] / work[2]:.2f} times as fast, {whole[1] / whole[2]:.2f} with start-up; same bytes: {same}"
    )


if __name__ == "__main__":
    main()
