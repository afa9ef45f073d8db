"""What a vector is said to do to other attributes is what it does, in latents and in decoded images."""

from __future__ import annotations

import json
from typing import ClassVar

import numpy as np
import pytest
import torch
from pixel_flow import SCALE, PixelFlow, Q

from regulator.recogniser import Recogniser, RecogniserSettings, train_recogniser
from regulator.study.effects import (
    EffectSettings,
    column_targets,
    decoded_readings,
    measure_effects,
    probe_effect,
)
from regulator.vectors.linear_boundary import Boundary
from regulator.vectors.request import Encoded
from shared_spec.data import open_source
from shared_spec.data.source import Source
from shared_spec.errors import DataError
from shared_spec.flow import preprocess
from shared_spec.rng import numpy_generator, torch_generator
from shared_spec.similarity import SimilaritySet


class Planted(Source):
    """Pixel 0 shows column First, pixel 1 column Second; the third class of Trio is shown by neither."""

    uri = "planted"
    size = 4
    classes: ClassVar = {"First": ("no", "yes"), "Second": ("no", "yes"), "Trio": ("a", "b", "c")}

    def __init__(self, n=1200):
        self.z, self.codes = {}, {}
        for split in ("train", "valid", "test"):
            draw = numpy_generator(0, "planted", split)
            codes = {"First": draw.integers(0, 2, n), "Second": draw.integers(0, 2, n)}
            z = 0.06 * draw.standard_normal((n, Q))
            z[:, 0] += 0.3 * (codes["First"] - 0.5)
            z[:, 1] += 0.3 * (codes["Second"] - 0.5)
            codes["Trio"] = np.where(draw.random(n) < 0.3, 2, codes["First"])
            self.z[split], self.codes[split] = (SCALE * z).astype(np.float32), codes

    def sample_ids(self, split):
        return [f"{split}-{row}" for row in range(len(self.z[split]))]

    def labels(self, split, name):
        return self.codes[split][name].astype(np.int64)

    def images(self, split, rows):
        pixels = np.clip((self.z[split][rows] / SCALE + 0.5) * 256, 0, 255)
        return pixels.astype(np.uint8).reshape(-1, 3, 4, 4)

    def digest(self):
        return "sha256:planted"


@pytest.fixture(scope="module")
def data():
    source = Planted()
    return Encoded(source, PixelFlow(), source.z["train"], source.z["valid"])


@pytest.fixture(scope="module")
def report(data):
    vectors = torch.zeros(2, Q, dtype=torch.float64)
    vectors[0, 0], vectors[1, 1] = 16.0, -16.0
    settings = EffectSettings(individuals=100, epochs=10, recogniser=RecogniserSettings(epochs=40))
    columns = ("First", "Second", "Trio:a:b")
    return measure_effects(
        data, SimilaritySet(vectors, 1.0), ("up", "down"), columns, settings=settings
    )


def effect(report, vector, column):
    (found,) = [e for e in report.effects if (e.vector, e.column) == (vector, column)]
    return found


def test_a_vector_moves_its_own_column_and_leaves_the_other_alone(report):
    own, other = effect(report, "up", "First"), effect(report, "up", "Second")
    assert own.probability > 0.5, "the probe does not see the vector's own effect"
    assert own.reading > 0.5, "the image reader does not see the vector's own effect"
    assert own.rising > 0.95
    assert abs(other.probability) < 0.1 * own.probability, "a side effect where there is none"
    assert abs(other.reading) < 0.1, "a side effect in pictures where there is none"
    assert other.rising < 0.9


def test_the_opposite_direction_lowers_the_column(report):
    down = effect(report, "down", "Second")
    assert down.logit < 0
    assert down.probability < -0.5
    assert down.reading < -0.5
    assert down.rising == 0.0, "falling readings were counted as rising"


def test_a_pair_of_classes_is_read_like_a_column(report):
    assert effect(report, "up", "Trio:a:b").reading > 0.5
    (reader,) = [r for r in report.readers if r.column == "Trio:a:b"]
    assert reader.probe_accuracy > 0.95
    assert reader.image_accuracy > 0.95, "individuals outside the pair were judged as well"


