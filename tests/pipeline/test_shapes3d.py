"""The three parties on a file of 3D Shapes' official layout: ten classes, a label pair, and a known truth."""

import itertools
import json

import h5py
import numpy as np
import pytest
from matplotlib.colors import hsv_to_rgb

from shared_spec import load_certificate, load_spec
from shared_spec.data.shapes3d_file import FACTORS
from shared_spec.terms import Status

pytestmark = pytest.mark.pipeline

GRID = {"floor_hue": 2, "wall_hue": 1, "object_hue": 10, "scale": 1, "shape": 4, "orientation": 15}
"""How many values of each factor the file holds: 1,200 images."""
AXIS = np.linspace(-1, 1, 64)


def scene(floor, wall, hue, scale, shape, angle):
    """A coloured body before a wall with a corner that the camera's angle moves, [64, 64, 3] uint8."""
    x, y = np.meshgrid(AXIS, AXIS)
    size = 0.4 * scale
    distance = np.maximum(abs(x), abs(y)) if shape % 2 else np.hypot(x, y * (1 + shape / 4))
    body, ground, corner = distance < size, y > 0.3, x > angle / 30
    value = np.where(body, 1.0, np.where(corner, 0.9, 0.6))
    colour = np.where(body, hue, np.where(ground, floor, wall))
    return np.rint(255 * hsv_to_rgb(np.stack([colour, np.full_like(x, 0.8), value], -1)))


@pytest.fixture(scope="module")
def published(run, tmp_path_factory):
    """A spec on such a file: `orientation` from one end to the other."""
    root = tmp_path_factory.mktemp("shapes3d")
    labels = np.array(
        list(itertools.product(*(FACTORS[name][:count] for name, count in GRID.items())))
    )
    with h5py.File(root / "3dshapes.h5", "w") as file:
        images = np.stack([scene(*row) for row in labels]).astype(np.uint8)
        file.create_dataset("images", data=images, compression="gzip")
        file.create_dataset("labels", data=labels)
    data = f"shapes3d:{root / '3dshapes.h5'}"
    flow = ["--size", 16, "--blocks", 2, "--flows", 2, "--hidden", 16, "--steps", 60]
    done = run("regulator", "publish-spec", "--data", data, "--attribute", "orientation:-30:30", *flow,
               "--out", root / "spec.safetensors", "--cache", root / "cache")  # fmt: skip
    assert done == 0
    return root, data


def test_the_vector_runs_from_one_orientation_to_the_other(published):
    root, _ = published
    (attribute,) = load_spec(root / "spec.safetensors").document.attributes
    assert attribute.name == "orientation:-30:30"
    assert set(attribute.counts) == {"-30", "30"}
    assert all(count > 0 for count in attribute.counts.values())


def test_coverage_compares_everybody_with_the_fourteen_other_orientations(published, run, capsys):
    root, data = published
    words = ["--spec", root / "spec.safetensors", "--data", data, "--out", root / "coverage.png"]
    assert run("regulator", "coverage", *words, "--individuals", 6, "--examples", 2, "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)["coverage"]
    assert row["attribute"] == "orientation:-30:30"
    assert row["truths"] == 6 * 14
    assert 0 < row["relative_mean"] < 1, "S(x) comes no nearer to the truth than x does"
    assert row["pixel_line"] < row["pixel_self"], "no decoded point is nearer to the truth than x"
    assert (root / "coverage.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_ten_hues_are_certified_from_end_to_end(published, run):
    root, data = published
    fit = ["--hidden", 32, "--hidden", 24, "--dimension", 16, "--epochs", 10, "--batch", 64, "--every", 4]  # fmt: skip
    assert run("producer", "fit", "--spec", root / "spec.safetensors", "--data", data, "--target", "object_hue",
               "--model", root / "model", "--out", root / "reps", *fit, "--cache", root / "cache") == 0  # fmt: skip
    assert run("consumer", "certify", "--reps", root / "reps", "--target", "object_hue", "--epochs", 40,
               "--out", root / "certificate") == 0  # fmt: skip
    certificate = load_certificate(root / "certificate")
    assert len(certificate.document.head.classes) == 10
    claim = certificate.document.claims["exact"]
    assert claim.accuracy > 0.2, "a guess is right for one in ten"
    certified = [row for row in certificate.rows if row.status == Status.CERTIFIED]
    assert certified
    assert all(row.d_cs < row.d_rs for row in certified)
