"""Projection forgets the attributes and nothing else; principal components are those of what is left."""

import numpy as np
import pytest
import torch

from producer.components import principal_components
from producer.projection import project, span_basis
from shared_spec.errors import SettingsError
from shared_spec.rng import torch_generator


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch_generator(seed, "projection"), dtype=torch.float64)


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e20])
def test_every_point_of_a_similarity_set_has_the_same_projection(k, scale):
    vectors, z, t = draw(k, 50) * scale, draw(7, 50, seed=1), draw(7, k, seed=2) / scale
    basis = span_basis(vectors)
    moved = project(z + 10 * t @ vectors, basis)
    assert torch.allclose(moved, project(z, basis), atol=1e-12)
    assert (basis @ basis.T - torch.eye(k)).abs().max() < 1e-14
    assert (project(vectors, basis) / scale).abs().max() < 1e-13


def test_what_is_orthogonal_to_the_attributes_stays_as_it_is():
    vectors = torch.eye(3, 20, dtype=torch.float64)
    z = draw(5, 20)
    z[:, :3] = 0.0
    assert torch.equal(project(z, span_basis(vectors)), z)


def test_dependent_and_unlike_vectors_span_what_they_span():
    a = draw(2, 30)
    assert len(span_basis(torch.stack([a[0], a[1], 2 * a[0] - a[1]]))) == 2
    assert len(span_basis(torch.stack([a[0] * 1e12, a[1] * 1e-12]))) == 2, "a short vector was lost"


@pytest.mark.parametrize("attributes", [0, 2])
def test_components_are_those_of_the_exact_decomposition(attributes):
    scales = 0.9 ** torch.arange(60, dtype=torch.float64)
    latents = (draw(3000, 60) * scales + draw(60, seed=3)).to(torch.float32)
    vectors = draw(max(attributes, 1), 60, seed=4)[:attributes]
    basis = span_basis(vectors) if attributes else torch.zeros(0, 60, dtype=torch.float64)
    found = principal_components(latents.numpy(), basis, 8, torch_generator(0, "c"))
    exact = project(latents.double(), basis)
    exact = exact - exact.mean(0)
    _, values, rows = torch.linalg.svd(exact, full_matrices=False)
    assert torch.allclose(found.variances, values[:8] ** 2 / 2999, rtol=0.01)
    captured = (exact @ found.directions.T).square().sum() / (exact @ rows[:8].T).square().sum()
    assert captured > 0.999
    assert (found.directions @ found.directions.T - torch.eye(8)).abs().max() < 1e-12
    assert (found.directions @ vectors.T).abs().max() < 1e-12 if attributes else True


def test_latents_are_read_in_blocks(monkeypatch):
    latents = draw(5000, 12).to(torch.float32).numpy()
    basis = span_basis(draw(1, 12, seed=1))
    whole = principal_components(latents, basis, 3, torch_generator(0, "c"))
    monkeypatch.setattr("producer.components._BLOCK", 7)
    parts = principal_components(latents, basis, 3, torch_generator(0, "c"))
    assert np.allclose(whole.variances, parts.variances)


def test_more_components_than_there_are_is_refused():
    latents, basis = np.ones((9, 5), dtype=np.float32), span_basis(draw(1, 5))
    with pytest.raises(SettingsError, match="at most 4 components"):
        principal_components(latents, basis, 5, torch_generator(0, "c"))
