"""The publication gate: what it measures is right, and each kind of broken flow is refused in one line."""

from __future__ import annotations

import pytest
import torch

from regulator.flow.gate import (
    check_flow,
    flow_quality,
    inversion_error,
    require_invertible,
)
from regulator.pictures.flow import reconstructions, sample_images, tile
from shared_spec.errors import ArtifactError
from shared_spec.flow import Glow, GlowConfig, bits_per_dim, dequantise, preprocess
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet

CONFIG = GlowConfig(size=8, blocks=2, flows=2, hidden=8)
IMAGES = torch.randint(0, 256, (20, 3, 8, 8), generator=torch_generator(0, "i"), dtype=torch.uint8)


def flow(config=CONFIG):
    made = Glow(config, torch_generator(0, "flow"))
    made.initialise(dequantise(preprocess(IMAGES), torch_generator(0, "init")))
    return made


def test_quality_is_the_mean_over_the_images():
    quality = flow_quality(flow(), IMAGES, torch_generator(1, "quality"))
    pixels = dequantise(preprocess(IMAGES), torch_generator(1, "quality"))
    with torch.no_grad():
        expected = bits_per_dim(flow()(pixels)[1], 192).mean()
    assert quality.bits_per_dim == pytest.approx(float(expected), rel=1e-6)
    assert quality.images == quality.in_distribution.images == 20
    for error in (quality.in_distribution, quality.out_of_distribution):
        assert 0 < error.p999 <= error.max < 1e-5
    require_invertible(quality)


def test_quality_looks_at_the_similarity_set_too():
    vectors = 1e4 * torch.eye(1, CONFIG.latent_dim)
    similarity = SimilaritySet(vectors, 1.0)
    plain = flow_quality(flow(), IMAGES, torch_generator(1, "quality"))
    along = flow_quality(flow(), IMAGES, torch_generator(1, "quality"), similarity)
    assert along.in_distribution.images == 40
    assert along.in_distribution.max > 10 * plain.in_distribution.max, "the far points went unseen"


def test_p999_is_an_order_statistic():
    class Off(Glow):
        def decode(self, latents):
            return super().decode(latents) + torch.linspace(0, 1, 192).view(3, 8, 8)

    broken = Off(CONFIG, torch_generator(0, "flow"))
    broken.load_state_dict(flow().state_dict())
    error = inversion_error(broken, preprocess(IMAGES[:1]))
    assert error.max == pytest.approx(1.0, abs=1e-5)
    assert error.p999 == pytest.approx(1.0, abs=1e-5), "the percentile was interpolated downwards"


def test_a_flow_that_does_not_invert_is_refused():
    broken = flow()
    with torch.no_grad():
        broken.blocks[0].mixing.log_diagonal[0] -= torch.linspace(0, 9, 12)
    quality = flow_quality(broken, IMAGES, torch_generator(1, "quality"))
    with pytest.raises(ArtifactError, match="is off by") as caught:
        require_invertible(quality)
    assert "\n" not in str(caught.value)


def test_an_uninitialised_flow_is_refused_by_name():
    state = flow().state_dict() | {"blocks.1.mixing.initialised": torch.tensor([1.0, 0.0])}
    broken = Glow(CONFIG, torch_generator(0, "flow"))
    broken.load_state_dict(state)
    with pytest.raises(ArtifactError, match=r"blocks\.1\.mixing\.initialised"):
        flow_quality(broken, IMAGES, torch_generator(1, "quality"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(value):
    broken = flow()
    with torch.no_grad():
        broken.final_prior.mean[0, 0, 0] = value
    with pytest.raises(ArtifactError, match=r"final_prior\.mean"):
        check_flow(broken)


def test_an_inversion_that_overflows_is_refused():
    broken = flow()
    with torch.no_grad():
        broken.blocks[0].mixing.log_scale[0] = 85.0
        broken.blocks[0].mixing.log_scale[1] = 85.0
    with pytest.raises(ArtifactError, match="not finite"):
        inversion_error(broken, preprocess(IMAGES))


def test_pictures_show_samples_and_reconstructions():
    drawn = sample_images(flow(), 5, torch_generator(0, "sample"))
    assert drawn.shape == (5, 3, 8, 8)
    again = reconstructions(flow(), IMAGES.numpy())
    assert (again == IMAGES.numpy() // 8 * 8).all(), "a reconstruction is not the 5-bit image"
    page = tile(drawn, columns=2, gap=1)
    assert page.shape == (28, 19, 3)
    assert (page[1:9, 10:18].transpose(2, 0, 1) == drawn[1]).all()
    assert (page[19:27, 10:18] == 255).all(), "an empty place is not white"
