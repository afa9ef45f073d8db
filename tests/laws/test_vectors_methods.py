"""Every vector method finds the direction that was planted, in Gaussian latents and through a linear decoder."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import pytest
import torch
from pixel_flow import SCALE, PixelFlow, Q

from regulator.recogniser import RecogniserSettings
from regulator.vectors.discover import discover
from regulator.vectors.edits import mean_image_edits
from regulator.vectors.groups import Groups, find_groups
from regulator.vectors.linear_boundary import Boundary, fit_boundary
from regulator.vectors.methods import compute_vectors
from regulator.vectors.ramaswamy import ramaswamy
from regulator.vectors.request import Encoded, VectorRequest
from regulator.vectors.settings import DiscoverSettings, VectorMethod, VectorSettings
from shared_spec.data import open_source
from shared_spec.data.source import Source
from shared_spec.errors import DataError, SettingsError
from shared_spec.progress import silent
from shared_spec.rng import numpy_generator, torch_generator
from shared_spec.settings import resolve

WITH, TARGET = 0, 1
"""Latent coordinates that carry the attribute and the target."""


class Planted(Source):
    """Images with noise everywhere, and the labels Attribute and Target in one pixel each, correlated or not."""

    uri = "planted"
    size = 4
    classes: ClassVar = {
        "Attribute": ("no", "yes"),
        "Target": ("no", "yes"),
        "Hue": ("red", "green", "blue"),
        "All": ("no", "yes"),
    }

    def __init__(self, n=1500, correlation=0.0, seed=0):
        self.codes, self.z = {}, {}
        for split in ("train", "valid", "test"):
            draw = numpy_generator(seed, "planted", split)
            a = draw.integers(0, 2, n)
            y = np.where(draw.random(n) < correlation, a, draw.integers(0, 2, n))
            z = 0.06 * draw.standard_normal((n, Q))
            z[:, WITH] += 0.2 * (a - 0.5)
            z[:, TARGET] += 0.2 * (y - 0.5)
            self.z[split] = (SCALE * z).astype(np.float32)
            self.codes[split] = {
                "Attribute": a,
                "Target": y,
                "Hue": (a + y) % 3,
                "All": np.ones_like(a),
            }

    def sample_ids(self, split):
        return [f"{split}-{row}" for row in range(len(self.z[split]))]

    def labels(self, split, name):
        self.check_column(name)
        return self.codes[split][name].astype(np.int64)

    def images(self, split, rows):
        pixels = np.clip((self.z[split][rows] / SCALE + 0.5) * 256, 0, 255)
        return pixels.astype(np.uint8).reshape(-1, 3, 4, 4)

    def digest(self):
        return "sha256:planted"


def vectors(method, source, *attributes, seed=0, report=silent, **settings):
    """The vectors of a method, in the settings that suit these small data."""
    usual = {"boundary_epochs": 25, "directions": 2, "iterations": 300}
    return compute_vectors(
        VectorRequest(
            Encoded(source, PixelFlow(), source.z["train"], source.z["valid"]),
            attributes,
            resolve(VectorSettings, {"method": method, **usual, **settings}),
            seed,
            DiscoverSettings(step=20.0, learning_rate=0.01),
            RecogniserSettings(epochs=40),
            report,
        )
    )


def cosine(a, b):
    return float(a @ b / (a.norm() * b.norm()))


def axis(index):
    return torch.eye(Q, dtype=torch.float64)[index]


@pytest.fixture(scope="module")
def source():
    return Planted()


def boundary(normal, offset=0.0):
    return Boundary(normal / normal.norm(), offset, 1.0, 1.0, 0.1, 1)


@pytest.mark.parametrize("method", ["mean-difference", "linear-boundary", "ramaswamy"])
def test_a_method_recovers_the_planted_direction(source, method):
    (found,) = vectors(
        method, source, "Attribute", target="Target" if method == "ramaswamy" else None
    )
    assert cosine(found.vector, axis(WITH)) > 0.9, f"{method} missed the planted direction"
    entry = found.entry(VectorSettings(method=method))
    assert (entry.method, entry.unit) == (method, VectorMethod(method).unit)
    assert found.counts == {
        "no": int((source.codes["train"]["Attribute"] == 0).sum()),
        "yes": int((source.codes["train"]["Attribute"] == 1).sum()),
    }


def test_the_direction_points_from_the_first_named_class_to_the_second(source):
    (forth,) = vectors("linear-boundary", source, "Attribute:no:yes")
    (back,) = vectors("linear-boundary", source, "Attribute:yes:no")
    assert cosine(forth.vector, axis(WITH)) > 0.9
    assert cosine(back.vector, axis(WITH)) < -0.9, "the order of the pair is ignored"


def test_mean_difference_is_the_difference_of_the_group_means(source):
    z = source.z["train"].astype(np.float64)
    for name, codes in (("Attribute", (0, 1)), ("Hue:green:red", (1, 0))):
        mine = source.codes["train"][name.partition(":")[0]]
        expected = z[mine == codes[1]].mean(axis=0) - z[mine == codes[0]].mean(axis=0)
        (found,) = vectors("mean-difference", source, name)
        assert np.allclose(found.vector, expected, atol=1e-12), f"{name}: not the mean difference"
        assert found.settings == {}


def test_adjusted_for_a_column_what_goes_with_the_attribute_stays_out():
    together = Planted(n=4000, correlation=0.6, seed=3)
    (plain,) = vectors("mean-difference", together, "Attribute")
    (adjusted,) = vectors("mean-difference", together, "Attribute", adjust_for=("Target",))
    share = plain.vector[TARGET] / plain.vector[WITH]
    assert share > 0.4, "the two do not go together, so this shows nothing"
    assert abs(adjusted.vector[TARGET] / adjusted.vector[WITH]) < 0.03
    assert cosine(adjusted.vector, axis(WITH)) > 0.98
    assert adjusted.settings == {"adjusted_for": "Target"}


def test_attributes_are_adjusted_for_each_other(source):
    both = vectors(
        "mean-difference", source, "Attribute", "Target", adjust_for=("Attribute", "Target")
    )
    for found, other in zip(both, ("Target", "Attribute"), strict=True):
        (alone,) = vectors("mean-difference", source, found.name, adjust_for=(other,))
        assert torch.equal(found.vector, alone.vector)
        assert found.settings == {"adjusted_for": other}


@pytest.mark.parametrize("columns", [("Target",), ("Hue",), ("Hue", "All")])
def test_the_adjusted_difference_is_the_coefficient_of_least_squares(columns):
    together = Planted(n=600, correlation=0.6, seed=4)
    codes = together.codes["train"]
    # Class by class a column of its own: redundant, which the least norm does not mind.
    design = np.stack(
        [
            codes["Attribute"] == 1,
            *(codes[c] == k for c in columns for k in range(len(together.classes[c]))),
        ]
    )
    expected = np.linalg.lstsq(
        design.T.astype(float), together.z["train"].astype(float), rcond=None
    )
    (found,) = vectors("mean-difference", together, "Attribute", adjust_for=columns)
    assert np.allclose(found.vector, expected[0][0], atol=1e-9)
    edit, (entry,) = mean_image_edits(together, ("Attribute",), columns)
    pixels = together.images("train", np.arange(600)).reshape(600, -1).astype(float)
    expected = np.linalg.lstsq(design.T.astype(float), pixels, rcond=None)
    assert np.allclose(edit.flatten(), expected[0][0], atol=1e-4)
    assert entry.settings == {"adjusted_for": ", ".join(columns)}


def test_an_attribute_that_the_columns_determine_is_refused(source):
    # Hue counts Attribute and Target.
    assert "the attribute itself" in refused(
        SettingsError, "mean-difference", source, "Attribute", adjust_for=("Attribute",)
    )
    assert "follows from Hue, Target" in refused(
        DataError, "mean-difference", source, "Attribute", adjust_for=("Hue", "Target")
    )
    assert "no label column" in refused(
        DataError, "mean-difference", source, "Attribute", adjust_for=("Hues",)
    )
    for method in ("linear-boundary", "ramaswamy"):
        assert "`adjust_for`" in refused(
            SettingsError, method, source, "Attribute", target="Target", adjust_for=("Hue",)
        )


def test_groups_that_are_the_same_on_average_are_refused():
    alike = Planted(n=40)
    alike.z["train"][:] = np.float32(0.1)
    assert "the same on average" in refused(DataError, "mean-difference", alike, "Attribute")
    with pytest.raises(DataError, match="the same on average"):
        mean_image_edits(alike, ("Attribute",))


@pytest.mark.parametrize("method", ["linear-boundary", "discover"])
def test_unit_vectors_have_length_one(source, method):
    names = () if method == "discover" else ("Attribute", "Target")
    for found in vectors(method, source, *names, target="Target"):
        assert abs(float(found.vector.norm()) - 1.0) < 1e-12, f"{method}: not a unit vector"
        entry = found.entry(VectorSettings(method=method))
        assert (entry.unit, entry.norm) == ("unit-vector", pytest.approx(1.0, abs=1e-6))


def test_the_boundary_reproduces_the_logistic_classifier():
    # One informative coordinate with class means +-4 about 2 and deviation 4: the best logit is (z - 2) / 2.
    draw = numpy_generator(1, "lda")
    y = np.repeat([0, 1], 10_000)
    z = draw.standard_normal((20_000, 3)).astype(np.float32)
    z[:, 0] += 2 * y - 1 + 0.5
    z *= 4
    groups = Groups("a", np.flatnonzero(y == 0), np.flatnonzero(y == 1), ("no", "yes"))
    found = fit_boundary(z, groups, z, groups, numpy_generator(0, "shuffle"), epochs=8)
    assert cosine(found.normal, torch.tensor([1.0, 0, 0], dtype=torch.float64)) > 0.999
    assert found.slope == pytest.approx(0.5, abs=0.04), (
        "the slope is not that of the best classifier"
    )
    assert found.offset == pytest.approx(-2.0, abs=0.3), "the offset is not in latent units"
    logits = found.logits(torch.from_numpy(z))
    right = (logits > 0).numpy() == (y == 1)
    assert right.mean() == pytest.approx(found.accuracy, abs=1e-3), "accuracy and logits disagree"


def test_the_epoch_of_the_lowest_validation_loss_is_kept(source):
    # On validation the labels are reversed, so every further epoch is worse.
    train, valid = (find_groups(source, split, "Attribute") for split in ("train", "valid"))
    reversed_valid = Groups("Attribute", valid.positive, valid.negative, valid.classes)
    found = fit_boundary(
        source.z["train"],
        train,
        source.z["valid"],
        reversed_valid,
        numpy_generator(0, "s"),
        epochs=4,
    )
    assert found.epoch == 1, "a later epoch was kept although it is worse on validation"
    assert found.loss > math.log(2)


def test_ramaswamy_leaves_the_target_boundary_alone():
    correlated = Planted(correlation=0.4)
    (found,) = vectors("ramaswamy", correlated, "Attribute", target="Target")
    (target,) = vectors("linear-boundary", correlated, "Target")
    assert abs(cosine(found.vector, target.vector)) < 1e-12, "it moves the target"
    assert cosine(found.vector, axis(WITH)) > 0.9


def test_ramaswamy_has_the_published_direction_and_length():
    draw = torch_generator(3, "ramaswamy")
    z = torch.randn(500, 6, generator=draw, dtype=torch.float64).to(torch.float32)
    w_g, w_y = torch.randn(2, 6, generator=draw, dtype=torch.float64)
    w_g, w_y, b_g = w_g / w_g.norm(), w_y / w_y.norm(), 0.3
    rest = w_g - (w_g @ w_y) * w_y
    factor = (2 * (z.double() @ w_g + b_g) / (1 - (w_g @ w_y) ** 2)).abs().mean() * rest.norm()
    found = ramaswamy(z.numpy(), boundary(w_g, b_g), boundary(w_y))
    assert torch.allclose(found, factor * rest / rest.norm(), atol=1e-10)


def test_ramaswamy_mirrors_an_individual_when_nothing_is_shared():
    # With w_g orthogonal to w_y the length is twice the distance, so t = 1 carries it as far beyond the boundary.
    z = np.float32([[-0.7, 1.0, 2.0]])
    found = ramaswamy(z, boundary(torch.eye(3).double()[0]), boundary(torch.eye(3).double()[1]))
    assert np.allclose(z[0] + found.numpy(), [0.7, 1.0, 2.0], atol=1e-6)


def test_ramaswamy_refuses_parallel_boundaries():
    w = torch.eye(3).double()[0]
    with pytest.raises(DataError, match="parallel"):
        ramaswamy(np.zeros((4, 3), np.float32), boundary(w), boundary(-w))


def known_classifier(latents):
    """Changes along two axes only, twice as fast along the target's."""
    return torch.sigmoid(4 * latents[:, TARGET] + 2 * latents[:, WITH])


