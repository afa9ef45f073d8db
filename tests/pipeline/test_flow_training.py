"""Training of the flow: it learns, resumes bit for bit, keeps the best, and says so when it diverges."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from regulator.flow.batches import batch_rows, held_out_pixels, image_reader, training_pixels
from regulator.flow.settings import (
    FLOW_PRESETS,
    FlowSettings,
    FlowTrainingSettings,
    learning_rate,
)
from regulator.flow.training import fit_flow, held_out_bits
from regulator.train import _kept
from shared_spec.data.source import Source
from shared_spec.errors import ArtifactError, DataError, LassiError, SettingsError
from shared_spec.flow import GlowConfig
from shared_spec.rng import numpy_generator

CONFIG = GlowConfig(size=8, blocks=2, flows=2, hidden=8)


class Gradients(Source):
    """Images whose colour rises linearly over the square, at random slopes; no labels."""

    def __init__(self, train=96, valid=32):
        self.uri, self.size, self.classes = "gradients", 8, {}
        self.counts = {"train": train, "valid": valid, "test": 0}
        self.reads = 0

    def sample_ids(self, split):
        return [f"{split}-{row}" for row in range(self.counts[self.check_split(split)])]

    def labels(self, split, name):
        raise DataError("no labels")

    def images(self, split, rows):
        self.reads += 1
        return np.stack([self.draw(f"{split}-{row}") for row in rows])

    def draw(self, name):
        slopes = numpy_generator(0, "gradients", name).uniform(-1, 1, (3, 2, 1, 1))
        axis = np.linspace(-1, 1, 8)
        plane = slopes[:, 0] * axis[None, :, None] + slopes[:, 1] * axis[None, None, :]
        return (127 + 60 * plane).astype(np.uint8)

    def digest(self):
        return f"sha256:gradients-{self.counts}"


def settings(**changes):
    return FlowTrainingSettings(
        **({"steps": 24, "batch": 16, "warmup": 4, "evaluate_every": 8, "ema": 0.9} | changes)
    )


class Killed(Exception):
    """Stands for the signal that ends a process."""


def run(checkpoint=None, stop=None, source=None, **changes):
    curve = []

    def watch(progress):
        curve.append((progress.step, progress.bits_per_dim, progress.held_out))
        if progress.step == stop:
            raise Killed

    try:
        trained = fit_flow(
            FlowSettings(CONFIG, settings(**changes)),
            source or Gradients(),
            7,
            checkpoint=checkpoint,
            progress=watch,
        )
    except Killed:
        trained = None
    return trained, curve


def test_training_lowers_bits_per_dim_and_returns_the_best():
    trained, curve = run(steps=120, evaluate_every=40)
    assert curve[-1][1] < curve[0][1] - 0.5, "120 steps did not save half a bit per dimension"
    measured = {step: held_out for step, _, held_out in curve if held_out is not None}
    assert list(measured) == [40, 80, 120]
    assert trained.bits_per_dim == min(measured.values()) == measured[trained.step]
    pixels = held_out_pixels(Gradients(), 512, 7, 5)
    assert held_out_bits(trained.flow, pixels) == trained.bits_per_dim, (
        "not the weights of the best step"
    )


def test_the_best_weights_are_kept_when_training_overfits():
    source = Gradients(train=2)
    trained, curve = run(source=source, steps=200, evaluate_every=20, learning_rate=0.01, ema=0.0)
    measured = [held_out for _, _, held_out in curve if held_out is not None]
    assert trained.bits_per_dim == min(measured) < measured[-1], "held-out bits never rose: void"
    pixels = held_out_pixels(source, 512, 7, 5)
    assert held_out_bits(trained.flow, pixels) == trained.bits_per_dim, "not the best weights"


@pytest.mark.parametrize("stop", [8, 13])
def test_a_killed_run_continues_bit_for_bit(tmp_path, stop):
    whole, curve = run(flips=True)
    _, begun = run(tmp_path / "c.safetensors", stop=stop, flips=True)
    resumed, rest = run(tmp_path / "c.safetensors", flips=True)
    assert begun == curve[:stop]
    assert rest == curve[8:], "the resumed loss curve differs from the uninterrupted one"
    for name, value in whole.flow.state_dict().items():
        assert torch.equal(value, resumed.flow.state_dict()[name]), f"{name} differs after resuming"


def test_a_finished_run_resumes_to_its_result(tmp_path):
    first, _ = run(tmp_path / "c.safetensors")
    again, curve = run(tmp_path / "c.safetensors")
    assert curve == []
    assert (again.bits_per_dim, again.step) == (first.bits_per_dim, first.step)


def test_resuming_under_other_settings_is_refused(tmp_path):
    run(tmp_path / "c.safetensors", stop=8)
    with pytest.raises(SettingsError, match=r"`learning_rate` = 0\.001, this run has 0\.01"):
        run(tmp_path / "c.safetensors", learning_rate=0.01)
    with pytest.raises(SettingsError, match="data"):
        run(tmp_path / "c.safetensors", source=Gradients(train=97))


def test_a_truncated_checkpoint_is_refused(tmp_path):
    path = tmp_path / "c.safetensors"
    run(path, stop=8)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ArtifactError, match=r"c\.safetensors"):
        run(path)


def test_divergence_is_one_line_with_a_remedy(tmp_path):
    with pytest.raises(LassiError, match=r"diverged at step .* lower `learning_rate`") as caught:
        run(tmp_path / "c.safetensors", learning_rate=50.0, warmup=0, decay="none")
    assert "\n" not in str(caught.value)
    assert "intact" not in str(caught.value), "it was never written"


def test_an_interruption_promises_no_checkpoint_that_is_not_there(tmp_path):
    place = tmp_path / ".flow.safetensors.checkpoint"
    assert _kept(place) == "nothing was kept; the same command begins again"
    place.touch()
    assert "goes on from there" in _kept(place)


@pytest.mark.parametrize(
    "changes", [{"bf16": True}, {"recompute": True}, {"micro_batch": 5}, {"ema": 0.0}]
)
def test_options_train_to_nearly_the_same_loss(changes):
    _, plain = run()
    _, other = run(**changes)
    assert abs(other[-1][1] - plain[-1][1]) < 0.1, f"{changes} changed the training loss"


def test_streaming_and_caching_read_the_same_images():
    rows = np.array([5, 90, 5])
    cached, streamed = Gradients(), Gradients()
    from_memory, from_source = image_reader(cached, "train"), image_reader(streamed, "train", 0)
    for _ in range(3):
        assert np.array_equal(from_memory(rows), from_source(rows))
    assert (cached.reads, streamed.reads) == (1, 3)


def test_batches_cut_one_sequence_of_whole_epochs():
    rows = np.concatenate([batch_rows(3, step, 7, 10) for step in range(20)])
    epochs = rows.reshape(14, 10)
    assert (np.sort(epochs) == np.arange(10)).all(), "an epoch misses or repeats an image"
    assert not (epochs[0] == epochs[1]).all(), "two epochs have the same order"
    assert len(batch_rows(3, 2, 25, 10)) == 25, "a batch larger than the data set is cut short"


def test_noise_depends_on_the_step_alone():
    images = Gradients().images("train", range(4))
    one, same, other = (training_pixels(images, 1, step, 5, flips=True) for step in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_learning_rate_rises_then_falls_to_zero():
    rates = [learning_rate(settings(steps=100, warmup=10), step) for step in range(100)]
    assert rates.index(max(rates)) in (9, 10)
    assert max(rates) == pytest.approx(1e-3)
    assert rates[0] == pytest.approx(1e-4)
    assert rates[-1] < 2e-5
    cosine = [learning_rate(settings(steps=100, warmup=0, decay="cosine"), s) for s in range(100)]
    assert all(a > b for a, b in itertools.pairwise(cosine))
    assert cosine[50] == pytest.approx(5e-4)
    assert cosine[25] == pytest.approx(1e-3 * (1 + math.cos(math.pi / 4)) / 2)
    assert learning_rate(settings(steps=100, decay="none"), 99) == 1e-3


def test_an_empty_split_is_refused():
    for source in (Gradients(train=0), Gradients(valid=0)):
        with pytest.raises(DataError, match="empty"):
            run(source=source)


def test_presets_have_the_papers_sizes():
    paper = FlowSettings.preset("paper").architecture
    assert (paper.size, paper.blocks, paper.flows, paper.hidden) == (64, 4, 32, 512)
    assert paper.coupling == "additive"
    assert FlowSettings.preset("paper-128").architecture.blocks == 5
    presets = [FlowSettings.preset(name) for name in FLOW_PRESETS]
    assert all(math.log2(preset.architecture.size) % 1 == 0 for preset in presets)
    with pytest.raises(SettingsError, match="demo"):
        FlowSettings.preset("papr")


def test_a_preset_is_changed_field_by_field_and_unknown_or_impossible_fields_are_named():
    changed = FlowSettings.preset("paper", steps=10, size=32)
    assert (changed.training.steps, changed.architecture.size) == (10, 32)
    assert changed.training.recompute, "what was not changed is not the preset's"
    for wrong in ({"colour": 1}, {"steps": 0}, {"learning_rate": math.nan}, {"size": 30}):
        with pytest.raises(SettingsError, match=f"`{next(iter(wrong))}`"):
            FlowSettings.preset("demo", **wrong)
