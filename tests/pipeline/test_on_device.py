"""Verbs with `--device`: each encoder is read once and moved once, bounds and attacks are computed there, and what is
written is what a processor would have written.
"""

import pytest
import torch
from far_device import FAR, far_device

import producer
from producer import job, model, searching
from producer.auditing import examine
from producer.settings import AuditSettings, ExportSettings, SearchSettings, TrainingSettings
from shared_spec import load_bundle
from shared_spec.flow import Glow
from shared_spec.relu_network import ReluNetwork

pytestmark = pytest.mark.pipeline

EXPORT = ExportSettings(every=20)


@pytest.fixture
def moves(monkeypatch):
    """Every device but a flow's is FAR; the encoders that were read, and those that were moved."""
    found = {"read": 0, "moved": 0}
    read, to = model.load_tensors, ReluNetwork.to

    def counted_read(path):
        found["read"] += 1
        return read(path)

    def counted_to(network, device):
        there = to(network, device)
        found["moved"] += there is not network
        return there

    monkeypatch.setattr(model, "load_tensors", counted_read)
    monkeypatch.setattr(ReluNetwork, "to", counted_to)
    for module in (job, examine):
        monkeypatch.setattr(module, "open_device", lambda name: FAR)
    monkeypatch.setattr(Glow, "to", lambda flow, device: flow)
    with far_device():
        yield found


def test_an_export_on_a_device_is_that_of_a_processor(tiny, moves, tmp_path, monkeypatch):
    out, words = tmp_path / "reps", {"splits": ["test"], "export": EXPORT, "cache": tiny.cache}  # fmt: skip
    producer.export(tiny.spec, tiny.model, tiny.data, out, device="cuda", **words)
    assert moves == {"read": 1, "moved": 1}
    monkeypatch.setattr(job, "open_device", torch.device)
    producer.export(tiny.spec, tiny.model, tiny.data, tmp_path / "here", **words)
    there, here = load_bundle(out), load_bundle(tmp_path / "here")
    assert there.manifest.views == here.manifest.views
    for one, other in zip(there.shards("test"), here.shards("test"), strict=True):
        assert one.keys() == other.keys()
        for name, tensor in one.items():
            assert torch.allclose(tensor.double(), other[name].double(), rtol=1e-9), name


def test_an_audit_on_a_device_finds_nothing_in_what_a_processor_made(tiny, moves, tmp_path):
    found = producer.audit(
        tiny.reps, tiny.spec, tiny.model, tiny.data, tmp_path / "audit", settings=AuditSettings(sample=2),
        auditor_seed=1, device="cuda",
    )  # fmt: skip
    assert found.document.passed, found.document.findings
    assert moves == {"read": 1, "moved": 1}
    attacked = [check for check in found.document.checks if check.check == "attack"]
    assert sum(check.compared for check in attacked) > 0


def test_a_search_bounds_on_the_device(tiny, moves, tmp_path, monkeypatch):
    training = TrainingSettings(hidden=(32, 24), dimension=16, epochs=3, batch=64)
    words = {
        "target": "Smiling", "training": training, "tried": SearchSettings(lambda_2=(0.05,)), "cache": tiny.cache,
        "bound": producer.BoundSettings(view=("exact",), every=20),
    }  # fmt: skip
    monkeypatch.setattr(searching, "_encoder_folder", lambda out, weight, count: tiny.model)
    there = producer.search(tiny.spec, tiny.data, tmp_path / "there", device="cuda", **words)
    assert moves == {"read": 1, "moved": 1}
    monkeypatch.setattr(job, "open_device", torch.device)
    here = producer.search(tiny.spec, tiny.data, tmp_path / "here", **words)
    assert there.scores == here.scores