def test_discover_finds_the_gradient_of_a_known_classifier():
    z = torch.randn(200, Q, generator=torch_generator(0, "z")).numpy()
    (found,) = discover(
        known_classifier,
        z,
        [],
        torch_generator(0, "d"),
        1,
        400,
        DiscoverSettings(step=0.5, learning_rate=0.01),
    )
    gradient = 4 * axis(TARGET) + 2 * axis(WITH)
    assert cosine(found.vector, gradient) > 0.9, "not the gradient, or oriented against it"


def test_discover_avoids_what_is_known():
    z = torch.randn(200, Q, generator=torch_generator(0, "z")).numpy()
    settings = DiscoverSettings(step=0.5, learning_rate=0.01)
    first, second = discover(
        known_classifier, z, [axis(TARGET)], torch_generator(0, "d"), 2, 400, settings
    )
    assert cosine(first.vector, axis(WITH)) > 0.9, "did not find the other axis of the classifier"
    assert abs(cosine(first.vector, axis(TARGET))) < 0.15, "fell back on the known direction"
    assert abs(cosine(second.vector, first.vector)) < 0.3, "found the same direction twice"
    assert second.settings["largest_cosine_to_known"] < 0.3


def test_discover_through_images_finds_the_bias_of_the_classifier():
    # Attribute and target agree mostly, so a classifier of the target also looks at the attribute.
    biased = Planted(correlation=0.9)
    found = vectors("discover", biased, target="Target")
    assert [one.name for one in found] == ["discovered-1", "discovered-2"]
    assert all(one.settings["target"] == "Target" for one in found)
    first = found[0].vector
    assert cosine(first, axis(WITH)) > 0.5, "the classifier's bias was not found"
    assert abs(float(first[WITH])) == float(first.abs().max()), "another pixel matters more"


