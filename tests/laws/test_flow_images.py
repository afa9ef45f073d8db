"""Images to latents and back: in batches, wherever the flow lies, with the results in this process's memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import regulator.flow.gate
import shared_spec.flow.images
import shared_spec.latents
from regulator.flow.gate import flow_quality
from regulator.study.coverage import measure_coverage
from regulator.study.effects import decoded_readings
from shared_spec.flow import Glow, GlowConfig, dequantise, preprocess
from shared_spec.flow.images import decode_images, decode_pixels
from shared_spec.latents import encode_images, evenly_spread
from shared_spec.rng import numpy_generator, torch_generator
from shared_spec.similarity import SimilaritySet
from shared_spec.strips import film_strips

CONFIG = GlowConfig(size=8, blocks=2, flows=2, hidden=8)
IMAGES = numpy_generator(0, "images").integers(0, 256, (300, 3, 8, 8), dtype=np.uint8)


@pytest.fixture
def flow():
    made = Glow(CONFIG, torch_generator(0, "flow"))
    made.initialise(dequantise(preprocess(torch.from_numpy(IMAGES)), torch_generator(0, "init")))
    return made.eval()


def test_more_images_than_a_batch_come_back_in_order(flow):
    latents = encode_images(flow, IMAGES)
    assert latents.shape == (300, 192)
    assert not latents.requires_grad
    for row in (0, 255, 256, 299):
        alone = encode_images(flow, IMAGES[row : row + 1])
        assert torch.allclose(latents[row], alone[0], atol=1e-5), "images mixed up"
    assert (decode_images(flow, latents) == IMAGES // 8 * 8).all(), "not the 5-bit images"
    assert torch.equal(decode_pixels(flow, latents.double()), decode_pixels(flow, latents))


class Truth:
    uri = "truth"

    def sample_ids(self, split):
        return [str(row) for row in range(len(IMAGES))]

    def images(self, split, rows):
        return IMAGES[rows]

    def similar(self, split, row, attribute):
        return IMAGES[row : row + 3]


@pytest.fixture
def far_flow(flow, monkeypatch):
    """A flow on torch's `meta` device, where nothing has a value: whatever meets it without being brought there, or
    is used without being brought back, is an error. What `to_host` brings back is drawn at random.
    """
    generator = torch_generator(0, "far")
    encode_images(
        flow, IMAGES[:1]
    )  # The flow asks once whether it is initialised: now, while it has values.

    def bring(tensor):
        assert tensor.device.type == "meta"
        return torch.rand(tensor.shape, generator=generator)

    monkeypatch.setattr(shared_spec.flow.images, "to_host", bring)
    monkeypatch.setattr(shared_spec.latents, "to_host", bring)
    monkeypatch.setattr(regulator.flow.gate, "to_host", lambda weights: torch.ones(weights.shape))
    return flow.to("meta")


def test_a_flow_on_another_device_is_met_there_and_its_results_are_brought_back(far_flow):
    similarity = SimilaritySet(torch.eye(2, CONFIG.latent_dim), 1.0)
    images = torch.from_numpy(IMAGES)
    quality = flow_quality(far_flow, images, torch_generator(0, "quality"), similarity)
    assert quality.in_distribution.images == 600
    latents = encode_images(far_flow, IMAGES)
    assert latents.device.type == "cpu"
    assert decode_images(far_flow, latents).shape == IMAGES.shape
    strips = film_strips(far_flow, similarity, ("a", "b"), latents[:2], ("x", "y"))
    assert [strip.images.shape for strip in strips] == 6 * [(7, 3, 8, 8)]
    found = measure_coverage(Truth(), "test", np.arange(4), far_flow, similarity, ["a"])
    assert found.table[0].individuals == 4
    t = torch.linspace(-1, 1, 5, dtype=torch.float64)
    readings = decoded_readings(
        far_flow, lambda x: x.mean(dim=(2, 3)), latents[:70], similarity.vectors[0].double(), t
    )
    assert readings.shape == (70, 5, 3)


@pytest.mark.parametrize(("available", "wanted"), [(1000, 512), (10, 4), (10, 10), (7, 32), (1, 3)])
def test_evenly_spread_positions_are_distinct_and_reach_both_ends(available, wanted):
    rows = evenly_spread(available, wanted)
    assert len(rows) == min(available, wanted)
    assert rows[0] == 0
    assert rows[-1] == available - 1
    gaps = np.diff(rows)
    assert len(gaps) == 0 or (gaps.min() >= 1 and gaps.max() - gaps.min() <= 1)
