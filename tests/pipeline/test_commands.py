"""The commands end to end: what they leave behind, that it chains, and that running again is safe."""

import csv
import json

import pytest
import torch
from stored import contents

import consumer
from consumer import load_head
from producer import load_encoder
from shared_spec import load_bundle, load_certificate, load_spec
from shared_spec.data.portraits import Portraits

pytestmark = pytest.mark.pipeline


def test_digests_chain_from_certificate_to_spec(tiny):
    spec, bundle, certificate = (
        load_spec(tiny.spec),
        load_bundle(tiny.reps),
        load_certificate(tiny.certificate),
    )
    assert bundle.manifest.spec.digest == spec.digest
    assert bundle.manifest.encoder.digest == load_encoder(tiny.model).digest
    assert certificate.document.bundle_digest == bundle.digest
    assert certificate.document.spec == bundle.manifest.spec
    assert certificate.document.encoder_digest == bundle.manifest.encoder.digest


def test_every_test_individual_has_a_row_in_each_view_and_the_right_label(tiny):
    bundle, certificate = load_bundle(tiny.reps), load_certificate(tiny.certificate)
    for view in ("smoothing", "exact"):
        rows = certificate.rows_of(view)
        assert [row.sample_id for row in rows] == list(bundle.sample_ids("test"))
        classes = certificate.document.head.classes
        labels = [classes[code] for code in bundle.labels("test", "Smiling")]
        assert [row.label for row in rows] == labels


def test_certified_rows_have_d_cs_below_d_rs_or_a_tube(tiny):
    for row in load_certificate(tiny.certificate).rows:
        if row.status == "CERTIFIED" and row.method == "closed-form ball":
            assert row.d_cs < row.d_rs
        assert (row.status == "CERTIFIED") == (row.reason == "")


def test_views_name_their_models_and_their_own_accuracy(tiny):
    claims = load_certificate(tiny.certificate).document.claims
    assert claims["exact"].certified_model == "C∘R∘E"
    assert claims["smoothing"].certified_model == "C∘R̂∘E"
    assert claims["exact"].alpha == {}
    assert claims["exact"].alpha_per_individual == 0
    assert sum(claims["smoothing"].alpha.values()) == pytest.approx(0.01, rel=1e-9)
    assert load_head(tiny.certificate).config.classes == ("no", "yes")


def test_noise_for_a_view_without_validation_individuals_is_chosen_in_another(tiny, tmp_path):
    entries = load_bundle(tiny.reps).manifest.views
    assert "valid" in entries["exact"].splits
    assert "valid" not in entries["smoothing"].splits
    issued = [
        consumer.certify(tiny.reps, "Smiling", tmp_path / str(len(views)), views=views).document
        for views in (["smoothing"], ["smoothing", "exact"])
    ]
    assert [document.head.settings.noise for document in issued] == ["auto", "auto"]
    assert issued[0].head.digest == issued[1].head.digest


def test_with_balanced_class_weights_noise_is_chosen_by_balanced_accuracy(
    tiny, run, tmp_path, capsys
):
    out = tmp_path / "certificate"
    words = ["--reps", tiny.reps, "--target", "Smiling", "--view", "exact", "--out", out]
    assert run("consumer", "certify", *words, "--class-weights", "balanced") == 0
    head, bundle = load_head(out), load_bundle(tiny.reps)
    points = torch.cat([shard["representation"] for shard in bundle.shards("valid")])
    labels = torch.from_numpy(bundle.labels("valid", "Smiling"))
    right = head.frozen().predict(points) == labels
    recalls = [float(right[labels == code].double().mean()) for code in (0, 1)]
    assert recalls[0] != pytest.approx(recalls[1], abs=0.01), "the two accuracies are told apart"
    line = f"noise {head.config.sigma_rs:g}: validation balanced accuracy {sum(recalls) / 2:.3f},"
    assert line in capsys.readouterr().err


def test_the_bundle_holds_no_encoder_and_no_latent(tiny):
    names = {path.name for path in tiny.reps.iterdir()}
    assert names == {
        "manifest.json", "individuals.csv", "test-00000.safetensors", "test-00001.safetensors",
        "valid-00000.safetensors", "valid-00001.safetensors", "valid-00002.safetensors", "valid-00003.safetensors",
        *(f"train-{shard:05d}.safetensors" for shard in range(20)),
    }  # fmt: skip
    for tensors in load_bundle(tiny.reps).shards("test"):
        assert all(
            tensor.shape[-1] in (16, 5, len(tensor)) or tensor.ndim == 1
            for tensor in tensors.values()
        )


@pytest.mark.parametrize("party", ["regulator", "producer", "consumer"])
def test_help_and_inspect_work_for_every_party(tiny, run, capsys, party):
    assert run(party, "--help") == 0
    assert "Example:" in capsys.readouterr().out
    path = {"regulator": tiny.spec, "producer": tiny.reps, "consumer": tiny.certificate}[party]
    assert run(party, "inspect", path) == 0
    assert "sha256-content-v1:" in capsys.readouterr().out
    assert run(party, "inspect", path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["content_digest"].startswith("sha256-content-v1:")


def test_digests_are_readable_to_their_end_in_a_narrow_terminal(tiny, run, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert run("consumer", "inspect", tiny.certificate) == 0
    text = "".join(capsys.readouterr().out.split())
    document = load_certificate(tiny.certificate).document
    for digest in (document.content_digest, document.bundle_digest, document.head.digest):
        assert digest in text


def test_the_same_fit_again_changes_nothing(copies, run, fit_words):
    before = contents(copies.reps), contents(copies.model)
    assert run(*fit_words(copies)) == 0
    assert (contents(copies.reps), contents(copies.model)) == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (["--seed", "1"], "seed"),
        (["--lambda-2", "0.5"], "training.lambda_2"),
        (["--method", "naive"], "method"),
        (["--dimension", "8"], "encoder.output_dim"),
        (["--target", "Young"], "targets"),
    ],
)
def test_another_fit_is_refused_naming_what_differs(copies, run, fit_words, capsys, change, named):
    before = contents(copies.model)
    assert run(*fit_words(copies), *change) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"trained before with {named} " in message
    assert "--force" in message
    assert contents(copies.model) == before


