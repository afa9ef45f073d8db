"""Laws of the objective, the attack and the training loop."""

import math

import numpy as np
import pytest
import torch

from producer.attack import attack_points, furthest_point
from producer.batches import LabelledLatents, batches
from producer.encoder import EncoderConfig
from producer.objective import Networks, ObjectiveSettings, losses
from producer.training import TrainingSettings, train_encoder
from shared_spec.errors import DataError, SettingsError
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet

SMALL = {"hidden": (32, 16), "output_dim": 8, "batch_size": 100, "epochs": 3}


def problem(n=600, q=20, k=1, seed=0):
    """Latents whose label leans on the sensitive direction, so that a naive encoder discriminates."""
    generator = torch_generator(seed, "test.problem")
    vectors = torch.randn(k, q, generator=generator)
    z = (
        torch.randn(n, q, generator=generator)
        + torch.randn(n, 1, generator=generator) * vectors[:1]
    )
    w = torch.randn(q, generator=generator)
    score = z @ w / w.norm() + z @ vectors[0] / vectors[0].norm()
    return LabelledLatents(z, {"task": (score > 0).long()}), SimilaritySet(vectors, 1.0)


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
    with pytest.raises(SettingsError, match="at least 8 points"):
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


def test_a_shift_common_to_everybody_is_paid_for_in_train_mode():
    # With a linear encoder and a symmetric grid everybody's worst point is the same end of the segment; a batch norm
    # pass of its own for z' would subtract that shift, and discrimination would cost nothing.
    data, similarity = problem(n=200)
    config = EncoderConfig(input_dim=similarity.latent_dim, hidden=(), output_dim=4)
    networks = Networks(config, {"task": 2}, False, torch_generator(0, "linear")).train()
    settings = ObjectiveSettings(attack="grid")
    labels = data.labels["task"][None]
    result = losses(networks, data.latents, labels, similarity, settings, torch_generator(0, "x"))
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


def test_lassi_moves_similar_individuals_less_than_naive_and_augmentation_does():
    data, similarity = problem(n=1500)
    held_out = LabelledLatents(data.latents[1000:], {"task": data.labels["task"][1000:]})
    train = LabelledLatents(data.latents[:1000], {"task": data.labels["task"][:1000]})
    settings = TrainingSettings(**SMALL, lambda_2=0.5)
    distance, accuracy = {}, {}
    for method in ("naive", "augment", "lassi"):
        trained = train_encoder(
            train, similarity, settings.for_method(method), 0, validation=held_out
        )
        last = trained.curves[-1]
        distance[method] = last.validation_distance
        accuracy[method] = last.validation.accuracy["task"]
    assert distance["lassi"] < 0.5 * min(distance["naive"], distance["augment"]), distance
    assert accuracy["naive"] > 0.85, accuracy


def test_training_is_a_function_of_the_seed():
    data, similarity = problem()
    settings = TrainingSettings(**SMALL)
    first, second, other = (train_encoder(data, similarity, settings, s).encoder for s in (1, 1, 2))
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )
    assert not torch.equal(first.linears[0].weight, other.linears[0].weight)


def test_a_memory_mapped_array_trains_the_same_encoder(tmp_path):
    data, similarity = problem()
    mapped = np.lib.format.open_memmap(
        tmp_path / "z.npy", mode="w+", dtype=np.float32, shape=tuple(data.latents.shape)
    )
    mapped[:] = data.latents.numpy()
    mapped.flush()
    mapped.flags.writeable = False
    settings = TrainingSettings(**SMALL)
    from_memory = train_encoder(data, similarity, settings, 1).encoder
    from_file = train_encoder(LabelledLatents(mapped, data.labels), similarity, settings, 1).encoder
    assert torch.equal(from_memory.linears[0].weight, from_file.linears[0].weight)


def test_an_epoch_reads_everybody_once_and_no_batch_is_too_small_for_batch_norm():
    for n in (2, 5, 101, 500, 501, 999):
        data = LabelledLatents(
            torch.arange(n, dtype=torch.float32)[:, None], {"y": torch.arange(n)}
        )
        order = torch.randperm(n, generator=torch_generator(n, "order"))
        parts = list(batches(data, order, ("y",), batch_size=100))
        read = torch.cat([latents[:, 0] for latents, _ in parts])
        assert sorted(read.tolist()) == list(range(n))
        assert all(2 <= len(latents) <= 100 for latents, _ in parts)
        assert all(torch.equal(latents[:, 0].long(), labels[0]) for latents, labels in parts)


