"""Laws of the attack and of the objective."""

import pytest
import torch
from leaning_labels import problem

from producer.attack import attack_points, furthest_point
from producer.encoder import EncoderConfig
from producer.objective import Networks, losses
from producer.settings import ObjectiveSettings
from shared_spec.errors import SettingsError
from shared_spec.rng import torch_generator


def networks_for(similarity, mode, reconstruct=False):
    config = EncoderConfig(input_dim=similarity.latent_dim, hidden=(32, 16), output_dim=8)
    networks = Networks(config, {"task": 2}, reconstruct, torch_generator(0, "test.networks"))
    for _ in range(5):  # gives the batch norms running statistics
        z = torch.randn(50, similarity.latent_dim, generator=torch_generator(1, "statistics"))
        networks.encoder(z)
    return networks.train(mode == "train")


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("kind", ["random", "grid"])
def test_the_attack_finds_the_best_of_the_points_it_tries(k, kind):
    data, similarity = problem(n=40, k=k)
    encoder = networks_for(similarity, "eval").encoder
    with torch.no_grad():
        t = attack_points(kind, similarity, 40, 27, torch_generator(3, "attack"))
        chosen, distance = furthest_point(
            encoder, *encoder.split_first_layer(data.latents, similarity.vectors), t
        )
        here = encoder(data.latents)
        tried = t.expand(40, -1, -1)
        points = similarity.points(data.latents[:, None], tried).float()
        brute = (encoder(points.flatten(0, 1)).reshape(40, -1, 8) - here[:, None]).norm(dim=2)
        moved = encoder(similarity.points(data.latents, chosen).float())
    assert t.shape[1] == (25 if (kind, k) == ("grid", 2) else 27)
    assert (t.norm(dim=2) <= similarity.epsilon * (1 + 1e-12)).all(), "a point left S(x)"
    assert torch.allclose(distance, brute.amax(dim=1), atol=1e-5), "not the furthest of the points"
    assert torch.allclose((moved - here).norm(dim=1), distance, atol=1e-5), (
        "t and distance disagree"
    )


def test_the_attack_looks_at_the_encoder_in_eval_mode():
    data, similarity = problem(n=40)
    networks = networks_for(similarity, "eval")
    t = attack_points("grid", similarity, 40, 10, torch_generator(3, "attack"))
    split = networks.encoder.split_first_layer(data.latents, similarity.vectors)
    _, in_eval = furthest_point(networks.encoder, *split, t)
    networks.train()
    _, in_train = furthest_point(networks.encoder, *split, t)
    assert torch.equal(in_eval, in_train)


def test_a_grid_that_is_too_small_is_refused():
    _, similarity = problem(k=3)
    with pytest.raises(SettingsError, match="at least 8"):
        attack_points("grid", similarity, 5, 7, torch_generator(0, "x"))


def test_losses_are_those_of_the_paper():
    data, similarity = problem(n=30)
    networks = networks_for(similarity, "eval", reconstruct=True)
    settings = ObjectiveSettings(lambda_1=0.7, lambda_2=0.3, lambda_3=0.2, attack="grid")
    labels = data.labels["task"][None]
    result = losses(networks, data.latents, labels, similarity, settings, torch_generator(0, "x"))
    z, encoder = data.latents, networks.encoder
    with torch.no_grad():
        r = encoder(z)
        grid = torch.linspace(-1, 1, 10)
        moved = torch.stack([encoder(z + t * similarity.vectors[0]) for t in grid])
        adversarial = (moved - r).norm(dim=2).amax(dim=0).mean()
        classification = torch.nn.functional.cross_entropy(networks.heads[0](r), labels[0])
        reconstruction = (z - networks.decoder(r)).norm(dim=1).mean()
    assert torch.isclose(result.adversarial, adversarial, atol=1e-5)
    assert torch.isclose(result.classification, classification, atol=1e-6)
    assert torch.isclose(result.reconstruction, reconstruction, atol=1e-5)
    total = 0.7 * classification + 0.3 * adversarial + 0.2 * reconstruction
    assert torch.isclose(result.total, total, atol=1e-5)


def test_a_shift_common_to_everybody_is_paid_for_in_train_mode(monkeypatch):
    # Everybody's worst point is the same end of the segment; a batch norm pass of its own for z' would subtract that
    # shift, and discrimination would cost nothing.
    data, similarity = problem(n=200)
    config = EncoderConfig(input_dim=similarity.latent_dim, hidden=(), output_dim=4)
    networks = Networks(config, {"task": 2}, False, torch_generator(0, "linear")).train()
    one_end = torch.ones(1, 1, 1, dtype=torch.float64)
    monkeypatch.setattr("producer.neighbours.attack_points", lambda *_: one_end)
    labels = data.labels["task"][None]
    settings, stream = ObjectiveSettings(), torch_generator(0, "x")
    result = losses(networks, data.latents, labels, similarity, settings, stream)
    assert result.adversarial > 0.3, "batch norm removed the distance between z and z'"


def test_the_adversarial_loss_reaches_the_first_layer():
    data, similarity = problem(n=64)
    networks = networks_for(similarity, "train")
    settings = ObjectiveSettings(lambda_1=0, lambda_2=1)
    labels = data.labels["task"][None]
    result = losses(networks, data.latents, labels, similarity, settings, torch_generator(0, "x"))
    result.total.backward()
    weight = networks.encoder.linears[0].weight
    direction = similarity.vectors[0] / similarity.vectors[0].norm()
    before = result.adversarial.item()
    assert weight.grad is not None
    assert (weight.grad @ direction).norm() > 0
    with torch.no_grad():
        for parameter in networks.encoder.parameters():
            if parameter.grad is not None:
                parameter -= 0.02 * parameter.grad
    after = losses(networks, data.latents, labels, similarity, settings, torch_generator(0, "x"))
    assert after.adversarial.item() < before, "a gradient step did not lower the loss"
