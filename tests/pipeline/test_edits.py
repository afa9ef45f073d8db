"""Chains of edited images from end to end: published, looked at, trained on, exported, certified, verified."""

import numpy as np
import pytest
import torch

import consumer
import producer
import regulator
from regulator.publish import _ends
from shared_spec import load_spec
from shared_spec.artifacts.spec import save_spec
from shared_spec.artifacts.spec_documents import EditSpecDocument
from shared_spec.artifacts.strip import read_strip
from shared_spec.artifacts.tensors import load_tensors, save_tensors
from shared_spec.chains import EditChains
from shared_spec.data import open_source
from shared_spec.latents import encode_images
from shared_spec.terms import Similar, Status

pytestmark = pytest.mark.pipeline

SMALL = {"hidden": (24, 16), "dimension": 8, "epochs": 2, "batch": 64}


@pytest.fixture(scope="module", params=[("Pale_Skin",), ("Pale_Skin", "Young")], ids=["k=1", "k=2"])
def spec(tiny, tmp_path_factory, request):
    out = tmp_path_factory.mktemp("edits") / "spec.safetensors"
    return regulator.publish_spec(
        tiny.data, request.param, out, flow=tiny.flow, study=["Smiling"],
        vectors=regulator.VectorSettings(similar=Similar.EDITS),
    )  # fmt: skip


def test_the_edit_is_the_difference_of_the_groups_mean_images(tiny, spec):
    source = open_source(tiny.data, 32)
    images = source.images("train", range(480)).astype(np.float64)
    for name, edit in zip(
        [e.name for e in spec.document.attributes], spec.similarity.edits, strict=True
    ):
        codes = source.labels("train", name)
        expected = images[codes == 1].mean(0) - images[codes == 0].mean(0)
        assert np.abs(edit.numpy() - expected).max() < 1e-4
    assert spec.similarity.steps == (-1.5, -0.75, 0.75, 1.5)
    assert [row.attribute for row in spec.document.quality.coverage] == [
        e.name for e in spec.document.attributes
    ]
    assert all(0 < row.relative_mean <= 1 for row in spec.document.quality.coverage)


def test_the_gate_inverts_both_ends_of_a_chain_of_everybody_and_holds_few_chains_at_once(
    tiny, spec, monkeypatch
):
    together, images_of = [], EditChains.images_of

    def counted(self, source, split, rows):
        together.append(len(rows))
        return images_of(self, source, split, rows)

    monkeypatch.setattr(EditChains, "images_of", counted)
    source, rows = open_source(tiny.data, 32), np.arange(40)
    ends = _ends(source, rows, spec.similarity)
    assert max(together) <= 16
    assert len(ends) == 80
    visits = spec.similarity.visits
    for who in (0, 1, 38, 39):
        chain = images_of(spec.similarity, source, "valid", rows[[who]])[0][
            visits[who % len(visits)]
        ]
        assert torch.equal(ends[2 * who], torch.from_numpy(chain[0]))
        assert torch.equal(ends[2 * who + 1], torch.from_numpy(chain[-1]))
    assert spec.document.quality.in_distribution.images == 3 * 96


def test_a_spec_of_edits_is_read_as_it_was_written(spec, tmp_path):
    path = tmp_path / "spec.safetensors"
    save_spec(path, spec.document, spec.flow, spec.similarity.edits)
    again = load_spec(path)
    assert isinstance(again.document, EditSpecDocument)
    assert again.digest == spec.digest
    assert torch.equal(again.similarity.edits, spec.similarity.edits)
    assert again.similarity.steps == spec.similarity.steps


@pytest.fixture(scope="module")
def fitted(tiny, spec, tmp_path_factory):
    """A bundle of LASSI trained on the chains, with tubes and counterparts."""
    root = tmp_path_factory.mktemp("fitted")
    bundle = producer.fit(
        spec, tiny.data, root / "reps", model=root / "model", targets=["Smiling"],
        training=producer.TrainingSettings(method="lassi", lambda_2=0.25, **SMALL),
        export=producer.ExportSettings(view=("exact",), counterparts=("Pale_Skin",)),
        views=[producer.ExactSettings(tube_vertices=9)], cache=tiny.cache,
    )  # fmt: skip
    return root, bundle


def test_every_similar_image_is_represented_within_ball_and_tube(tiny, spec, fitted):
    """The attack of a stranger: edit the image, store it, encode it, represent it, and also what lies between."""
    root, bundle = fitted
    encoder = producer.load_encoder(root / "model").folded
    found = bundle.gather(
        "test", ["representation", "exact.centre", "exact.radius", "exact.status"]
    )
    images = spec.similarity.images(open_source(tiny.data, 32).images("test", range(40)))
    latents = encode_images(spec.flow, images.reshape(-1, 3, 32, 32)).reshape(40, -1, 3072)
    corners = spec.similarity.corners(latents.double())
    for share in (0.0, 0.3, 0.5, 0.8):
        points = torch.lerp(corners[:, :, :-1], corners[:, :, 1:], share)
        away = (encoder(points) - found["exact.centre"].double()[:, None, None]).norm(dim=-1)
        # The cache encoded other batches, so the latents may differ in their last bits.
        assert (away.flatten(1).amax(1) <= found["exact.radius"] * (1 + 1e-5) + 1e-5).all()
    assert (found["exact.status"] == 0).float().mean() > 0.9
    torch.testing.assert_close(
        found["representation"], encoder(latents[:, 0]).float(), rtol=1e-4, atol=1e-5
    )


