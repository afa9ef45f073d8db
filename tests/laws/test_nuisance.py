"""What an encoder is kept from seeing along chains: the directions in which similar individuals differ most."""

import numpy as np
import pytest
import torch

import producer.training as training
from producer.batches import LabelledLatents
from producer.encoder import EncoderConfig
from producer.nuisance import nuisance_directions, nuisance_stages
from producer.projection import project, projector
from producer.settings import TrainingSettings
from shared_spec.chains import EditChains
from shared_spec.errors import DataError, SettingsError
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet

Q = 12
SMALL = {"hidden": (24, 16), "dimension": 8, "epochs": 2, "batch": 50}


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch_generator(seed, "nuisance"))


def individuals(moves, n=400, images=3, seed=0):
    """Latents [n, 1 + images, q]: people of unlike variances, and similar ones moved by coefficients times `moves`."""
    own = draw(n, Q, seed=seed) @ torch.diag(torch.linspace(0.5, 3.0, Q)) @ draw(Q, Q, seed=5) + 4.0
    moved = draw(n, images, len(moves), seed=seed + 1) @ moves
    return torch.cat([own[:, None], own[:, None] + moved], dim=1)


def chains():
    """A similarity set whose individuals are those above: q = 12 and three images each."""
    return EditChains(draw(1, 3, 2, 2), (-1.0, 1.0, 2.0))


def test_differences_in_one_subspace_are_forgotten_whole():
    """Whatever people's own variances are: this kills directions that leave B out of what is taken away."""
    moves = draw(4, Q, seed=2)
    basis = nuisance_directions(individuals(moves), 4)
    assert (basis @ basis.T - torch.eye(4)).abs().max() < 1e-12
    left = project(moves.double(), basis).norm(dim=1) / moves.norm(dim=1)
    assert left.max() < 1e-5, left


@pytest.mark.parametrize("count", [1, 5, 9])
def test_what_is_kept_holds_least_of_the_differences_for_what_it_holds_of_people(count):
    latents = individuals(torch.diag(torch.linspace(0.2, 2.0, Q)) @ draw(Q, Q, seed=3), n=4000)
    moved = (latents[:, 1:] - latents[:, :1]).flatten(0, 1).double()
    within, between = moved.T @ moved / len(moved), torch.cov(latents[:, 0].double().T)

    def ratio(kept):
        return float(
            torch.trace(torch.linalg.solve(kept @ between @ kept.T, kept @ within @ kept.T))
        )

    def complement(basis):
        return torch.linalg.qr(basis.T, mode="complete").Q[:, len(basis) :].T

    found = ratio(complement(nuisance_directions(latents, count)))
    values = torch.linalg.eigvals(torch.linalg.solve(between, within)).real.sort().values
    # The ridge of a hundredth of the mean variance is in the directions, not in these figures.
    assert found <= 1.05 * float(values[: Q - count].sum()), "not the generalised eigenvectors"
    others = (torch.linalg.qr(draw(Q, Q, seed=s).double()).Q[: Q - count] for s in range(200))
    assert found < min(ratio(kept) for kept in others)


def test_fewer_directions_are_the_first_of_more():
    latents = individuals(draw(Q, Q, seed=3))
    most = nuisance_directions(latents, Q - 1)
    for count in range(1, Q - 1):
        fewer = nuisance_directions(latents, count)
        torch.testing.assert_close(most[:count].T @ most[:count], fewer.T @ fewer)


def test_everybody_is_read_and_a_file_gives_what_memory_gives(tmp_path):
    latents = individuals(draw(Q, Q, seed=4), n=2100)
    mapped = np.memmap(tmp_path / "latents", np.float32, "w+", shape=tuple(latents.shape))
    mapped[:] = latents.numpy()
    steps = []
    found = nuisance_directions(mapped, 3, lambda done, word: steps.append(done))
    assert torch.equal(found, nuisance_directions(latents, 3))
    assert steps == list(range(1, nuisance_stages(2100) + 1))
    last = latents.clone()
    last[2050:, 1:] += 100.0 * torch.eye(Q)[0]
    changed = nuisance_directions(last, 1)
    assert abs(float((changed @ found[0]).squeeze())) < 0.99, "the last block was not read"


@pytest.mark.parametrize("broken", [torch.nan, torch.inf, 1e30])
def test_latents_that_tell_nothing_apart_are_refused(broken):
    latents = individuals(draw(Q, Q, seed=4))
    latents[3, 1, 2] = broken
    with pytest.raises(DataError, match="not finite"):
        nuisance_directions(latents, 2)
    with pytest.raises(DataError, match="the same for everybody"):
        nuisance_directions(torch.zeros(50, 3, Q), 2)


@pytest.mark.parametrize("count", [3, 9])
def test_a_projector_is_the_projection_whichever_side_it_sums(count):
    basis = torch.linalg.qr(draw(Q, count).double()).Q.T
    points = draw(7, Q, seed=1).double()
    torch.testing.assert_close(projector(basis, points)(points), project(points, basis))


def forgetful(method):
    """Latents, labels, settings and an encoder trained with them that forgets five directions."""
    latents = individuals(draw(Q, Q, seed=6))
    labels = {"task": (latents[:, 0, 0] > 4.0).long()}
    settings = TrainingSettings(method=method, forget=5, **SMALL).resolved()
    trained = training.train_encoder(LabelledLatents(latents, labels), chains(), settings, 0)
    return latents, labels, settings, trained.encoder


@pytest.mark.parametrize("method", ["lassi", "project", "augment"])
def test_an_encoder_does_not_see_what_it_was_to_forget(method):
    latents, _, _, encoder = forgetful(method)
    first = encoder.linears[0].weight
    seen = (first.double() @ nuisance_directions(latents, 5).T).norm() / first.norm()
    assert seen < 1e-5, seen
    assert encoder.basis is None


@pytest.mark.parametrize("method", ["project", "augment"])
def test_training_goes_as_on_projected_latents(method, monkeypatch):
    """The same steps as if all latents had been projected before (LASSI's adversary would choose by rounding)."""
    latents, labels, settings, trained = forgetful(method)
    # On projected latents, with weights that begin within what is kept, nothing has to be forgotten.
    kept = projector(nuisance_directions(latents, 5), latents)
    begun = training.Networks

    def within(*words, **more):
        networks = begun(*words, **more)
        weight = networks.encoder.linears[0].weight.detach()
        weight.copy_(kept(weight))
        return networks

    monkeypatch.setattr(training, "Networks", within)
    monkeypatch.setattr(
        training, "forgotten", lambda *words: torch.zeros(0, Q, dtype=torch.float64)
    )
    other = training.train_encoder(LabelledLatents(kept(latents), labels), chains(), settings, 0)
    # Biases before a batch norm have no gradient but rounding, which Adam makes as large as any: the batch's own mean
    # takes them out again.
    projected = kept(latents[:, 0])
    own, blind = (encoder.train()(projected) for encoder in (trained, other.encoder))
    torch.testing.assert_close(own, blind, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("settings", "along", "says"),
    [
        ({"method": "naive", "forget": 3}, chains(), "naive forgets nothing"),
        ({"method": "lassi", "forget": 3}, SimilaritySet(draw(1, Q), 1.0), "without a number"),
        ({"method": "project"}, chains(), "how many of the 12 directions"),
        ({"method": "lassi", "forget": 12}, chains(), "leaves none to learn from"),
    ],
)
def test_what_cannot_be_forgotten_is_refused(settings, along, says):
    with pytest.raises(SettingsError, match=says):
        EncoderConfig.of(TrainingSettings(**settings).resolved(), along)
