"""Laws of similarity sets along images: which images they hold, in which order, and what they refuse."""

import math

import numpy as np
import pytest
import torch

from producer.encoder import Encoder, EncoderConfig
from producer.neighbours import neighbours
from producer.settings import ObjectiveSettings
from shared_spec.chains import EditChains, along_vectors, own_latents
from shared_spec.errors import SettingsError
from shared_spec.rng import numpy_generator, torch_generator


def chain_set(k=2, steps=(-1.5, -0.75, 0.75), size=4):
    generator = torch_generator(3, "test.chains")
    return EditChains(40 * torch.randn(k, 3, size, size, generator=generator), steps)


def test_each_image_is_the_own_one_plus_t_times_the_edits_clipped_and_rounded():
    chains = chain_set()
    own = numpy_generator(1, "test.images").integers(0, 256, (5, 3, 4, 4)).astype(np.uint8)
    images = chains.images(own)
    assert images.shape == (5, chains.images_each, 3, 4, 4)
    assert chains.images_each == 1 + 3 * 3
    assert (images[:, 0] == own).all(), "the individual's own image comes first"
    place = 1
    edits = chains.edits.double().numpy()
    for chosen in [(0,), (1,), (0, 1)]:
        for t in chains.steps:
            expected = np.rint(np.clip(own + t * edits[list(chosen)].sum(0), 0, 255))
            assert (images[:, place] == expected).all(), (chosen, t)
            place += 1
    assert (images[:, 1:] == 0).any(), "the case clips nothing"
    assert (images[:, 1:] == 255).any(), "the case clips nothing"


def test_every_chain_passes_its_own_images_in_order_of_t_and_the_individual_at_zero():
    chains = chain_set()
    assert chains.visits.tolist() == [[1, 2, 0, 3], [4, 5, 0, 6], [7, 8, 0, 9]]
    assert chain_set(1, (0.5, 1.0)).visits.tolist() == [[0, 1, 2]]
    assert chain_set(3).combinations == ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2))
    assert chains.epsilon == 1.5


@pytest.mark.parametrize(
    ("edits", "steps"),
    [
        (torch.zeros(1, 3, 4, 4), (1.0,)),
        (torch.full((1, 3, 4, 4), math.nan), (1.0,)),
        (torch.ones(1, 48), (1.0,)),
        (torch.ones(9, 3, 4, 4), (1.0,)),
        (torch.ones(1, 3, 4, 4), ()),
        (torch.ones(1, 3, 4, 4), (0.0, 1.0)),
        (torch.ones(1, 3, 4, 4), (1.0, -1.0)),
        (torch.ones(1, 3, 4, 4), (1.0, math.inf)),
    ],
)
def test_what_makes_no_chain_is_refused(edits, steps):
    with pytest.raises(SettingsError, match=r"expected|zero or not finite"):
        EditChains(edits, steps)


def test_what_needs_vectors_says_so():
    with pytest.raises(SettingsError, match="projection needs attribute vectors"):
        along_vectors(chain_set(), "projection")


@pytest.fixture(scope="module")
def batch():
    """An encoder in train mode, a chain set and latents of 7 individuals."""
    chains = chain_set(size=2)
    config = EncoderConfig(input_dim=12, hidden=(16, 10), output_dim=5)
    encoder = Encoder(config, torch_generator(2, "test.encoder"))
    latents = torch.randn(7, *chains.latent_shape, generator=torch_generator(4, "test.latents"))
    encoder.train()(own_latents(latents))
    return encoder, chains, latents


def test_the_furthest_is_at_least_as_far_as_every_corner_and_lies_on_a_chain(batch):
    encoder, chains, latents = batch
    settings = ObjectiveSettings(attack_points=20)
    found = neighbours(encoder, latents, chains)
    moved, distance = found.furthest(settings, torch_generator(5, "test.attack"))
    encoder.eval()
    with torch.no_grad():
        everybody = encoder(latents.flatten(0, 1)).reshape(*latents.shape[:2], -1)
        away = (everybody - everybody[:, :1]).norm(dim=2)
        assert (distance >= away.amax(1) - 1e-5).all(), "a corner is further than the furthest"
        real = (encoder.tail(moved) - encoder(latents[:, 0])).norm(dim=1)
        assert torch.allclose(real, distance, atol=1e-4), "the distance is not that of the point"
    assert torch.allclose(found.own, encoder.first_layer(latents[:, 0]))
    encoder.train()
    _on_chains(encoder, chains, latents, moved, range(7))
    moved.sum().backward()
    assert encoder.linears[0].weight.grad.abs().sum() > 0, "nothing is learnt from the furthest"


def _on_chains(encoder, chains, latents, points, owners):
    """Each preactivation is that of a point between two consecutive corners of its owner."""
    with torch.no_grad():
        corners = chains.corners(encoder.first_layer(latents))
        for point, owner in zip(points.detach(), owners, strict=True):
            start, move = corners[owner][:, :-1], corners[owner].diff(dim=1)
            share = ((point - start) * move).sum(-1) / move.square().sum(-1)
            nearest = start + share.clamp(0, 1)[..., None] * move
            assert (nearest - point).norm(dim=-1).min() < 1e-4, "a point lies on no chain"


def test_random_neighbours_are_points_of_chains_owner_by_owner(batch):
    encoder, chains, latents = batch
    points = neighbours(encoder, latents, chains).random(6, torch_generator(6, "test.random"))
    _on_chains(encoder, chains, latents, points, [i for i in range(7) for _ in range(6)])
    corners = encoder.first_layer(latents).detach()
    away = torch.cdist(points.detach().reshape(7, 6, -1), corners).amin(2)
    assert (away > 1e-3).float().mean() > 0.9, "random points are corners only"
