"""Projection from end to end: similar individuals coincide, for every number of attributes and every epsilon."""

import pytest
import torch

import consumer
import producer
import regulator
from producer.encoder import EncoderConfig
from shared_spec import load_spec
from shared_spec.data import open_source
from shared_spec.latents import encode_split
from shared_spec.terms import Status

pytestmark = pytest.mark.pipeline

SMALL = {"method": "project", "hidden": (24, 16), "dimension": 8, "epochs": 2, "batch": 64}
LINEAR = {"method": "project", "encoder": "linear", "dimension": 8}


@pytest.fixture(scope="module", params=[("Pale_Skin",), ("Pale_Skin", "Young")], ids=["k=1", "k=2"])
def spec(tiny, tmp_path_factory, request):
    """A spec with a large epsilon."""
    out = tmp_path_factory.mktemp("project") / "spec.safetensors"
    vectors = regulator.VectorSettings(epsilon=10.0)
    return regulator.publish_spec(
        tiny.data, request.param, out, flow=tiny.flow, vectors=vectors, cache=tiny.cache
    )


@pytest.mark.parametrize("training", [SMALL, LINEAR], ids=["mlp", "linear"])
def test_similar_individuals_coincide_and_are_certified(tiny, spec, training, tmp_path):
    settings = producer.TrainingSettings(**training)
    targets = [] if "encoder" in training else ["Smiling"]
    bundle = producer.fit(
        spec, tiny.data, tmp_path / "reps", model=tmp_path / "model", targets=targets, training=settings,
        export=producer.ExportSettings(share=("Smiling",)), views=[producer.ExactSettings(tube_vertices=2)],
        cache=tiny.cache,
    )  # fmt: skip
    found = bundle.gather(
        "test", ["representation", "exact.radius", "exact.delta", "smoothing.radius"]
    )
    size = found["representation"].double().norm(dim=1)
    for name in ("exact.radius", "exact.delta", "smoothing.radius"):
        assert (found[name] <= 1e-5 * (1 + size)).all(), f"{name} is more than rounding"
        assert (found[name] > 0).all(), "rounding was not charged"
    encoder = producer.load_encoder(tmp_path / "model").folded
    source = open_source(tiny.data, spec.flow.config.size)
    z = torch.tensor(encode_split(spec.flow, source, "test", cache=tiny.cache)[:5])
    t = 10.0 * torch.eye(spec.similarity.k, dtype=torch.float64)
    for sign in (1, -1):
        moved = encoder(spec.similarity.points(z[:, None], sign * t))
        assert (moved - encoder(z)[:, None]).norm(dim=2).max() < 1e-9
    certificate = consumer.certify(bundle, "Smiling", tmp_path / "certificate")
    assert consumer.verify(certificate, bundle)
    assert all(row.status == Status.CERTIFIED for row in certificate.rows)


def test_a_vector_that_was_left_out_is_not_forgotten(tiny, spec):
    """The attack that kills 'projection with one vector of several': every attribute is forgotten, not the first."""
    if spec.similarity.k == 1:
        pytest.skip("there is one only")
    config = EncoderConfig.of(producer.TrainingSettings(**SMALL), spec.similarity)
    assert config.projected == load_spec(tiny.spec).similarity.k + 1


@pytest.mark.parametrize("method", ["lassi", "naive"])
def test_a_closed_form_is_of_projection_alone(method, tiny, fails, tmp_path):
    words = ["--spec", tiny.spec, "--data", tiny.data, "--target", "Smiling", "--encoder", "linear"]
    words += ["--method", method, "--model", tmp_path / "model", "--out", tmp_path / "reps"]
    fails(2, "only project has a closed form", "producer", "fit", *words)