def test_every_vector_meets_every_column_and_the_report_is_plain_json(report):
    assert [(e.vector, e.column) for e in report.effects] == [
        (v, c) for v in ("up", "down") for c in ("First", "Second", "Trio:a:b")
    ]
    assert report.individuals == 100
    assert all(reader.truth == "label" for reader in report.readers)
    assert json.loads(report.model_dump_json())["effects"][0]["vector"] == "up"


def test_the_effect_of_a_boundary_normal_on_its_own_probe_is_its_slope():
    normal = torch.tensor([0.6, 0.8, 0.0], dtype=torch.float64)
    probe = Boundary(normal, 0.4, 3.0, 1.0, 0.1, 1)
    z = torch.randn(50, 3, generator=torch_generator(0, "z"), dtype=torch.float64)
    logit, probability = probe_effect(probe, z, normal, 0.5)
    assert logit == pytest.approx(2 * 0.5 * 3.0), "the logit changes by 2 epsilon slope"
    ends = [torch.sigmoid(probe.logits(z + s * 0.5 * normal)).mean() for s in (-1, 1)]
    assert probability == pytest.approx(float(ends[1] - ends[0]), abs=1e-12)
    across = torch.tensor([0.8, -0.6, 5.0], dtype=torch.float64)
    assert probe_effect(probe, z, across, 0.5) == (pytest.approx(0), pytest.approx(0))


def test_readings_are_those_of_the_decoded_points_in_order():
    reader = Recogniser(4, 2, torch_generator(0, "reader")).eval()
    z = torch.randn(130, Q, generator=torch_generator(0, "z"))
    vector = torch.randn(Q, generator=torch_generator(0, "a"), dtype=torch.float64)
    t = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64)
    flow = PixelFlow()
    found = decoded_readings(flow, reader, z, vector, t)
    assert found.shape == (130, 3, 2)
    with torch.no_grad():
        for i, j in ((0, 0), (7, 2), (129, 1)):
            point = (z[i].double() + t[j] * vector).float()
            expected = reader(flow.decode(point[None]))[0]
            assert torch.allclose(found[i, j], expected, atol=1e-5), (
                "individuals or points mixed up"
            )


def test_where_factors_are_known_the_reader_is_taught_them():
    portraits = open_source("portraits:train=50,valid=20,test=5", 32)
    targets = column_targets(portraits, "train", "Pale_Skin")
    assert (targets == portraits.factors("train")["Pale_Skin"]).all()
    source = Planted(n=60)
    pair = column_targets(source, "train", "Trio:a:b")
    assert (np.isnan(pair) == (source.codes["train"]["Trio"] == 2)).all()


def test_a_recogniser_recovers_a_factor_from_portraits():
    portraits = open_source("portraits:train=900,valid=300,test=5", 32)
    targets = column_targets(portraits, "train", "Pale_Skin")[:, None]
    settings = RecogniserSettings(epochs=6, batch=30)
    network = train_recogniser(portraits, "train", targets, torch_generator(0, "r"), settings)
    images = preprocess(torch.from_numpy(portraits.images("valid", range(300))))
    with torch.no_grad():
        reading = network(images).sigmoid()[:, 0].numpy()
    truth = portraits.factors("valid")["Pale_Skin"]
    assert np.corrcoef(reading, truth)[0, 1] > 0.9, "the factor was not recovered"


def test_a_column_without_labels_is_refused():
    source = Planted(n=60)
    with pytest.raises(DataError, match="no labelled individual"):
        train_recogniser(source, "train", np.full((60, 1), np.nan), torch_generator(0, "r"))


def test_the_recogniser_depends_on_its_generator_alone():
    source = Planted(n=60)
    targets = column_targets(source, "train", "First")[:, None]
    before = torch.get_rng_state()
    settings = RecogniserSettings(epochs=1)
    first, again, other = (
        train_recogniser(
            source, "train", targets, torch_generator(seed, "r"), settings
        ).state_dict()
        for seed in (0, 0, 1)
    )
    assert all(torch.equal(first[name], again[name]) for name in first), "not repeatable"
    assert not all(torch.equal(first[name], other[name]) for name in first)
    assert torch.equal(before, torch.get_rng_state()), "the global generator was drawn from"
