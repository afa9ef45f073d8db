"""Tubes hold the curve, polylines are the network, and Gaussian masses agree with sampling and closed forms."""

import pytest
import rational_line as oracle
import torch
from gaussian_mass import gaussian_mass, gaussian_quantile, polyline
from scipy.stats import binom, norm

from producer.views.exact.bounds import certify_exact
from shared_spec.errors import ArtifactError, DataError, SettingsError
from shared_spec.relu_network import ReluNetwork
from shared_spec.rng import torch_generator


def distance_to_chain(points, chain):
    """Distance of points [p, d] from the nearest point of a chain of segments [m, d]."""
    start, chord = chain[:-1], chain.diff(dim=0)
    length = (chord * chord).sum(1).clamp_min(1e-300)
    share = ((points.unsqueeze(1) - start) * chord).sum(2) / length
    nearest = start + share.clamp(0.0, 1.0).unsqueeze(2) * chord
    return (points.unsqueeze(1) - nearest).norm(dim=2).amin(1)


@pytest.mark.parametrize("vertices", [2, 3, 5, 40])
def test_polyline_tubes_hold_the_curve(vertices):
    deltas = []
    for seed in range(12):
        encoder = oracle.small_encoder((4, 10, 9, 5), seed)
        latents, vectors = oracle.small_set(encoder, 2, 1, seed)
        method = "polyline" if vertices == 40 else "grid"
        view = certify_exact(encoder, latents, vectors, 1.5, tube_vertices=vertices, method=method)
        t = torch.linspace(-1.5, 1.5, 801, dtype=torch.float64).unsqueeze(1)
        for index in range(2):
            curve = encoder(latents[index] + t * vectors)
            away = distance_to_chain(curve, view.tubes.points[index].double())
            assert away.max() <= view.tubes.delta[index], "the curve leaves its tube"
        assert view.tubes.points.shape == (2, vertices, 5)
        deltas.append(float((view.tubes.delta / view.radius).max()))
    if vertices == 40:
        assert max(deltas) < 1e-5, "with all vertices only float32 is left"


@pytest.mark.parametrize("k", [2, 3])
def test_affine_tubes_hold_the_set(k):
    for seed in range(6):
        encoder = oracle.small_encoder((5, 10, 8, 4), seed)
        latents, vectors = oracle.small_set(encoder, 2, k, seed)
        view = certify_exact(encoder, latents, vectors, 0.8, tube_vertices=2)
        generator = torch_generator(seed, "tube")
        tau = torch.nn.functional.normalize(
            torch.randn(3000, k, generator=generator, dtype=torch.float64)
        )
        tau[::2] *= torch.rand(1500, 1, generator=generator, dtype=torch.float64)
        for index in range(2):
            rows = view.tubes.points[index].double()
            away = encoder(latents[index] + 0.8 * tau @ vectors) - rows[0] - tau @ rows[1:]
            assert away.norm(dim=1).max() <= view.tubes.delta[index], "outside the affine tube"
            assert away.norm(dim=1).max() >= 0.7 * view.tubes.delta[index], "delta is loose"
        assert view.tubes.kind == "affine"


def test_polyline_is_the_network_inside_and_beyond_its_range():
    for widths in [(4, 20, 15, 6), (4, 6), (3, 8, 7, 6, 5)]:
        encoder = oracle.small_encoder(widths, 1)
        latents, vectors = oracle.small_set(encoder, 1, 1, 1)
        curve = polyline(encoder, latents[0], vectors[0], 2.0)
        generator = torch_generator(0, "line-samples")
        t = 1.5 * torch.randn(3000, generator=generator, dtype=torch.float64)
        assert (t.abs() > 2.0).any()
        t = torch.cat([t, curve.t, torch.tensor([-2.0, 0.0, 2.0], dtype=torch.float64)])
        direct = encoder(latents[0] + t.unsqueeze(1) * vectors[0])
        assert torch.allclose(curve.at(t), direct, atol=1e-10), "samples differ from the network"
        centre = direct[0]
        expected = (direct - centre).norm(dim=1)
        assert torch.allclose(curve.distances(t, centre), expected, atol=1e-6)


