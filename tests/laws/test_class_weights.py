"""Classes that count alike: weights of a loss, the accuracy that goes with them, and encoders that learn rare ones."""

import pytest
import torch

from producer.batches import LabelledLatents
from producer.encoder import EncoderConfig
from producer.objective import Networks, losses
from producer.rehearsal import LinearHeads, score_heads
from producer.settings import ObjectiveSettings, TrainingSettings
from producer.training import train_encoder
from producer.views.view import ViewBounds
from shared_spec.class_weights import accuracy, loss_weights
from shared_spec.errors import DataError, SettingsError
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet
from shared_spec.terms import EncoderMethod

SMALL = TrainingSettings(
    hidden=(16,),
    dimension=4,
    batch=100,
    epochs=4,
    learning_rate=1e-2,
    method=EncoderMethod.NAIVE,
    lambda_2=0.0,
)


def rare(n=5000, q=12, share=0.08):
    """Latents of two classes that overlap, one of them rare, and a similarity set."""
    draw = torch_generator(0, "rare")
    labels = (torch.rand(n, generator=draw) < share).long()
    z = torch.randn(n, q, generator=draw)
    z[:, 0] += 1.2 * labels
    return LabelledLatents(z, {"task": labels}), SimilaritySet(torch.eye(q)[1:2], 1.0)


def recall(trained, data):
    """The rare class's, by the head that was trained with the encoder."""
    with torch.no_grad():
        decided = trained.networks.heads[0](trained.encoder(data.latents)).argmax(1)
    return float((decided == 1)[data.labels["task"] == 1].double().mean())


def test_weights_make_classes_count_alike():
    labels = torch.tensor([0] * 90 + [1] * 10)
    weights = loss_weights("balanced", labels, 2)
    assert torch.allclose(weights, torch.tensor([100 / 180, 5.0]))
    assert float(weights[labels].mean()) == pytest.approx(1.0)
    with pytest.raises(DataError, match=r"class \[2\]"):
        loss_weights("balanced", labels, 3)
    assert loss_weights("none", labels, 3) is None


def test_accuracy_is_a_fraction_or_the_mean_of_recalls():
    right, counts = torch.tensor([6, 0, 1]), torch.tensor([8, 0, 2])
    assert accuracy(right, counts, False) == 0.7
    assert accuracy(right, counts, True) == (6 / 8 + 1 / 2) / 2, "nobody is of class 1"


def test_the_weighted_loss_is_cross_entropy_by_class():
    data, similarity = rare(n=300)
    labels = data.labels["task"]
    networks = Networks(
        EncoderConfig(input_dim=12, hidden=(), output_dim=4),
        {"task": 2},
        False,
        torch_generator(0, "w"),
    ).eval()
    weights = loss_weights("balanced", labels, 2)
    settings, stream = ObjectiveSettings(lambda_2=0.0), torch_generator(0, "x")
    found = losses(networks, data.latents, labels[None], similarity, settings, stream, [weights])
    with torch.no_grad():
        costs = -networks.heads[0](networks.encoder(data.latents)).log_softmax(1)[
            range(300), labels
        ]
        expected = (costs[labels == 0].mean() + costs[labels == 1].mean()) / 2
    torch.testing.assert_close(found.classification, expected)


def test_balanced_weights_find_the_rare_class():
    data, similarity = rare()
    balanced = SMALL.model_copy(update={"class_weights": "balanced"})
    plain, weighed = (
        recall(train_encoder(data, similarity, settings, 0), data) for settings in (SMALL, balanced)
    )
    assert weighed > plain + 0.3, (plain, weighed)


def test_weights_need_everybody_and_a_classification():
    data, similarity = rare(n=200)
    balanced = SMALL.model_copy(update={"class_weights": "balanced"})
    gap = LabelledLatents(data.latents, {"task": 2 * data.labels["task"]})
    with pytest.raises(DataError, match=r"class \[1\]"):
        train_encoder(gap, similarity, balanced, 0)
    closed = {"method": EncoderMethod.PROJECT, "encoder": "linear"}
    for nothing in (closed, {"method": EncoderMethod.LASSI, "lambda_1": 0.0, "lambda_2": 0.1}):
        with pytest.raises(SettingsError, match="class_weights"):
            balanced.model_copy(update=nothing).resolved()


def test_a_rehearsal_scores_by_balanced_accuracy():
    data, _ = rare()
    never = LinearHeads(torch.zeros(1, 2, 12), torch.tensor([[1.0, 0.0]]))
    n = len(data.latents)
    bounds = ViewBounds(data.latents, torch.zeros(n), torch.zeros(n, dtype=torch.uint8))
    labels = data.labels["task"]
    ((plain, _),) = score_heads(never, data.latents, bounds, labels)
    ((balanced, _),) = score_heads(never, data.latents, bounds, labels, balanced=True)
    assert plain > 0.9
    assert balanced == 0.5, "who never says yes is right about one class of two"
