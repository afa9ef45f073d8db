"""The head: what is stored is what is certified; what is trained depends on its stream alone."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from consumer.head import Head
from consumer.training import choose_sigma, train_head
from shared_spec.artifacts.head_documents import HeadConfig
from shared_spec.artifacts.tensors import load_tensors, save_tensors
from shared_spec.class_weights import loss_weights
from shared_spec.errors import ArtifactError, DataError, LassiError, SettingsError
from shared_spec.frozen_head import FrozenHead
from shared_spec.rng import torch_generator


def config(hidden=(), sigma=0.5, dim=8, classes=("no", "yes")):
    kind = "mlp" if hidden else "linear"
    return HeadConfig(kind=kind, input_dim=dim, hidden=hidden, classes=classes, sigma_rs=sigma)


def two_clouds(n=2000, dim=8, seed=1, distance=2.0):
    generator = torch_generator(seed, "clouds")
    labels = torch.randint(2, (n,), generator=generator)
    points = torch.randn(n, dim, generator=generator)
    points[:, 0] += distance * (2.0 * labels - 1.0)
    return points, labels


@pytest.mark.parametrize("hidden", [(), (16,), (16, 4)])
def test_the_certified_function_is_the_module_in_float64(hidden):
    head = Head(config(hidden), torch_generator(1, "head"))
    points, _ = two_clouds(50)
    logits = head.frozen()(points)
    assert logits.dtype == torch.float64
    assert torch.allclose(logits, head.double()(points.double()), rtol=0, atol=1e-13)
    frozen = head.frozen()
    assert frozen.is_linear == (not hidden)
    assert (frozen.input_dim, frozen.classes) == (8, 2)
    assert torch.equal(frozen.predict(points), logits.argmax(1))


@pytest.mark.parametrize("hidden", [(), (16, 4)])
def test_stored_weights_give_the_same_logits_bit_for_bit(hidden, tmp_path):
    head = Head(config(hidden), torch_generator(2, "head"))
    save_tensors(tmp_path / "head.safetensors", head.tensors(), {"media_type": "test"})
    again = Head.from_tensors(config(hidden), load_tensors(tmp_path / "head.safetensors")[0])
    points, _ = two_clouds(50)
    assert torch.equal(again.frozen()(points), head.frozen()(points))


def test_training_is_torchs_adam_bit_for_bit():
    points, labels = two_clouds(300)
    settings = config(hidden=(6,), sigma=0.0)
    trained = train_head(points, labels, settings, torch_generator(5, "head"), epochs=2, lr=0.01)
    generator = torch_generator(5, "head")
    by_hand = Head(settings, generator).train()
    optimiser = torch.optim.Adam(by_hand.parameters(), lr=0.01)
    for _ in range(2):
        for rows in torch.split(torch.randperm(300, generator=generator), 128):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(by_hand(points[rows]), labels[rows]).backward()
            optimiser.step()
    for name, value in by_hand.state_dict().items():
        assert torch.equal(value, trained.state_dict()[name]), name


def test_foreign_weights_are_refused():
    tensors = Head(config(), torch_generator(3, "head")).tensors()
    for broken, what in [
        ({}, "holds tensors"),
        ({**tensors, "more": torch.zeros(1)}, "holds tensors"),
        ({**tensors, "layers.0.weight": torch.zeros(3, 8)}, "expected float32"),
        ({**tensors, "layers.0.bias": torch.zeros(2, dtype=torch.float64)}, "expected float32"),
        ({**tensors, "layers.0.bias": torch.full((2,), torch.nan)}, "NaN"),
    ]:
        with pytest.raises(ArtifactError, match=what):
            Head.from_tensors(config(), broken)


def test_impossible_heads_are_refused():
    for fields in (
        {"kind": "mlp", "hidden": ()},
        {"kind": "linear", "hidden": (4,)},
        {"kind": "mlp", "hidden": (0,)},
        {"classes": ("only",)},
        {"sigma_rs": -1.0},
        {"sigma_rs": float("nan")},
        {"unknown": 1},
    ):
        with pytest.raises(ValidationError):
            HeadConfig(**{**config().model_dump(), **fields})
    with pytest.raises(TypeError, match="float64"):
        FrozenHead((torch.zeros(2, 3),), (torch.zeros(2),))


def test_a_prediction_is_never_made_from_nan():
    frozen = Head(config(), torch_generator(4, "head")).frozen()
    with pytest.raises(DataError, match="not finite"):
        frozen.predict(torch.full((1, 8), torch.nan))


@pytest.mark.parametrize("hidden", [(), (16,)])
def test_training_separates_what_can_be_separated(hidden):
    points, labels = two_clouds(4000)
    head = train_head(
        points, labels, config(hidden), torch_generator(5, "train"), epochs=3, lr=1e-2
    )
    test_points, test_labels = two_clouds(2000, seed=2)
    accuracy = (head.frozen().predict(test_points) == test_labels).double().mean()
    assert accuracy > 0.96
    assert not head.training


def test_training_depends_on_its_stream_alone():
    points, labels = two_clouds(500)
    first, second, other = (
        train_head(points, labels, config((4,)), torch_generator(seed, "train")).tensors()
        for seed in (6, 6, 7)
    )
    torch.rand(5)  # the global stream is not looked at
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["layers.0.weight"], other["layers.0.weight"])


def test_noise_widens_the_margin():
    """A small shortcut feature separates perfectly; noise of its size makes the head use the large one."""
    points, labels = two_clouds(6000, distance=3.0)
    points[:, 1] = 0.05 * (2.0 * labels - 1.0)
    shares = []
    for sigma in (0.0, 1.0):
        head = train_head(
            points, labels, config(sigma=sigma), torch_generator(8, "train"), epochs=20, lr=1e-2
        )
        row = head.frozen().weights[0][1] - head.frozen().weights[0][0]
        shares.append(float(row[1].abs() / row.norm()))
    assert shares[1] < 0.5 * shares[0]


def test_class_weights_find_the_rare_class():
    points, labels = two_clouds(4000, distance=0.7)
    keep = (labels == 0) | (torch.arange(4000) % 10 == 0)
    points, labels = points[keep], labels[keep]
    recall = []
    for weights in (None, loss_weights("balanced", labels, 2)):
        head = train_head(
            points,
            labels,
            config(),
            torch_generator(9, "train"),
            epochs=5,
            lr=1e-2,
            class_weights=weights,
        )
        predicted = head.frozen().predict(points)
        recall.append(float((predicted[labels == 1] == 1).double().mean()))
    assert recall[1] > recall[0] + 0.2


def test_bad_training_data_are_refused():
    points, labels = two_clouds(20)
    for bad_points, bad_labels in [
        (points[:10], labels),
        (points[:, :3], labels),
        (points.double(), labels),
        (points, labels.int()),
        (points, labels + 1),
        (points, labels - 1),
        (points * torch.nan, labels),
        (points[:0], labels[:0]),
    ]:
        with pytest.raises(DataError):
            train_head(bad_points, bad_labels, config(), torch_generator(1, "train"))
    for options in ({"epochs": 0}, {"batch": 0}, {"lr": 0.0}):
        with pytest.raises(SettingsError):
            train_head(points, labels, config(), torch_generator(1, "train"), **options)


def test_divergence_is_an_error_not_a_head():
    points, labels = two_clouds(200)
    with pytest.raises(LassiError, match="diverged"):
        train_head(
            1e30 * points, labels, config((4,)), torch_generator(1, "train"), lr=1e30, epochs=5
        )


def test_sigma_is_chosen_by_certificates_within_the_accuracy_tolerance():
    scores = {0.1: (0.900, 0.2), 0.5: (0.895, 0.7), 1.0: (0.893, 0.7), 5.0: (0.80, 0.99)}
    heads = {sigma: Head(config(sigma=sigma), torch_generator(1, "head")) for sigma in scores}

    def evaluate(tried):
        return [scores[head.config.sigma_rs] for head in tried]

    choice = choose_sigma(list(scores), heads.__getitem__, evaluate)
    assert choice.sigma_rs == 0.5, (
        "the tie goes to the more accurate; 5.0 gives up too much accuracy"
    )
    assert choice.head is heads[0.5]
    assert [trial.sigma_rs for trial in choice.trials] == [0.1, 0.5, 1.0, 5.0]
    wide = choose_sigma(list(scores), heads.__getitem__, evaluate, tolerance=0.2)
    assert wide.sigma_rs == 5.0
    for grid in ([], [-1.0], [float("nan")]):
        with pytest.raises(SettingsError):
            choose_sigma(grid, heads.__getitem__, evaluate)
