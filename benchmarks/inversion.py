"""How exactly a trained flow inverts: the largest |D(E(x)) - x| over many images, in f32.

    python benchmarks/inversion.py --flow flow.safetensors --data DATA [--images 10000]

Images of the split `train` first, then of the others; a pixel value spans one unit.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from regulator.flow.file import load_flow
from regulator.flow.gate import inversion_error
from shared_spec.data import open_source
from shared_spec.data.source import SPLITS
from shared_spec.flow import preprocess

BLOCK = 256


def main() -> None:
    """Read the arguments, invert block by block and print the error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flow", type=Path, required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--images", type=int, default=10_000)
    chosen = parser.parse_args()
    flow = load_flow(chosen.flow).flow
    source = open_source(chosen.data, flow.config.size)
    worst, done, started = 0.0, 0, time.monotonic()
    for split in SPLITS:
        count = min(chosen.images - done, len(source.sample_ids(split)))
        for rows in np.split(np.arange(count), range(BLOCK, count, BLOCK)) if count else ():
            pixels = preprocess(torch.from_numpy(source.images(split, rows)), flow.config.bits)
            worst = max(worst, inversion_error(flow, pixels).max)
            done += len(rows)
    size = flow.config
    print(
        f"{done} images of {size.size} px, {size.blocks} x {size.flows} x {size.hidden}: "
        f"|D(E(x)) - x| at most {worst:.2e}, {time.monotonic() - started:.0f} s"
    )


if __name__ == "__main__":
    main()
