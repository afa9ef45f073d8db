import pytest
import torch

from regulator.flow.settings import FlowSettings
from regulator.flow.training import coupling_dtype
from shared_spec.device import multiplies_bf16


@pytest.mark.parametrize("hardware", [True, False])
@pytest.mark.parametrize("asked", [True, False])
def test_flows_train_in_bfloat16_only_where_it_is_asked_for_and_in_hardware(
    monkeypatch, hardware, asked
):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: hardware)
    settings = FlowSettings.preset("demo", bf16=asked).training
    found = coupling_dtype(settings, torch.device("cpu"))
    assert found == (torch.bfloat16 if asked and hardware else None)


def test_cuda_is_asked_without_emulation(monkeypatch):
    asked = []

    def supported(including_emulation):
        asked.append(including_emulation)
        return False

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert not multiplies_bf16("cuda")
    assert asked == [False], "emulated products are slower than float32"