def test_a_certificate_says_what_similar_means_and_verifies(spec, fitted):
    root, bundle = fitted
    certificate = consumer.certify(bundle, "Smiling", root / "certificate")
    assert consumer.verify(certificate, bundle)
    assert certificate.document.spec.similar == Similar.EDITS
    page = certificate.read("report.html").decode()
    assert "Every corner is an image that can be stored" in page
    assert "attribute vector" not in page.split("<main>")[0]
    counted = certificate.document.reality[0]
    assert counted.everybody.people == 40
    assert {row.status for row in certificate.rows} & {Status.CERTIFIED}


def test_the_page_shows_the_edited_images_and_a_person_can_be_explained(
    tiny, spec, fitted, tmp_path
):
    root, bundle = fitted
    strip = regulator.preview(
        tiny.data, tmp_path / "page.png", spec=spec, for_report=True, settings=regulator.PreviewSettings(individuals=2)
    ).path  # fmt: skip
    entry = read_strip(strip).entry
    assert entry.reach == (-1.5, -0.75, 0.0, 0.75, 1.5)
    assert [row.own for row in entry.rows] == [2] * 2 * len(spec.similarity.combinations)
    certificate = consumer.certify(bundle, "Smiling", tmp_path / "certificate", strip=strip)
    assert consumer.verify(certificate, bundle)
    assert "that picture edited, up to 1.5 times" in certificate.read("report.html").decode()
    images = spec.similarity.images(open_source(tiny.data, 32).images("test", [0]))[0]
    row = certificate.rows_of("exact")[0]
    found = producer.explain(
        row.sample_id, spec, root / "model", tiny.data, certificate, tmp_path / "why.png"
    )
    assert found.decision == row.prediction
    assert len(found.strips) == len(spec.similarity.combinations)
    for decided, visited in zip(found.strips, spec.similarity.visits.tolist(), strict=True):
        assert (decided.strip.images == images[visited]).all(), "not the edited images themselves"


@pytest.mark.parametrize("method", ["augment", "naive"])
def test_other_methods_train_on_chains_too(tiny, spec, method, tmp_path):
    bundle = producer.fit(
        spec, tiny.data, tmp_path / "reps", model=tmp_path / "model", targets=["Smiling"],
        training=producer.TrainingSettings(method=method, **SMALL),
        export=producer.ExportSettings(view=("exact",)), cache=tiny.cache,
    )  # fmt: skip
    assert bundle.manifest.encoder.method == method


def test_pictures_show_the_edited_images(tiny, spec, tmp_path):
    shown = regulator.preview(tiny.data, tmp_path / "strips.png", spec=spec)
    assert shown.shown == 4 * len(spec.similarity.combinations)
    found = regulator.coverage(spec, tiny.data, tmp_path / "coverage.png")
    assert all(row.relative_mean < 1 for row in found.table)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--method", "project"], "cannot forget all of it"),
        (["--method", "project", "--encoder", "linear", "--dimension", "9", "--forget", "3070"], "at most 2"),
        (["--view", "smoothing"], "other similar people than x"),
        (["--view", "exact", "--attack", "grid"], "grid needs attribute vectors"),
    ],
)  # fmt: skip
def test_what_chains_do_not_allow_is_refused_before_any_work(
    tiny, spec, more, says, fails, tmp_path
):
    path = tmp_path / "spec.safetensors"
    regulator.publish_spec(
        tiny.data, ["Pale_Skin"], path, flow=tiny.flow, vectors=regulator.VectorSettings(similar=Similar.EDITS)
    )  # fmt: skip
    words = ["producer", "fit", "--spec", path, "--data", tiny.data, "--target", "Smiling"]
    words += [
        "--model",
        tmp_path / "model",
        "--out",
        tmp_path / "reps",
        "--cache",
        tmp_path / "cache",
    ]
    view = [] if "--view" in more else ["--view", "exact"]
    fails(2, says, *words, *view, *more, nothing_at=tmp_path / "reps")
    assert not (tmp_path / "cache").exists(), "work was done before the refusal"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d, t: d.update(steps=[-1.0, 1.0]), "epsilon is 1.5, but its steps go to 1"),
        (lambda d, t: d.update(steps=[1.5, -1.5]), "expected increasing"),
        (lambda d, t: d.update(steps=[]), "steps"),
        (lambda d, t: d["attributes"][0].update(unit="vector"), "unit vector, which such a spec has not"),
        (lambda d, t: t.update({"attribute.Pale_Skin": t["attribute.Pale_Skin"] * 2}), "its entry says"),
        (lambda d, t: t.update({"attribute.Pale_Skin": t["attribute.Pale_Skin"].flatten()}), "expected float32"),
    ],
)  # fmt: skip
def test_a_spec_that_contradicts_itself_is_refused(tiny, spec, change, says, tmp_path, fails):
    path = tmp_path / "spec.safetensors"
    regulator.publish_spec(
        tiny.data, ["Pale_Skin"], path, flow=tiny.flow, vectors=regulator.VectorSettings(similar=Similar.EDITS)
    )  # fmt: skip
    tensors, document = load_tensors(path)
    document = {name: value for name, value in document.items() if name != "content_digest"}
    change(document, tensors)
    save_tensors(path, tensors, document)
    fails(3, says, "regulator", "inspect", path)


def test_a_spec_says_what_its_edit_was_adjusted_for(tiny, run, capsys, tmp_path):
    out = tmp_path / "spec.safetensors"
    words = ["--flow", tiny.flow, "--data", tiny.data, "--similar", "edits"]
    assert run("regulator", "publish-spec", *words, "--attribute", "Pale_Skin", "--adjust-for", "Young", "--adjust-for",
               "Smiling", "--out", out) == 0  # fmt: skip
    assert load_spec(out).document.attributes[0].settings == {"adjusted_for": "Young, Smiling"}
    assert run("regulator", "inspect", out) == 0
    assert "mean-difference adjusted for Young, Smiling, norm" in capsys.readouterr().out
