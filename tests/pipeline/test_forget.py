"""Encoders along chains that forget directions, from end to end: trained, in closed form, and searched for."""

import pytest
import torch

import consumer
import producer
import regulator
from producer import nuisance
from shared_spec import load_spec
from shared_spec.data import open_source
from shared_spec.errors import SettingsError
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
    found = producer.search(
        spec, tiny.data, tmp_path / "search", target="Smiling",
        training=producer.TrainingSettings(**SMALL),
        tried=producer.SearchSettings(lambda_2=(0.0, 0.25), forget=(0, 1024, 2048), noise=(1.0,)),
        bound=producer.BoundSettings(view=("exact",)), cache=tiny.cache,
    )  # fmt: skip
    assert directions == [2048]
    tried = [(score.forget, score.lambda_2) for score in found.scores]
    assert tried == [(count, weight) for count in (0, 1024, 2048) for weight in (0.0, 0.25)]
    latents = encode_split(
        load_spec(spec).flow, open_source(tiny.data, 32), "train", cache=tiny.cache,
        chains=load_spec(spec).similarity,
    )  # fmt: skip
    for count, weight in tried:
        name = f"lambda_2-{weight:g}" + (f"-forget-{count}" if count else "")
        made = producer.load_encoder(tmp_path / "search" / name)
        without = EncoderMethod.PROJECT if count else EncoderMethod.NAIVE
        assert made.document.method == (EncoderMethod.LASSI if weight else without)
        assert made.document.training.forget == count
        first = made.encoder.linears[0].weight.double()
        if count:
            lost = nuisance.nuisance_directions(latents, 2048, lambda done, word: None)[:count]
            assert (first @ lost.T).norm() < 1e-4 * first.norm()
    assert found.encoder.name in {path.name for path in (tmp_path / "search").iterdir()}
    with pytest.raises(SettingsError, match=r"names"):
        producer.search(
            spec, tiny.data, tmp_path / "other", target="Smiling",
            training=producer.TrainingSettings(forget=2048), cache=tiny.cache,
        )  # fmt: skip
