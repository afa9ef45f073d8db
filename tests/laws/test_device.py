"""Results on another device come back by one way, and processes speak as their device can. No such device is needed."""

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import Tensor

from producer import curves
from producer.objective import Losses
from shared_spec import latents
from shared_spec.data import open_source
from shared_spec.distributed import join_workers
from shared_spec.flow import Glow, GlowConfig
from shared_spec.latents import encode_split
from shared_spec.rng import torch_generator

SHORTCUTS = (Tensor.numpy, Tensor.cpu, Tensor.__array__, Tensor.to)


class Far(Tensor):
    """A tensor on a device from which numpy cannot read."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func in SHORTCUTS:
            raise TypeError("not by to_host")
        return super().__torch_function__(func, types, args, kwargs)


@pytest.fixture
def brought(monkeypatch):
    """The tensors that came back by `to_host`, which alone can bring them."""
    found = []

    def bring(tensor):
        found.append(tensor)
        return tensor.detach().as_subclass(Tensor)

    monkeypatch.setattr(latents, "to_host", bring)
    monkeypatch.setattr(curves, "to_host", bring)
    return found


def test_latents_and_the_weights_that_name_them_come_back_by_to_host(
    brought, tmp_path, monkeypatch
):
    flow = Glow(GlowConfig(size=32, blocks=1, flows=1, hidden=4), torch_generator(0, "flow"))
    source = open_source("portraits:train=20,valid=10,test=10", 32)
    flow.initialise(torch.from_numpy(source.images("train", range(20))) / 255 - 0.5)
    here = np.array(encode_split(flow, source, "test", cache=tmp_path / "here"))
    encode, state = flow.encode, flow.state_dict()
    far_state = {name: tensor.as_subclass(Far) for name, tensor in state.items()}
    monkeypatch.setattr(flow, "state_dict", lambda: far_state)
    monkeypatch.setattr(flow, "encode", lambda images: encode(images).as_subclass(Far))
    brought.clear()
    there = np.array(encode_split(flow, source, "test", cache=tmp_path / "there"))
    assert np.array_equal(here, there)
    names = [sorted(path.name for path in (tmp_path / place).iterdir()) for place in ("here", "there")]  # fmt: skip
    assert names[0] == names[1], "where the weights are decides what the cache is called"
    assert len(brought) == len(state) + 1


def test_losses_come_back_by_to_host(brought):
    one = torch.tensor(1.5).as_subclass(Far)
    sums = curves.LossSums(("task",))
    assert sums.add(Losses(one, one, one, one, torch.tensor([3]).as_subclass(Far)), 4) == 1.5
    assert sums.means().accuracy == {"task": 0.75}
    assert len(brought) == 2


@pytest.mark.parametrize(
    ("device", "backend", "chosen"),
    [("cpu", "gloo", []), ("cuda", "nccl", [1]), ("cuda:0", "nccl", [])],
)
def test_processes_speak_as_their_device_can(monkeypatch, device, backend, chosen):
    started, devices = [], []
    monkeypatch.setenv("WORLD_SIZE", "8")
    monkeypatch.setenv("LOCAL_RANK", "5")
    monkeypatch.setattr(dist, "init_process_group", lambda backend, **_: started.append(backend))
    monkeypatch.setattr(dist, "get_rank", lambda: 5)
    monkeypatch.setattr(dist, "destroy_process_group", lambda: None)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "set_device", devices.append)
    with join_workers(torch.device(device)) as workers:
        assert (workers.rank, workers.world) == (5, 8)
    assert (started, devices) == ([backend], chosen)
