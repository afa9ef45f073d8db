"""Encoders along chains that forget directions, from end to end: trained, in closed form, and searched for."""

import pytest
import torch

import consumer
import producer
import regulator
from producer import nuisance
from shared_spec.data import open_source
from shared_spec.latents import encode_split
from shared_spec.terms import EncoderMethod, Similar

pytestmark = pytest.mark.pipeline

SMALL = {"hidden": (24, 16), "dimension": 8, "epochs": 2, "batch": 64}
FORGET = {"method": "project", "forget": 2048}


@pytest.fixture(scope="module")
def spec(tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("forget") / "spec.safetensors"
    return regulator.publish_spec(
        tiny.data, ["Pale_Skin"], out, flow=tiny.flow, vectors=regulator.VectorSettings(similar=Similar.EDITS)
    )  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def directions():
    """Those of one spec are computed once: at 3,072 dimensions they take longer than all else here. Lists who asked."""
    known, asked = {}, []
    compute = nuisance.nuisance_directions

    def once(latents, count, advance):
        asked.append(count)
        key = (tuple(latents.shape), count)
        if key not in known:
            known[key] = compute(latents, count, advance)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nuisance, "nuisance_directions", once)
        yield asked


@pytest.mark.parametrize(
    "how", [SMALL, {"encoder": "linear", "dimension": 8}], ids=["mlp", "linear"]
)
def test_what_forgets_moves_little_and_is_certified_like_any_other(tiny, spec, how, tmp_path):
    bundle = producer.fit(
        spec, tiny.data, tmp_path / "reps", model=tmp_path / "model", targets=[] if "encoder" in how else ["Smiling"],
        training=producer.TrainingSettings(**FORGET, **how),
        export=producer.ExportSettings(view=("exact",), share=("Smiling",)), cache=tiny.cache,
    )  # fmt: skip
    model = producer.load_encoder(tmp_path / "model")
    assert model.encoder.basis is None, (
        "what was forgotten is in the weights, and nothing else is stored"
    )
    source, chains = open_source(tiny.data, 32), spec.similarity
    latents = torch.tensor(encode_split(spec.flow, source, "test", cache=tiny.cache, chains=chains))
    corners = model.folded(latents.double())
    found = bundle.gather("test", ["exact.centre", "exact.radius"])
    away = (corners - found["exact.centre"].double()[:, None]).norm(dim=2).amax(1)
    assert (away <= found["exact.radius"] * (1 + 1e-5) + 1e-5).all()
    moved = (corners[:, 1:] - corners[:, :1]).norm(dim=2).mean()
    people = (corners[:, :1] - corners[:, 0]).norm(dim=2).mean()
    assert moved < 0.15 * people, f"{moved} along chains, {people} between people"
    certificate = consumer.certify(bundle, "Smiling", tmp_path / "certificate")
    assert consumer.verify(certificate, bundle)


def test_a_search_forgets_also_without_an_adversary_and_finds_the_directions_once(
    tiny, spec, directions, tmp_path
):
    directions.clear()
    producer.search(
        spec, tiny.data, tmp_path / "search", target="Smiling",
        training=producer.TrainingSettings(forget=2048, **SMALL),
        tried=producer.SearchSettings(lambda_2=(0.0, 0.25), noise=(1.0,)),
        bound=producer.BoundSettings(view=("exact",)), cache=tiny.cache,
    )  # fmt: skip
    document = producer.load_encoder(tmp_path / "search/lambda_2-0").document
    assert document.method == EncoderMethod.PROJECT
    assert document.training.forget == 2048
    document = producer.load_encoder(tmp_path / "search/lambda_2-0.25").document
    assert document.method == EncoderMethod.LASSI
    assert directions == [2048]