@pytest.mark.parametrize("method", list(VectorMethod))
def test_the_same_seed_gives_the_same_vectors(method):
    small = Planted(n=120)
    names = () if method == "discover" else ("Attribute",)
    settings = {"target": "Target", "boundary_epochs": 2, "directions": 1, "iterations": 5}
    again, first = (vectors(method, small, *names, **settings) for _ in range(2))
    assert torch.equal(again[0].vector, first[0].vector), f"{method} is not repeatable"
    other = vectors(method, small, *names, seed=1, **settings)
    same = torch.equal(other[0].vector, first[0].vector)
    assert same == (method == "mean-difference"), f"{method}: the seed has the wrong effect"


@pytest.mark.parametrize("method", list(VectorMethod))
def test_global_random_state_is_left_alone(method):
    small = Planted(n=120)
    before, np_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    names = () if method == "discover" else ("Attribute",)
    vectors(method, small, *names, target="Target", boundary_epochs=1, directions=1, iterations=2)
    assert torch.equal(before, torch.get_rng_state()), "torch's global generator was drawn from"
    assert (np_before == np.random.get_state()[1]).all(), "numpy's global generator was drawn from"  # noqa: NPY002


def test_progress_of_every_stage_ends_at_its_total(source):
    for method in VectorMethod:
        stages = {}
        names = () if method == "discover" else ("Attribute", "Target:yes:no")
        vectors(
            method,
            Planted(n=120),
            *names,
            target="Hue:red:blue",
            boundary_epochs=2,
            iterations=3,
            report=lambda step, stages=stages: stages.setdefault(step.stage, []).append(step),
        )
        for stage, steps in stages.items():
            done = [step.done for step in steps]
            assert done == list(range(steps[-1].total + 1)), (
                f"{method}: {stage} skips or ends short"
            )


