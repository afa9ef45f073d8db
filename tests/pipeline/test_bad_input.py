"""Whatever comes in, a command ends with one line, the right exit code, and nothing half-written."""

import errno
import json
import os
import re
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from producer import SmoothingSettings
from producer.views.smoothing.view import SmoothingView
from shared_spec import load_spec
from shared_spec.artifacts.canonical import canonical_json
from shared_spec.artifacts.tensors import METADATA_KEY, load_tensors, tensor_digest
from shared_spec.errors import SettingsError

pytestmark = pytest.mark.pipeline


def rewrite(path, change_tensors=lambda tensors: None, change_document=lambda document: None):
    """Writes a safetensors artefact anew after changing it, with a digest that is right again."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        document = json.loads(file.metadata()[METADATA_KEY])
    change_tensors(tensors)
    change_document(document)
    document["content_digest"] = tensor_digest(tensors, document)
    save_file(tensors, path, {METADATA_KEY: canonical_json(document).decode()})


def fit(copies, spec=None, **changes):
    words = {"--spec": spec or copies.spec, "--data": copies.data, "--target": "Smiling", "--model": copies.out / "m",
             "--out": copies.out / "r", "--cache": copies.cache, **changes}  # fmt: skip
    return ["producer", "fit", *(str(word) for pair in words.items() for word in pair)]


# Artefacts that are damaged, foreign or from another version: exit code 3.


def test_truncated_spec(copies, fails):
    copies.spec.write_bytes(copies.spec.read_bytes()[:-10])
    fails(3, "truncated", *fit(copies), nothing_at=copies.out)


def test_changed_spec(copies, fails):
    content = bytearray(copies.spec.read_bytes())
    content[-1] ^= 1
    copies.spec.write_bytes(content)
    fails(3, "content digest is .* expected", *fit(copies), nothing_at=copies.out)


def test_spec_of_an_unknown_version(copies, fails):
    def newer(document):
        document["media_type"] = document["media_type"].replace(".v1", ".v9")

    rewrite(copies.spec, change_document=newer)
    fails(3, r"media type is .*\.v9.*this build reads .*\.v1", *fit(copies))


def test_spec_with_an_unknown_field(copies, fails):
    rewrite(copies.spec, change_document=lambda document: document.update(colour="red"))
    fails(3, "field colour", *fit(copies))


def test_spec_with_a_wrong_vector(copies, fails):
    rewrite(copies.spec, lambda tensors: tensors.update({"attribute.Pale_Skin": torch.ones(5)}))
    fails(3, "attribute.Pale_Skin: expected float32", *fit(copies))


def test_spec_without_a_flow_weight(copies, fails):
    rewrite(
        copies.spec,
        lambda tensors: tensors.pop(next(name for name in tensors if name.startswith("flow."))),
    )
    fails(3, "do not fit their description", *fit(copies))


def test_spec_with_negative_epsilon(copies, fails):
    rewrite(copies.spec, change_document=lambda document: document.update(epsilon=-1.0))
    fails(3, "field epsilon", *fit(copies))


def test_a_flow_where_a_spec_is_expected(copies, fails):
    fails(3, "media type", *fit(copies, spec=copies.flow))


def test_a_web_page_where_a_spec_is_expected(copies, fails):
    copies.spec.write_text("<!DOCTYPE html><html>404</html>")
    fails(3, "not a safetensors file", *fit(copies))


def certify(copies):
    return [
        "consumer",
        "certify",
        "--reps",
        copies.reps,
        "--target",
        "Smiling",
        "--out",
        copies.out,
    ]


@pytest.mark.parametrize(
    "name",
    ["manifest.json", "individuals.csv", "test-00000.safetensors", "train-00003.safetensors"],
)
def test_every_changed_file_of_a_bundle_is_found(copies, fails, name):
    path = copies.reps / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    fails(3, name, *certify(copies), nothing_at=copies.out)


@pytest.mark.parametrize("name", ["manifest.json", "individuals.csv", "valid-00001.safetensors"])
def test_every_missing_file_of_a_bundle_is_found(copies, fails, name):
    (copies.reps / name).unlink()
    fails(3, name, *certify(copies), nothing_at=copies.out)


def test_a_file_too_many_in_a_bundle_is_found(copies, fails):
    (copies.reps / "extra.txt").write_text("")
    fails(3, "extra.txt: not listed", *certify(copies))


def test_a_symbolic_link_in_a_bundle_is_found(copies, fails, tmp_path):
    path = copies.reps / "test-00000.safetensors"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    fails(3, "not a regular file", *certify(copies))


def test_swapped_shards_are_found(copies, fails):
    a, b = copies.reps / "test-00000.safetensors", copies.reps / "valid-00000.safetensors"
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)
    fails(3, "safetensors", *certify(copies))


def test_a_head_of_another_certificate_is_found(copies, fails):
    rewrite(
        copies.certificate / "head.safetensors", lambda tensors: tensors["layers.0.bias"].add_(1)
    )
    fails(3, "head.safetensors", "consumer", "inspect", copies.certificate)


def test_prediction_with_another_encoder_is_refused(copies, fails, run, fit_words):
    copies.model, copies.reps = copies.out / "model", copies.out / "reps"
    assert run(*fit_words(copies), "--seed", "9") == 0
    words = ["--reps", copies.reps, "--head", copies.certificate, "--out", copies.out / "p.csv"]
    fails(3, "made from encoder", "consumer", "predict", *words, nothing_at=copies.out / "p.csv")


# Flows that must not be published: exit code 3.


def publish(copies, flow):
    return ["regulator", "publish-spec", "--data", copies.data, "--flow", flow, "--attribute", "Pale_Skin",
            "--out", copies.out, "--cache", copies.cache]  # fmt: skip


@pytest.fixture
def damaged(copies, tmp_path):
    """A copy of the flow file after a change of its tensors."""

    def make(change):
        path = tmp_path / "damaged.safetensors"
        path.write_bytes(copies.flow.read_bytes())
        rewrite(path, change)
        return path

    return make


def test_a_flow_with_a_nan_weight(copies, fails, damaged):
    def spoil(tensors):
        name = next(
            name
            for name, tensor in tensors.items()
            if tensor.is_floating_point() and tensor.numel() > 1
        )
        tensors[name].view(-1)[0] = float("nan")

    fails(3, "NaN", *publish(copies, damaged(spoil)), nothing_at=copies.out)


def test_a_flow_whose_actnorm_was_never_initialised(copies, fails, damaged):
    def reset(tensors):
        for name, tensor in tensors.items():
            if name.endswith("initialised"):
                tensor.zero_()

    fails(3, "ActNorm", *publish(copies, damaged(reset)), nothing_at=copies.out)


def test_a_flow_that_does_not_invert(copies, fails, damaged):
    def blow_up(tensors):
        for name, tensor in tensors.items():
            if "coupling" in name and name.endswith("weight"):
                tensor.mul_(300.0)

    fails(3, "off by|not finite", *publish(copies, damaged(blow_up)), nothing_at=copies.out)


# Settings that cannot work: exit code 2.


@pytest.mark.parametrize("epsilon", ["0", "-1", "nan"])
def test_epsilon_must_be_positive(copies, fails, epsilon):
    fails(2, "epsilon", *publish(copies, copies.flow), "--epsilon", epsilon, nothing_at=copies.out)


def test_sample_counts_that_can_only_abstain_name_the_smallest_that_works(copies, fails):
    words = [*fit(copies), "--n"]
    line = fails(2, "abstain", *words, "50", nothing_at=copies.out)
    smallest = int(re.search(r"expected at least n = (\d+)", line)[1])
    similarity = load_spec(copies.spec).similarity
    SmoothingView(SmoothingSettings(n=smallest)).entry(similarity, ("test",))
    with pytest.raises(SettingsError, match="abstain"):
        SmoothingView(SmoothingSettings(n=smallest - 1)).entry(similarity, ("test",))


def test_unknown_options_and_settings_files(copies, fails, tmp_path):
    fails(2, "No such option", *fit(copies), "--no-such-option")
    settings = tmp_path / "fit.toml"
    settings.write_text("lamda-2 = 0.3\n")
    fails(
        2, r"unknown setting 'lamda-2'; did you mean 'lambda_2'", *fit(copies), "--config", settings
    )
    settings.write_text("lambda-2 = = 3")
    fails(2, "TOML", *fit(copies), "--config", settings)


def test_a_settings_file_is_used_and_flags_win_over_it(copies, run, tmp_path, fit_words):
    settings = tmp_path / "fit.toml"
    settings.write_text("lambda-2 = 0.3\nattack-points = 2\n")
    copies.model, copies.reps = copies.out / "model", copies.out / "reps"
    assert (
        run(*fit_words(copies), "--view", "exact", "--config", settings, "--attack-points", "3")
        == 0
    )
    _, document = load_tensors(copies.model / "encoder.safetensors")
    assert (document["training"]["lambda_2"], document["training"]["attack_points"]) == (0.3, 3)


def test_nothing_is_overwritten_unasked(copies, fails, run):
    fails(
        2,
        "exists already.*--force",
        *publish(copies, copies.flow)[:-4],
        "--out",
        copies.spec,
        "--cache",
        copies.cache,
    )
    words = [
        "consumer",
        "certify",
        "--reps",
        copies.reps,
        "--target",
        "Smiling",
        "--out",
        copies.certificate,
    ]
    fails(2, "exists already.*--force", *words)
    assert run(*words, "--force") == 0


def test_lassi_without_its_loss_is_not_lassi(copies, fails):
    fails(2, "--lambda-2 is 0", *fit(copies), "--lambda-2", "0", nothing_at=copies.out)


# Data that do not hold what was asked of them: exit code 5.


def test_unknown_columns(copies, fails):
    fails(
        5,
        "no label column 'Moustache'",
        *fit(copies, **{"--target": "Moustache"}),
        nothing_at=copies.out,
    )
    words = publish(copies, copies.flow)
    words[words.index("Pale_Skin")] = "Moustache"
    fails(5, "no label column 'Moustache'", *words, nothing_at=copies.out)
    fails(
        5,
        "no labels 'Young'",
        *certify(copies)[:-3],
        "Young",
        "--out",
        copies.out,
        nothing_at=copies.out,
    )


@pytest.fixture
def folder(tmp_path):
    """An image folder whose attribute `tall` nobody has; returns a function that damages it and names it as DATA."""
    place = tmp_path / "images"
    place.mkdir()
    lines = ["file_name,split,tall,glad"]
    generator = np.random.Generator(np.random.Philox(3))
    for index in range(60):
        split = ["train", "train", "train", "train", "valid", "test"][index % 6]
        Image.fromarray(generator.integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(
            place / f"{index}.png"
        )
        lines.append(f"{index}.png,{split},0,{index // 6 % 2}")
    (place / "metadata.csv").write_text("\n".join(lines) + "\n")
    return place


def test_an_attribute_that_nobody_has(copies, folder, fails):
    words = publish(copies, copies.flow)
    words[words.index("Pale_Skin")] = "tall"
    words[words.index(copies.data)] = f"folder:{folder}"
    fails(5, "tall", *words, nothing_at=copies.out)


def test_a_missing_image_is_named(copies, folder, fails):
    (folder / "8.png").unlink()
    words = fit(copies, **{"--data": f"folder:{folder}", "--target": "glad"})
    fails(5, r"8\.png", *words, nothing_at=copies.out / "r")


def test_an_unreadable_image_is_named(copies, folder, fails):
    (folder / "8.png").write_text("<html>not found</html>")
    words = fit(copies, **{"--data": f"folder:{folder}", "--target": "glad"})
    fails(5, r"8\.png", *words, nothing_at=copies.out / "r")


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        ("sample_id,label\ntest-000001,maybe\n", "'maybe' is no class"),
        ("sample_id,label\nnobody,yes\n", "nobody is not in"),
        ("sample_id,label\ntest-000001,yes\ntest-000001,no\n", "labelled twice"),
        ("sample_id,label\ntest-000001,\n", "cell is empty"),
        ("id,label\ntest-000001,yes\n", "columns are 'id, label'"),
        ("sample_id,label\ntrain-000001,yes\n", "needs at least two classes"),
    ],
)  # fmt: skip
def test_labels_of_ones_own_that_cannot_be_used(copies, fails, tmp_path, content, pattern):
    path = tmp_path / "labels.csv"
    path.write_text(content)
    fails(5, pattern, *certify(copies), "--labels", path, nothing_at=copies.out)


def test_labels_of_ones_own_replace_the_producers(copies, run, tmp_path):
    from shared_spec import load_bundle, load_certificate

    bundle = load_bundle(copies.reps)
    lines = ["sample_id,Hat"]
    for split in ("train", "valid", "test"):
        lines += [
            f"{sample_id},{'big' if index % 3 else 'none'}"
            for index, sample_id in enumerate(bundle.sample_ids(split))
        ]
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(lines) + "\n")
    words = [
        "consumer",
        "certify",
        "--reps",
        copies.reps,
        "--target",
        "Hat",
        "--labels",
        path,
        "--out",
        copies.out,
    ]
    assert run(*words) == 0
    document = load_certificate(copies.out).document
    assert document.head.classes == ("big", "none")
    assert document.target == "Hat"


def test_levels_that_leave_nothing_to_predict_are_refused_first(copies, fails, run, monkeypatch):
    words = [*certify(copies), "--view", "smoothing", "--radius", "randomized"]
    assert run(*words) == 0
    monkeypatch.setattr("consumer.prediction.decide_split", None)
    out = copies.out.parent / "p.csv"
    predict = ["consumer", "predict", "--reps", copies.reps, "--head", copies.out, "--out", out]
    fails(
        2,
        "--alpha is 0.9999, with the smoothing view's own",
        *predict,
        "--alpha",
        "0.9999",
        nothing_at=out,
    )


# A policy that is not met: exit code 4, and the certificate is there.


def test_policies(copies, fails, run):
    fails(
        4, "is not met: .*asked for 1", *certify(copies), "--policy", "certified>=1@confidence=0.99"
    )
    assert (copies.out / "certificate.json").exists()
    assert run(*certify(copies), "--force", "--policy", "certified>=0") == 0
    fails(2, "expected", *certify(copies), "--force", "--policy", "fair please")


# The machine fails: exit code 1, nothing half-written.


def test_a_full_disk(copies, fails, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    fails(
        1,
        "No space left on device.*free some space",
        *publish(copies, copies.flow),
        nothing_at=copies.out,
    )


def test_an_interrupt_exits_with_130(copies, fails, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["consumer.issue"], "fit_head", interrupt)
    fails(130, "interrupted", *certify(copies), nothing_at=copies.out)
