"""Laws of the similarity set: its draws, its grid, its points, and what it refuses."""

import math

import pytest
import torch
from scipy.stats import kstest

from shared_spec.errors import SettingsError
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet, ball_grid, gaussian, uniform_ball


def stream(purpose):
    return torch_generator(0, "test.similarity", purpose)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_uniform_draws_fill_the_ball_evenly(k):
    t = uniform_ball(20_000, k, stream(f"ball{k}"))
    assert t.shape == (20_000, k)
    assert t.dtype == torch.float64
    norms = t.norm(dim=1)
    assert norms.max() <= 1 + 1e-15, "a draw left the ball"
    # In a ball the volume within radius r is r^k, and every coordinate is symmetric.
    assert kstest((norms**k).numpy(), "uniform").pvalue > 1e-6, (
        "radii are not those of a uniform law"
    )
    assert (t.mean(dim=0).abs() < 6 / math.sqrt(20_000)).all(), "the draws are off centre"
    moments = t.T @ t / len(t)
    assert torch.allclose(moments, torch.eye(k, dtype=torch.float64) / (k + 2), atol=0.02)


def test_gaussian_coefficients_are_independent_and_standard():
    t = gaussian(50_000, 3, stream("gaussian"))
    assert torch.allclose(t.T @ t / len(t), torch.eye(3, dtype=torch.float64), atol=0.03), (
        "the coefficients share noise or have another variance"
    )
    assert kstest(t.flatten().numpy(), "norm").pvalue > 1e-6


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_grid_reaches_the_sphere_and_stays_in_the_ball(k):
    grid = ball_grid(6, k)
    norms = grid.norm(dim=1)
    assert grid.shape == (6**k, k)
    assert norms.max() <= 1 + 1e-12
    assert (norms > 1 - 1e-12).sum() == 6**k - 4**k, "the cube's surface must land on the sphere"
    assert torch.allclose(grid.sum(dim=0), torch.zeros(k, dtype=torch.float64), atol=1e-12)


def test_a_grid_in_one_dimension_has_both_ends():
    assert ball_grid(3, 1).flatten().tolist() == [-1.0, 0.0, 1.0]


def test_points_are_formed_in_float64_from_float32_parts():
    vectors = torch.tensor([[1.0, 0.0, 2.0], [0.0, 3.0, 1.0]])
    similarity = SimilaritySet(vectors, 0.5)
    z = torch.tensor([[1.0, 1.0, 1.0]])
    t = torch.tensor([[0.1, -0.2]], dtype=torch.float64)
    points = similarity.points(z, t)
    assert points.dtype == torch.float64
    expected = torch.tensor([[1.1, 0.4, 1.0]], dtype=torch.float64)
    assert torch.allclose(points, expected, atol=1e-15, rtol=0)
    assert torch.equal(similarity.points(z, torch.zeros(1, 2)), z.double())


def test_epsilon_scales_the_ball():
    similarity = SimilaritySet(torch.eye(2, 4), 3.0)
    norms = similarity.uniform(5000, stream("scaled")).norm(dim=1)
    assert 2.9 < norms.max() <= 3 + 1e-12
    assert (similarity.k, similarity.latent_dim) == (2, 4)


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.nan, math.inf])
def test_an_epsilon_that_is_not_positive_and_finite_is_refused(epsilon):
    with pytest.raises(SettingsError, match="epsilon"):
        SimilaritySet(torch.ones(1, 3), epsilon)


@pytest.mark.parametrize(
    "vectors",
    [
        torch.zeros(1, 3),
        torch.tensor([[1.0, 0.0], [0.0, 0.0]]),
        torch.tensor([[1.0, math.nan]]),
        torch.tensor([[math.inf, 1.0]]),
        torch.ones(3),
        torch.ones(0, 3),
        torch.ones(1, 3, dtype=torch.int64),
    ],
)
def test_vectors_that_define_no_similarity_are_refused(vectors):
    with pytest.raises(SettingsError, match="vector"):
        SimilaritySet(vectors, 1.0)