def test_distances_along_a_polyline_are_never_too_small():
    # The curve passes the centre: the squared distance is a difference of equal numbers.
    encoder = oracle.small_encoder((4, 20, 15, 6), 1)
    latents, vectors = oracle.small_set(encoder, 1, 1, 1)
    curve = polyline(encoder, latents[0], vectors[0], 2.0)
    generator = torch_generator(0, "near-the-centre")
    for middle in torch.linspace(-1.9, 1.9, 39, dtype=torch.float64):
        centre = curve.at(middle[None])[0]
        t = middle + 1e-9 * torch.randn(50, generator=generator, dtype=torch.float64)
        differences = (curve.at(t) - centre).norm(dim=1)
        assert (curve.distances(t, centre) >= differences).all(), f"too small near {middle:.2f}"
        assert (curve.distances(t, centre) <= differences + 1e-6).all()


def test_gaussian_mass_of_an_interval_and_of_samples():
    line = ReluNetwork((2.0 * torch.ones(1, 1).double(),), (torch.zeros(1).double(),))
    curve = polyline(line, torch.zeros(1).double(), torch.ones(1).double(), 6.5 * 0.65)
    mass = gaussian_mass(curve, torch.zeros(1).double(), 1.0, 0.65)
    exact = 1.0 - 2.0 * norm.sf(0.5 / 0.65)
    assert exact - 1e-9 <= mass <= exact, "the mass of [-1/2, 1/2]"
    radius = gaussian_quantile(curve, torch.zeros(1).double(), exact, 0.65)
    assert 1.0 - 1e-12 <= radius <= 1.0 + 1e-8
    assert gaussian_quantile(curve, torch.zeros(1).double(), 1.0 - 1e-12, 0.65) == float("inf")
    encoder = oracle.small_encoder((4, 20, 15, 6), 2)
    latents, vectors = oracle.small_set(encoder, 1, 1, 2)
    curve = polyline(encoder, latents[0], vectors[0], 6.5 * 0.65)
    centre = encoder(latents[0])
    t = 0.65 * torch.randn(20000, generator=torch_generator(0, "mass-samples"), dtype=torch.float64)
    for p in (0.3, 0.8, 0.95):
        radius = gaussian_quantile(curve, centre, p, 0.65)
        hits = int((curve.distances(t, centre) <= radius).sum())
        low, high = binom.ppf(5e-7, 20000, p), binom.isf(5e-7, 20000, p)
        assert low <= hits <= high, f"Q_{p} holds {hits} of 20000 samples"


def test_bad_input_is_refused_with_the_reason():
    encoder = oracle.small_encoder((4, 6, 3), 0)
    latents, vectors = oracle.small_set(encoder, 2, 1, 0)
    broken = ReluNetwork((encoder.weights[0] * torch.nan, encoder.weights[1]), encoder.biases)
    with pytest.raises(ArtifactError, match="not finite"):
        certify_exact(broken, latents, vectors, 1.0)
    with pytest.raises(ArtifactError, match="not finite"):
        certify_exact(encoder, latents, vectors * torch.inf, 1.0)
    with pytest.raises(ArtifactError, match="shape"):
        certify_exact(encoder, latents, vectors[:, :2], 1.0)
    bad = latents.clone()
    bad[1, 0] = torch.nan
    with pytest.raises(DataError, match="individual 1"):
        certify_exact(encoder, bad, vectors, 1.0)
    for settings in ({"tolerance": 0.0}, {"tube_vertices": 1}, {"max_cells": 0}):
        with pytest.raises(SettingsError):
            certify_exact(encoder, latents, vectors, 1.0, **settings)
    with pytest.raises(SettingsError, match="epsilon"):
        certify_exact(encoder, latents, vectors, 0.0)