def refused(error, method, source, *attributes, **settings):
    with pytest.raises(error) as caught:
        vectors(method, source, *attributes, **settings)
    message = str(caught.value)
    assert "\n" not in message, "an error is one line"
    return message


@pytest.mark.parametrize("method", ["mean-difference", "linear-boundary", "ramaswamy"])
def test_an_attribute_that_everyone_has_is_refused_in_one_line(source, method):
    assert "All" in refused(DataError, method, source, "All", target="Target")


@pytest.mark.parametrize("method", ["ramaswamy", "discover"])
def test_a_target_that_everyone_has_is_refused(source, method):
    names = () if method == "discover" else ("Attribute",)
    assert "All" in refused(DataError, method, source, *names, target="All")


def test_requests_that_make_no_sense_are_refused(source):
    assert "ramaswamy" in refused(SettingsError, "magic", source, "Attribute")
    assert "`target`" in refused(SettingsError, "ramaswamy", source, "Attribute")
    assert "`attribute`" in refused(SettingsError, "linear-boundary", source)
    assert "`attribute`" in refused(SettingsError, "discover", source, "Attribute", target="Target")
    assert "once" in refused(SettingsError, "mean-difference", source, "Attribute", "Attribute")
    with pytest.raises(SettingsError, match="positive"):
        DiscoverSettings(batch=0)