def test_another_export_is_refused_naming_what_differs(copies, run, fit_words, capsys):
    assert run(*fit_words(copies), "--tolerance", "0.2") == 2
    assert (
        "exported before with views.exact.settings.tolerance 0.02, now 0.2"
        in capsys.readouterr().err
    )


def test_predictions_repeat_the_certificate_on_the_same_individuals(copies, run):
    assert (
        run(
            "consumer",
            "predict",
            "--reps",
            copies.reps,
            "--head",
            copies.certificate,
            "--out",
            copies.out,
        )
        == 0
    )
    with open(copies.out, newline="") as file:
        predicted = {(row["sample_id"], row["view"]): row for row in csv.DictReader(file)}
    certificate = load_certificate(copies.certificate)
    rows = list(certificate.rows)
    assert len(predicted) == len(rows)
    for row in rows:
        found = predicted[row.sample_id, row.view]
        assert (found["prediction"], found["status"]) == (row.prediction, row.status)
        claim = certificate.document.claims[row.view]
        said = (found["certified_model"], found["statement"], float(found["alpha"]), found["seed"])
        assert said == (claim.certified_model, claim.statement, claim.alpha_per_individual, "0")
        digests = (found["bundle_digest"], found["certificate_digest"])
        assert digests == (certificate.document.bundle_digest, certificate.digest)


def test_several_labels_are_shared_in_any_order_and_certified_one_by_one(copies, run, fit_words):
    shared = ["--share", "Wearing_Earrings", "--share", "Smiling"]
    copies.reps = copies.out / "reps"
    assert run(*fit_words(copies), *shared) == 0
    for task in ("Smiling", "Wearing_Earrings"):
        certificate = copies.out / task
        words = ["--reps", copies.reps, "--target", task, "--out", certificate]
        assert run("consumer", "certify", *words) == 0
        bundle = load_bundle(copies.reps)
        labels = [bundle.manifest.labels[task][code] for code in bundle.labels("test", task)]
        rows = load_certificate(certificate).rows_of("exact")
        assert [row.label for row in rows] == labels


def test_preview_is_a_picture(copies, run):
    out = copies.out.with_suffix(".png")
    words = ["--spec", copies.spec, "--data", copies.data, "--out", out, "--individuals", "2"]
    assert run("regulator", "preview", *words) == 0
    assert out.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_predictions_are_of_people_who_are_bounded(copies, run, fails):
    words = ["consumer", "predict", "--reps", copies.reps, "--head", copies.certificate]
    out = copies.out / "predictions.csv"
    for split in ("train", "nosuch"):
        fails(
            2,
            f"bounds nobody of --split {split}",
            *words,
            "--split",
            split,
            "--out",
            out,
            nothing_at=out,
        )
    assert run(*words, "--split", "valid", "--out", out) == 0
    with out.open(newline="") as stream:
        assert {row["view"] for row in csv.DictReader(stream)} == {"exact"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--report-radius"], "--report-radius is for --radius randomized"),
        (["--hidden", "128"], "has no hidden layer"),
        (
            ["--view", "smoothing", "--radius", "randomized", "--noise", "1", "--alpha", "0.995"],
            "a sum below 1",
        ),
        (["--view", "smoothing", "--head", "mlp", "--alpha", "0.995"], "a sum below 1"),
    ],
)
def test_choices_that_do_nothing_or_leave_nothing_are_refused_first(
    copies, fails, monkeypatch, more, said
):
    monkeypatch.setattr("consumer.issue.fit_head", None)
    out = copies.out / "certificate"
    words = ["--reps", copies.reps, "--target", "Smiling", "--out", out]
    fails(2, said, "consumer", "certify", *words, *more, nothing_at=out)


def test_what_a_fit_cannot_weigh_or_show_is_refused_before_an_image_is_encoded(
    copies, fails, monkeypatch
):
    monkeypatch.setattr("producer.job.encode_split", None)
    monkeypatch.setattr(Portraits, "check_column", lambda *_: ("no", "yes", "other"))
    out = copies.out / "reps"
    words = ["--spec", copies.spec, "--data", copies.data, "--cache", copies.cache, "--out", out]
    for verb, model in (("fit", ["--model", copies.out / "m"]), ("search", [])):
        weighed = [*words, *model, "--target", "Smiling", "--class-weights", "balanced"]
        fails(
            5, r"no training individual of class \[2\]", "producer", verb, *weighed, nothing_at=out
        )
    monkeypatch.undo()
    export = ["--model", copies.model, "--split", "valid", "--counterparts", "Pale_Skin"]
    fails(2, "on whom nothing is chosen", "producer", "export", *words, *export, nothing_at=out)
