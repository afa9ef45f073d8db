"""Representations of counterparts: whose they are, and that nobody is a counterpart of its own."""

import numpy as np
import pytest
import torch

from producer.counterparts import CounterpartRepresentations, known_counterparts
from shared_spec.artifacts.shards import COUNTERPART, OWNER
from shared_spec.data.counterparts import CounterpartSet
from shared_spec.errors import DataError
from shared_spec.flow import Glow, GlowConfig
from shared_spec.latents import encode_images
from shared_spec.relu_network import ReluNetwork
from shared_spec.rng import torch_generator

SIZE = 4


class Source:
    """Knows counterparts of the individuals 1 and 3; of 3 the second image is its own."""

    uri = "known:"
    counterpart_attributes = ("tan",)

    def counterpart_rows(self, split, attribute):
        return np.array([1, 3]) if split == "test" else np.array([], dtype=np.int64)

    def counterparts(self, split, row, attribute):
        values = np.arange(3.0)
        images = np.stack([np.full((3, SIZE, SIZE), 20 * row + 5 * i, np.uint8) for i in range(3)])
        return CounterpartSet(images, values, 1 if row == 3 else None, None)

    def sample_ids(self, split):
        return list("abcde")

    def images(self, split, rows):
        raise AssertionError("not asked for")


@pytest.fixture(scope="module")
def parts():
    config = GlowConfig(size=SIZE, blocks=1, flows=1, hidden=4)
    flow = Glow(config, torch_generator(0, "test.flow"))
    with torch.no_grad():
        flow.initialise(
            torch.rand(8, 3, SIZE, SIZE, generator=torch_generator(1, "test.pixels")) - 0.5
        )
    weight = torch.randn(5, 48, generator=torch_generator(2, "test.encoder"), dtype=torch.float64)
    return flow.eval(), ReluNetwork((weight,), (torch.zeros(5, dtype=torch.float64),))


def test_an_individual_is_no_counterpart_of_its_own(parts):
    flow, encoder = parts
    rows = np.array([0, 1, 3, 4])
    found = CounterpartRepresentations(flow, Source(), "test", rows, "tan").tensors(
        encoder, slice(0, 4)
    )
    assert found[OWNER.format("tan")].tolist() == [1, 1, 1, 2, 2]
    shown = [20 + 5 * i for i in range(3)] + [60, 70]
    images = np.stack([np.full((3, SIZE, SIZE), value, np.uint8) for value in shown])
    expected = encoder(encode_images(flow, images)).float()
    torch.testing.assert_close(found[COUNTERPART.format("tan")], expected)


def test_a_part_of_the_individuals_owns_its_own_counterparts_only(parts):
    flow, encoder = parts
    known = CounterpartRepresentations(flow, Source(), "test", np.array([0, 1, 3, 4]), "tan")
    assert known.tensors(encoder, slice(2, 4))[OWNER.format("tan")].tolist() == [0, 0]
    assert known.tensors(encoder, slice(3, 4)) == {}


@pytest.mark.parametrize(("split", "attribute"), [("test", "age"), ("valid", "tan")])
def test_counterparts_that_nobody_knows_are_refused(split, attribute):
    with pytest.raises(DataError, match="knows no counterparts"):
        known_counterparts(Source(), split, attribute)
