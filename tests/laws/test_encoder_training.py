"""Laws of the training loop."""

import math

import numpy as np
import pytest
import torch
from leaning_labels import problem

from producer import training
from producer.batches import LabelledLatents, batches
from producer.objective import losses
from producer.settings import TrainingSettings
from producer.training import train_encoder
from shared_spec.errors import DataError, SettingsError
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet
from shared_spec.terms import EncoderMethod

SMALL = {"hidden": (32, 16), "dimension": 8, "batch": 100, "epochs": 3}


def test_lassi_moves_similar_individuals_less_than_naive_and_augmentation_does():
    data, similarity = problem(n=1500)
    held_out = LabelledLatents(data.latents[1000:], {"task": data.labels["task"][1000:]})
    train = LabelledLatents(data.latents[:1000], {"task": data.labels["task"][:1000]})
    settings = TrainingSettings(**SMALL, lambda_2=0.5)
    distance, accuracy = {}, {}
    for method in EncoderMethod:
        trained = train_encoder(
            train,
            similarity,
            settings.model_copy(update={"method": method}).resolved(),
            0,
            validation=held_out,
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
        hidden=(64, 32), dimension=8, batch=20, epochs=8, learning_rate=0.02, choose="best"
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


def test_a_falling_rate_starts_full_and_closes_similarity_sets_that_the_task_leaves_alone():
    generator = torch_generator(0, "test.fair")
    z = torch.randn(1500, 20, generator=generator)
    similarity = SimilaritySet(torch.eye(20)[:1], 1.0)
    labels = (z[:, 1] > 0).long()
    train = LabelledLatents(z[:1000], {"task": labels[:1000]})
    held_out = LabelledLatents(z[1000:], {"task": labels[1000:]})

    def trained(decay, **changes):
        settings = TrainingSettings(**{**SMALL, "lambda_2": 0.25, "decay": decay, **changes})
        return train_encoder(train, similarity, settings, 0, validation=held_out)

    one_step = [trained(decay, batch=1000, epochs=1) for decay in ("none", "linear")]
    weights = [result.encoder.linears[0].weight for result in one_step]
    assert torch.equal(*weights), "the first step is not taken at the full rate"
    rates = {"epochs": 10, "learning_rate": 0.01}
    kept, fallen = (
        [epoch.validation_distance for epoch in trained(decay, **rates).curves]
        for decay in ("none", "linear")
    )
    assert abs(fallen[0] / kept[0] - 1) < 0.1, "the rate fell at once"
    assert fallen[-1] < 0.2 * kept[-1], "the last steps still move similar individuals apart"


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
    last = []
    for bf16 in (False, True):
        settings = TrainingSettings(**SMALL, lambda_2=0.5, bf16=bf16)
        trained = train_encoder(data, similarity, settings, 0)
        last.append(trained.curves[-1].training.total)
        assert trained.encoder.linears[0].weight.dtype == torch.float32
    assert last[0] != last[1], "bfloat16 was not used"
    assert math.isclose(*last, rel_tol=0.1), last


def test_progress_is_reported_step_by_step():
    data, similarity = problem(n=250)
    steps = []
    settings = TrainingSettings(**SMALL | {"epochs": 2})
    train_encoder(data, similarity, settings, 0, report=steps.append)
    assert [(step.done, step.total) for step in steps] == [(done, 6) for done in range(7)]
    assert [step.word.split(",")[0] for step in steps[1:]] == 3 * ["epoch 1"] + 3 * ["epoch 2"]


def test_what_training_cannot_use_is_refused():
    data, similarity = problem(n=50)
    settings = TrainingSettings(**SMALL)
    with pytest.raises(SettingsError, match="no `target`"):
        train_encoder(LabelledLatents(data.latents, {}), similarity, settings, 0)
    best = settings.model_copy(update={"choose": "best"})
    with pytest.raises(SettingsError, match="validation"):
        train_encoder(data, similarity, best, 0)
    with pytest.raises(SettingsError, match="lambda_2"):
        settings.model_copy(update={"lambda_2": 0.0}).resolved()
    for method in (EncoderMethod.NAIVE, EncoderMethod.AUGMENT, EncoderMethod.PROJECT):
        with pytest.raises(SettingsError, match="nothing would be learnt"):
            settings.model_copy(
                update={"method": method, "lambda_1": 0.0, "lambda_3": 0.1}
            ).resolved()
    with pytest.raises(DataError, match="as the similarity set has"):
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


@pytest.mark.parametrize("place", ["losses of validation", "a weight"])
def test_what_the_last_step_broke_is_refused(monkeypatch, place):
    """One step: no loss of training is computed after it."""
    data, similarity = problem(n=50)
    rate, validation = (1e30, data) if place == "losses of validation" else (1e-3, None)
    settings = TrainingSettings(**SMALL).model_copy(
        update={"epochs": 1, "batch": 50, "learning_rate": rate}
    )
    if validation is None:
        step = training._Run.step

        def breaking(self):
            step(self)
            self.networks.encoder.linears[1].weight.data[0, 0] = torch.nan

        monkeypatch.setattr(training._Run, "step", breaking)
    with pytest.raises(SettingsError, match=r"diverged: .*lower `learning_rate`"):
        train_encoder(data, similarity, settings, 0, validation=validation)
