"""Specs that a regulator did not publish so: refused with 3 and one line, before anything large is built."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import forge
import pytest
import torch

pytestmark = pytest.mark.pipeline


def inspect(paths):
    return ["regulator", "inspect", paths.spec]


def test_resealing_alone_changes_nothing(copies, run):
    forge.edit_file(copies.spec, lambda tensors, document: None)
    assert run(*inspect(copies)) == 0


def flow(**words):
    return lambda tensors, document: document["flow"].update(words)


def attribute(**words):
    return lambda tensors, document: document["attributes"][0].update(words)


def quality(**words):
    return lambda tensors, document: document["quality"].update(words)


def scaled(factor, **words):
    def change(tensors, document):
        (name,) = [name for name in tensors if name.startswith("attribute.")]
        tensors[name] *= factor
        document["attributes"][0].update(words)

    return change


def twice(tensors, document):
    document["attributes"].append(document["attributes"][0])


ROWS = {
    "a wider flow": (flow(hidden=4096), "weights do not fit their description"),
    "a longer flow": (flow(flows=128), "weights do not fit their description"),
    "a wider and longer flow": (flow(hidden=4096, flows=128), "weights do not fit"),
    "a flow beyond all": (flow(hidden=10**9), "field flow.hidden"),
    "larger images": (flow(size=1024), "expected float32"),
    "another coupling": (flow(coupling="affine"), "weights do not fit their description"),
    "a shorter vector": (scaled(1e-3), "has length .*, its entry says"),
    "a false length": (attribute(norm=1.0), "has length .*, its entry says 1"),
    "a false unit": (attribute(unit="unit-vector"), "has length .*, its entry says 1"),
    "no vector": (scaled(0.0), "has length 0"),
    "no vector, no length": (scaled(0.0, norm=0.0), "field attributes.0.norm"),
    "fewer than nobody": (attribute(counts={"no": -1, "yes": 5}), "field attributes.0.counts"),
    "nobody": (attribute(counts={"no": 0, "yes": 5}), "field attributes.0.counts"),
    "a name that is a command": (attribute(name="\x1b[31m"), "control characters"),
    "a threshold that was not met": (quality(threshold=1e-12), "above its threshold"),
    "an attribute twice": (twice, "stands twice"),
    "epsilon 0": (lambda t, d: d.update(epsilon=0), "field epsilon"),
    "epsilon as text": (lambda t, d: d.update(epsilon="1"), "field epsilon"),
    "a tensor of nobody": (lambda t, d: t.update(note=torch.zeros(3)), "neither of the flow nor"),
    "a weight too many": (lambda t, d: t.update({"flow.note": torch.zeros(3)}), "do not fit"),
    "a bundle's document": (
        lambda t, d: d.update(media_type="application/vnd.lassi.representations.v2+json"),
        "media type is",
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_specs_that_do_not_fit_themselves(row, copies, fails):
    change, pattern = ROWS[row]
    forge.edit_file(copies.spec, change)
    fails(3, pattern, *inspect(copies))


def test_a_small_file_cannot_ask_for_much_memory(copies):
    """In a process that may have a minute, and 3 GiB of addresses, most of which are torch's own libraries."""
    forge.edit_file(copies.spec, flow(hidden=4096, flows=128, blocks=3))
    code = (
        "import sys\nfrom shared_spec import load_spec\nfrom shared_spec.errors import ArtifactError\n"
        "try:\n    load_spec(sys.argv[1])\nexcept ArtifactError:\n    sys.exit(3)"
    )

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))

    done = subprocess.run(
        [sys.executable, "-c", code, copies.spec], preexec_fn=limit, timeout=600, check=False
    )
    assert done.returncode == 3


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "nothing", "device"])
def test_only_a_regular_file_is_a_spec(kind, copies, fails, tmp_path):
    aside = copies.spec.rename(tmp_path / "aside")
    if kind == "link":
        copies.spec.symlink_to(aside)
    elif kind == "pipe":
        os.mkfifo(copies.spec)
    elif kind == "folder":
        copies.spec.mkdir()
    elif kind == "device":
        copies.spec = Path("/dev/zero")
    pattern = "symbolic link|not a regular file|is a directory|no such file|cannot be read"
    fails(3, pattern, *inspect(copies))


@pytest.mark.parametrize("hidden", [[2**24, 2**24], [1] * 65, [33, 24], [2**25]])
def test_an_encoder_is_built_only_as_large_as_its_file(hidden, copies, fails):
    path = copies.model / "encoder.safetensors"
    forge.edit_file(path, lambda tensors, document: document["encoder"].update(hidden=hidden))
    fails(
        3, "do not fit their description|field encoder.hidden", "producer", "inspect", path.parent
    )


def test_a_flow_is_built_only_as_large_as_its_file(copies, fails, tmp_path):
    path = tmp_path / "flow.safetensors"
    path.write_bytes(copies.flow.read_bytes())
    forge.edit_file(path, flow(hidden=4096, flows=128))
    words = ["regulator", "publish-spec", "--data", copies.data, "--flow", path]
    words += ["--attribute", "Pale_Skin", "--out", copies.out]
    fails(3, "do not fit their description", *words, nothing_at=copies.out)
