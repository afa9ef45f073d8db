"""Bounds on another device: the host's, up to rounding, from the same draws, with nothing left on the wrong side.

`far_device` stands for an accelerator everywhere; where there is a CUDA device, the same is asked of it.
"""

import copy

import pytest
import rational_line as oracle
import torch
from far_device import far_device

from producer.auditing.dense_attack import Attack
from producer.encoder import Encoder, EncoderConfig, fold
from producer.views.exact import bounds as exact_bounds
from producer.views.exact import sets
from producer.views.exact.bounds import certify_chains, certify_exact
from producer.views.exact.settings import ExactSettings
from producer.views.smoothing import view as smoothing
from producer.views.smoothing.view import SmoothingView
from shared_spec.chains import EditChains
from shared_spec.device import to_host
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet
from shared_spec.smoothing.settings import SmoothingSettings

ENCODER = oracle.small_encoder((12, 20, 16, 6), 1)
LINEAR = oracle.small_encoder((12, 6), 1)
NO_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@pytest.fixture(params=["far", pytest.param("cuda", marks=NO_CUDA)])
def place(request):
    """A device that is not the host's."""
    if request.param == "cuda":
        yield torch.device("cuda")
        return
    with far_device() as device:
        yield device


def agree(here, there, encoder=ENCODER):
    """Both bound the same, and where both took the same steps they differ by rounding alone."""
    for name in ("centre", "radius", "status", "representation", "lower_bound", "effort"):
        assert getattr(there, name).device.type == "cpu", f"{name} was left on the device"
    room = 8.0 * (here.rounding + there.rounding)
    close = 2.0**-22 * here.representation.norm(dim=1)
    assert ((here.representation - there.representation).norm(dim=1) <= close).all()
    assert (here.status == there.status).all()
    assert (there.lower_bound <= here.radius + close).all()
    assert (here.lower_bound <= there.radius + close).all()
    same = here.effort == there.effort
    assert same.double().mean() >= 0.5, "the meshes differ for most"
    apart = (here.radius - there.radius).abs()[same]
    assert (apart <= (room + close + 1e-9 * here.radius)[same]).all()
    if here.tubes is not None:
        assert here.tubes.points.shape == there.tubes.points.shape
        apart = (here.tubes.delta - there.tubes.delta).abs()[same]
        assert (apart <= (room + close + 1e-9 * here.radius)[same]).all()


@pytest.mark.parametrize(
    ("k", "options"),
    [
        (1, {"tube_vertices": 4}),
        (1, {"method": "polyline", "tube_vertices": 3}),
        (2, {"tube_vertices": 2, "tolerance": 0.1}),
    ],
)
def test_exact_bounds_on_a_device_are_those_of_the_host(place, k, options):
    latents, vectors = oracle.small_set(ENCODER, 4, k, 1)
    here = certify_exact(ENCODER, latents, vectors, 0.8, **options)
    agree(here, certify_exact(ENCODER.to(place), latents, vectors, 0.8, **options))
    here = certify_exact(LINEAR, latents[:2], vectors, 0.8, **options)
    agree(here, certify_exact(LINEAR.to(place), latents[:2], vectors, 0.8, **options))


def test_chains_on_a_device_are_bounded_as_on_the_host(place):
    latents, _ = oracle.small_set(ENCODER, 21, 1, 2)
    latents, visits = latents.reshape(3, 7, 12), torch.tensor([[1, 2, 0, 3], [4, 5, 0, 6]])
    settings = ExactSettings(tube_vertices=6)
    here = certify_chains(ENCODER, latents, visits, settings)
    agree(here, certify_chains(ENCODER.to(place), latents, visits, settings))


@pytest.mark.parametrize("k", [1, 2])
def test_smoothing_on_a_device_uses_the_draws_of_the_host(place, k, monkeypatch):
    latents, vectors = oracle.small_set(ENCODER, 2, k, 1)
    view = SmoothingView(SmoothingSettings(n0=1000, n=1000, statement="paper", alpha=0.05))
    words = (latents, ["a", "b"], SimilaritySet(vectors, 0.5), 7)
    drawn, certify = [], smoothing.certify

    def spied(g, plan, *draws):
        drawn.append([to_host(each) for each in draws[:3]])
        return certify(g, plan, *draws)

    monkeypatch.setattr(smoothing, "certify", spied)
    here = view.bound(ENCODER, *words)
    there = view.bound(ENCODER.to(place), *words)
    for one, other in zip(drawn[:2], drawn[2:], strict=True):
        assert all(torch.equal(*pair) for pair in zip(one, other, strict=True))
    assert torch.equal(here.status, there.status)
    assert torch.allclose(here.radius, there.radius, rtol=1e-9)
    assert torch.allclose(here.centre, there.centre)
    answers = [view.predict(one, *words) for one in (ENCODER, ENCODER.to(place))]
    assert torch.allclose(answers[0].centre, answers[1].centre)


@pytest.mark.parametrize("similar", ["vectors", "chains"])
def test_the_attack_on_a_device_finds_what_it_finds_on_the_host(place, similar):
    encoder = Encoder(EncoderConfig(input_dim=12, hidden=(8,), output_dim=4), torch_generator(0, "attack"))  # fmt: skip
    encoder(torch.randn(50, 12, generator=torch_generator(0, "statistics")))
    encoder.eval().requires_grad_(False)
    latents, vectors = oracle.small_set(fold(encoder), 3, 1, 1)
    similarity = SimilaritySet(vectors, 0.5)
    if similar == "chains":
        similarity = EditChains(torch.ones(1, 3, 2, 2), (-1.0, 1.0))
        latents = torch.stack([latents, latents + 0.5, latents - 0.5], dim=1)
    vertices = torch.randn(3, 4, 4, generator=torch_generator(0, "vertices"))
    places = torch.tensor([-1.0, -0.5, 0.5, 1.0]).expand(3, -1).double()
    found = []
    for device in (torch.device("cpu"), place):
        attack = Attack(copy.deepcopy(encoder).to(device), similarity)
        found.append([attack.from_centre(latents, vertices[:, 0]), attack.from_chain(latents, vertices)])  # fmt: skip
        found[-1].append(attack.from_places(latents, vertices, places.abs()))
        if similar == "vectors":
            found[-1].append(attack.from_timetable(latents, vertices, places))
    for here, there in zip(*found, strict=True):
        assert there.device.type == "cpu"
        assert torch.allclose(here, there, rtol=1e-9)


@pytest.mark.parametrize(
    ("module", "name", "k"),
    [(sets, "cover", 2), (exact_bounds, "uniform_parameters", 1)],
)
def test_what_is_made_on_the_host_is_found_out_on_the_far_device(module, name, k, monkeypatch):
    made = getattr(module, name)
    monkeypatch.setattr(module, name, lambda count, device: made(count))
    latents, vectors = oracle.small_set(ENCODER, 2, k, 1)
    certify_exact(ENCODER, latents, vectors, 0.8)
    with far_device() as device, pytest.raises(RuntimeError, match="of the host"):
        certify_exact(ENCODER.to(device), latents, vectors, 0.8)


def test_values_leave_the_far_device_by_to_host_alone():
    with far_device() as device:
        value = torch.ones(3, device=device)
        with pytest.raises(RuntimeError):
            value.numpy()
        with pytest.raises(RuntimeError, match="of the host"):
            value + torch.ones(3)
        with pytest.raises(AssertionError, match="not by to_host"):
            value.cpu()
        assert to_host(value).tolist() == [1.0] * 3
