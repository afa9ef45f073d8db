"""Preprocessing: the paper's formula, idempotence, and the price of quantisation in bits."""

from __future__ import annotations

import math

import pytest
import torch

from shared_spec.flow import bits_per_dim, dequantise, preprocess, to_images
from shared_spec.rng import torch_generator

LEVELS = torch.arange(256, dtype=torch.uint8)


def test_preprocess_is_the_papers_formula_on_every_value():
    expected = torch.tensor([math.floor(v / 8) / 32 - 0.5 for v in range(256)])
    assert torch.equal(preprocess(LEVELS), expected), "floor(v / 8) / 32 - 0.5 is not met"


@pytest.mark.parametrize("bits", range(1, 9))
def test_preprocess_is_idempotent_through_images(bits):
    once = preprocess(LEVELS, bits)
    again = preprocess(to_images(once), bits)
    assert torch.equal(again, once), f"preprocess o to_images o preprocess changed a value, {bits=}"
    nearly = preprocess(to_images(once - 1e-5), bits)
    assert torch.equal(nearly, once), f"a rounding error before to_images changed a level, {bits=}"


@pytest.mark.parametrize("bits", [1, 5, 8])
def test_dequantisation_stays_inside_the_level_and_fills_it(bits):
    pixels = preprocess(LEVELS.repeat(200), bits)
    noise = dequantise(pixels, torch_generator(0, "noise"), bits) - pixels
    assert noise.min() >= 0, "dequantisation noise is negative"
    assert noise.max() <= 2.0**-bits + 1e-6, "dequantisation noise leaves its level"
    assert noise.max() > 0.99 * 2.0**-bits, "dequantisation noise does not fill its level"


def test_uniform_density_costs_exactly_the_stored_bits():
    # Density 1 on the unit cube: every one of the 32 levels has probability 1/32.
    assert bits_per_dim(torch.zeros(3), 12, bits=5).tolist() == [5.0] * 3
    # Twice the density everywhere in a dimension saves one bit in it.
    log_prob = torch.tensor([12 * math.log(2.0)], dtype=torch.float64)
    assert bits_per_dim(log_prob, 12, bits=5).item() == pytest.approx(4.0)


def test_only_bytes_are_images():
    with pytest.raises(TypeError, match="uint8"):
        preprocess(torch.zeros(3))
