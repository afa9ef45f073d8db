"""A data set in the layout of 3D Shapes, drawn here: all 480,000 images, or those of some of the 32,000 scenes.

    python examples/shapes3d/draw.py --out 3dshapes.h5 --scenes 2000

`shapes3d:3dshapes.h5` reads it as it reads the official file: the same factors, values, order and arrays. The pictures
are other ones (floor, wall, a body in the middle), so figures on them are no figures of 3D Shapes.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.colors import hsv_to_rgb

sys.path.insert(0, str(Path(__file__).parent))

from scene import SHAPES, SIDE, cast_layers

from shared_spec.data.shapes3d_file import FACTORS
from shared_spec.rng import numpy_generator

_SATURATION, _VALUE = 0.78, 0.92
_LEVELS = 4096


def to_linear(colour: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Linear light of sRGB values in [0, 1]."""
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)


def _bytes_of_light() -> npt.NDArray[np.uint8]:
    light: npt.NDArray[np.float64] = np.linspace(0, 1, _LEVELS) ** 2
    coded: npt.NDArray[np.float64] = np.where(
        light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055
    )
    return np.rint(255 * coded).astype(np.uint8)


_BYTES = _bytes_of_light()
"""Bytes of sRGB for linear light in equal steps of its square root, from 0 to 1."""


def paint(
    layers: npt.NDArray[np.float32], floor: float, wall: float, body: float
) -> npt.NDArray[np.uint8]:
    """Images [n, 64, 64, 3] of layers [n, 64, 64, 6] with these three hues, 0 to 0.9."""
    hues = np.array([[hue, _SATURATION, _VALUE] for hue in (floor, wall, body)])
    a, b, c = to_linear(hsv_to_rgb(hues))
    colours = np.array([a, b, c, c * a, b * a, [1, 1, 1]], dtype=np.float32)
    light: npt.NDArray[np.float32] = np.sqrt(np.clip(layers @ colours, 0, 1))
    return _BYTES[np.rint((_LEVELS - 1) * light).astype(np.uint16)]


def scenes(count: int | None, seed: int) -> list[tuple[float, ...]]:
    """Values of all factors but the orientation, in the official order; `count` of them at random if given."""
    values = [FACTORS[name] for name in FACTORS if name != "orientation"]
    everything = list(itertools.product(*values))
    if count is None:
        return everything
    chosen = numpy_generator(seed, "scenes of 3D Shapes").permutation(len(everything))[:count]
    return [everything[index] for index in sorted(chosen)]


def draw(path: Path, chosen: list[tuple[float, ...]]) -> None:
    """Writes the images of these scenes, each in its fifteen orientations, and their labels."""
    orientations = FACTORS["orientation"]
    layers = {
        (scale, shape): np.stack([cast_layers(SHAPES[int(shape)], scale, o) for o in orientations])
        for scale, shape in sorted({scene[3:] for scene in chosen})
    }
    n, turns = len(chosen), len(orientations)
    with h5py.File(path, "x") as file:
        shape = (n * turns, SIDE, SIDE, 3)
        images = file.create_dataset(
            "images", shape, np.uint8, chunks=(turns, *shape[1:]), compression="gzip"
        )
        labels = [[*scene, orientation] for scene in chosen for orientation in orientations]
        file.create_dataset("labels", data=np.array(labels, dtype=np.float64))
        for index, (floor, wall, body, scale, kind) in enumerate(chosen):
            images[index * turns : (index + 1) * turns] = paint(
                layers[scale, kind], floor, wall, body
            )


def main() -> None:
    """Reads the arguments and draws."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, help="of 32,000, at random; all unless given")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    start = time.perf_counter()
    chosen = scenes(asked.scenes, asked.seed)
    draw(asked.out, chosen)
    n = len(chosen) * len(FACTORS["orientation"])
    rate = n / (time.perf_counter() - start)
    print(f"{asked.out}: {n} images, {rate:.0f} a second")


if __name__ == "__main__":
    main()