def test_the_best_epoch_is_chosen_on_validation_data():
    data, similarity = problem(n=120)
    held_out, _ = problem(n=400, seed=0)
    settings = TrainingSettings(
        hidden=(64, 32), output_dim=8, batch_size=20, epochs=8, learning_rate=0.02, choose="best"
    )
    trained = train_encoder(data, similarity, settings, 0, validation=held_out)
    totals = [curve.validation.total for curve in trained.curves]
    assert trained.chosen_epoch == 1 + int(np.argmin(totals))
    networks = trained.networks
    result = losses(
        networks,
        held_out.latents,
        held_out.labels["task"][None],
        similarity,
        settings,
        torch_generator(0, "x"),
    )
    best = trained.curves[trained.chosen_epoch - 1].validation.classification
    assert math.isclose(result.classification.item(), best, rel_tol=1e-3), (
        "not the weights of that epoch"
    )


def test_several_targets_and_a_target_free_encoder():
    data, similarity = problem()
    labels = {"task": data.labels["task"], "a.b": torch.arange(600) % 3}
    settings = TrainingSettings(**SMALL)
    trained = train_encoder(LabelledLatents(data.latents, labels), similarity, settings, 0)
    assert set(trained.curves[-1].training.accuracy) == {"task", "a.b"}
    assert [head.out_features for head in trained.networks.heads] == [2, 3]
    transfer = settings.model_copy(update={"lambda_1": 0.0, "lambda_3": 0.1})
    trained = train_encoder(LabelledLatents(data.latents, {}), similarity, transfer, 0)
    curves = [curve.training.reconstruction for curve in trained.curves]
    assert curves[-1] < curves[0], "the reconstruction was not learned"


def test_bfloat16_trains_to_about_the_same_losses():
    data, similarity = problem(n=1000)
    last = {}
    for precision in ("float32", "bfloat16"):
        settings = TrainingSettings(**SMALL, lambda_2=0.5, precision=precision)
        trained = train_encoder(data, similarity, settings, 0)
        last[precision] = trained.curves[-1].training.total
        assert trained.encoder.linears[0].weight.dtype == torch.float32
    assert math.isclose(last["float32"], last["bfloat16"], rel_tol=0.1), last


def test_progress_is_reported_step_by_step():
    data, similarity = problem(n=250)
    steps = []
    settings = TrainingSettings(**SMALL | {"epochs": 2})
    train_encoder(data, similarity, settings, 0, progress=steps.append)
    assert [(s.epoch, s.step) for s in steps] == [(e, i) for e in (1, 2) for i in (1, 2, 3)]
    assert {(s.epochs, s.steps) for s in steps} == {(2, 3)}


def test_what_training_cannot_use_is_refused():
    data, similarity = problem(n=50)
    settings = TrainingSettings(**SMALL)
    with pytest.raises(SettingsError, match="no target"):
        train_encoder(LabelledLatents(data.latents, {}), similarity, settings, 0)
    best = settings.model_copy(update={"choose": "best"})
    with pytest.raises(SettingsError, match="validation"):
        train_encoder(data, similarity, best, 0)
    with pytest.raises(SettingsError, match="lambda_2"):
        settings.model_copy(update={"lambda_2": 0.0}).for_method("lassi")
    with pytest.raises(DataError, match="attribute vectors"):
        train_encoder(LabelledLatents(data.latents[:, 1:], data.labels), similarity, settings, 0)
    with pytest.raises(DataError, match="class code"):
        train_encoder(
            LabelledLatents(data.latents, {"task": data.labels["task"] - 1}),
            similarity,
            settings,
            0,
        )
    with pytest.raises(DataError, match="at least 2"):
        train_encoder(
            LabelledLatents(data.latents[:1], {"task": data.labels["task"][:1]}),
            similarity,
            settings,
            0,
        )
    broken = data.latents.clone()
    broken[3, 0] = float("nan")
    with pytest.raises(SettingsError, match="diverged"):
        train_encoder(LabelledLatents(broken, data.labels), similarity, settings, 0)
