"""Two processes train the same flow as one; this file is also the script that they run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import torch
from forked import script, together

import regulator
from regulator.flow.settings import FlowSettings, FlowTrainingSettings
from regulator.flow.training import fit_flow
from shared_spec import load_spec
from shared_spec.artifacts.tensors import load_tensors, save_tensors
from shared_spec.data.source import Source
from shared_spec.distributed import Workers, join_workers
from shared_spec.flow import GlowConfig
from shared_spec.rng import numpy_generator


class Noise(Source):
    """Blocks of random colour, 4x4 pixels each; no labels."""

    def __init__(self):
        self.uri, self.size, self.classes = "noise", 8, {}

    def sample_ids(self, split):
        return [f"{split}-{row}" for row in range(40)]

    def labels(self, split, name):
        raise NotImplementedError

    def images(self, split, rows):
        draws = [numpy_generator(0, split, str(row)).integers(0, 255, (3, 2, 2)) for row in rows]
        return np.stack(draws).astype(np.uint8).repeat(4, axis=2).repeat(4, axis=3)

    def digest(self):
        return "sha256:noise"


def train(workers, folder):
    """Train for 12 steps of 15 images and, in the first process, store the weights and the loss curve."""
    curve = []
    trained = fit_flow(
        FlowSettings(
            GlowConfig(size=8, blocks=2, flows=2, hidden=8),
            FlowTrainingSettings(steps=12, batch=15, warmup=2, evaluate_every=6),
        ),
        Noise(),
        3,
        checkpoint=folder / "checkpoint.safetensors",
        progress=lambda progress: curve.append(progress.bits_per_dim),
        workers=workers,
    )
    if workers.first:
        save_tensors(folder / "flow.safetensors", trained.flow.state_dict(), {"curve": curve})


def test_two_processes_equal_one(tmp_path):
    single, double = tmp_path / "single", tmp_path / "double"
    train(Workers(), single)
    together(script, __file__, "train", double)
    one, first = load_tensors(single / "flow.safetensors")
    two, second = load_tensors(double / "flow.safetensors")
    assert np.allclose(first["curve"], second["curve"], rtol=1e-4), "two processes see another loss"
    for name, value in one.items():
        assert torch.allclose(value, two[name], atol=2e-3), (
            f"{name} differs between one and two processes"
        )


def publish(folder):
    """Publish a spec whose flow is trained first; each process notes what it was returned, and what it was told."""
    told = []
    spec = regulator.publish_spec(
        "portraits:train=60,valid=30,test=30",
        ["Young"],
        folder / "spec.safetensors",
        flow=FlowSettings.preset("demo", steps=3, batch=8, blocks=1, flows=1, hidden=4),
        cache=folder / "cache",
        report=lambda step: told.append(step.stage),
    )
    (folder / f"process-{os.environ['RANK']}").write_text(f"{len(told) > 0} {spec.digest}")


def test_two_processes_publish_one_spec_and_both_return_it(tmp_path):
    together(script, __file__, "publish", tmp_path)
    digest = load_spec(tmp_path / "spec.safetensors").digest
    assert (tmp_path / "process-0").read_text() == f"True {digest}"
    assert (tmp_path / "process-1").read_text() == f"False {digest}"


def test_shares_cover_everything_once():
    for world in (1, 2, 3, 7):
        shares = [range(10)[Workers(rank, world).share(10)] for rank in range(world)]
        assert [item for share in shares for item in share] == list(range(10))


if __name__ == "__main__":
    if sys.argv[1] == "publish":
        publish(Path(sys.argv[2]))
    else:
        with join_workers() as joined:
            train(joined, Path(sys.argv[2]))