def test_latents_that_are_all_alike_have_no_boundary(source):
    groups = find_groups(source, "train", "Attribute")
    flat = np.zeros_like(source.z["train"])
    with pytest.raises(DataError, match="no boundary"):
        fit_boundary(flat, groups, flat, groups, numpy_generator(0, "s"))
    broken = np.full_like(flat, np.nan)
    with pytest.raises(DataError, match="no boundary"):
        fit_boundary(broken, groups, broken, groups, numpy_generator(0, "s"))


def test_a_classifier_without_answer_is_refused():
    with pytest.raises(DataError, match="not finite"):
        discover(
            lambda z: z.sum(dim=1) * math.nan,
            np.zeros((5, Q), np.float32),
            [],
            torch_generator(0, "d"),
            1,
            3,
        )


def test_an_adjusted_edit_comes_nearer_to_the_true_counterparts():
    people = open_source("portraits:train=3000,valid=1,test=60", 32)
    others = ("Young", "Blond_Hair", "Heavy_Makeup")
    own = people.images("test", np.arange(60)).astype(float)
    truths = np.stack([people.similar("test", row, "Pale_Skin") for row in range(60)])
    left = []
    for columns in ((), others):
        edits, _ = mean_image_edits(people, ("Pale_Skin",), columns)
        steps = np.linspace(-1.5, 1.5, 13)[:, None, None, None] * edits.numpy()
        edited = np.clip(np.round(own[:, None] + steps), 0, 255)
        away = ((truths[:, :, None] - edited[:, None]) ** 2).sum((-3, -2, -1)).min(2)
        left.append(away.sum() / ((truths - own[:, None]) ** 2).sum())
    assert left[1] < 0.9 * left[0] < 0.25, (
        "squared pixel distance left by edits, plain and adjusted"
    )
