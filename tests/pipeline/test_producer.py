"""The producer's verbs in Python: what they take, what they return, and what they refuse before any image is read."""

import json
import re
import tomllib
from importlib.metadata import version
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch

import producer
from producer import (
    ExactSettings,
    ExportSettings,
    SearchSettings,
    SmoothingSettings,
    TrainingSettings,
    job,
)
from producer.bundle_plan import BundlePlan
from producer.model import EncoderDocument
from producer.settings import PRESETS, VIEW_SETTINGS
from producer.views.registry import VIEW_TYPES
from shared_spec import load_bundle, load_spec
from shared_spec.artifacts.atomic import partial_directory
from shared_spec.artifacts.canonical import canonical_json
from shared_spec.artifacts.tensors import load_tensors, save_tensors
from shared_spec.data import open_source
from shared_spec.data.portraits import Portraits
from shared_spec.errors import ArtifactError, DataError, SettingsError

pytestmark = pytest.mark.pipeline

TRAINING = TrainingSettings(hidden=(32, 24), dimension=16, epochs=3, batch=64)
EXPORT = ExportSettings(shard_rows=25)
TUBES = ExactSettings(tube_vertices=5)
FEW = SmoothingSettings(n0=2000, n=2000)


class Unseen(Portraits):
    """Portraits whose labels may be read and whose images may not."""

    def images(self, split, rows):
        raise AssertionError("an image was read")


@pytest.fixture
def unseen(tiny):
    """The data of `tiny`, of which no image may be read."""
    return Unseen(tiny.data, 32)


@pytest.fixture
def unencoded(monkeypatch):
    """Fails whoever encodes; images may be read for the digest of the data."""

    def encode_split(*_, **__):
        raise AssertionError("an image was encoded")

    monkeypatch.setattr(job, "encode_split", encode_split)


def fit(paths, out, data=None, **changes):
    """The fit that made `tiny`, as a function; all changes by name."""
    wanted = {
        "spec": paths.spec, "data": data or paths.data, "out": out, "targets": ["Smiling"], "model": paths.model,
        "training": TRAINING, "export": EXPORT, "views": [TUBES, FEW], "cache": paths.cache,
    }  # fmt: skip
    return producer.fit(**{**wanted, **changes})


WRONG = [
    (SettingsError, "`device`", {"device": "cuda:99"}),
    (SettingsError, "`device`", {"device": "tpu"}),
    (SettingsError, "`view` is 'exakt'", {"export": ExportSettings(view=("exakt",))}),
    (SettingsError, "`view`", {"export": ExportSettings(view=())}),
    (SettingsError, "abstain", {"views": [SmoothingSettings(n=20)]}),
    (DataError, "Moustache", {"export": ExportSettings(share=("Moustache",))}),
]
WRONG_FIT = [
    (DataError, "Moustache", {"targets": ["Moustache"]}),
    (SettingsError, "no `target`", {"targets": []}),
    (SettingsError, "`lambda_2` is 0", {"training": TrainingSettings(lambda_2=0)}),
    (SettingsError, "`augmentation` is 3", {"training": TrainingSettings(augmentation=3)}),
    (SettingsError, "`attack_points` is 1", {"training": TrainingSettings(attack="grid", attack_points=1)}),
]  # fmt: skip


@pytest.mark.parametrize(("error", "named", "wrong"), [*WRONG, *WRONG_FIT])
def test_what_is_wrong_is_refused_before_an_encoder_is_trained_or_an_image_is_read(
    tiny, unseen, tmp_path, error, named, wrong
):
    fresh = {"model": tmp_path / "model", "cache": tmp_path / "cache"}
    with pytest.raises(error, match=named):
        fit(tiny, tmp_path / "reps", unseen, **{**fresh, **wrong})
    assert list(tmp_path.iterdir()) == [], "something was left"


@pytest.mark.parametrize(
    ("error", "named", "wrong"),
    [
        *WRONG,
        (DataError, "no split 'tset'", {"splits": ["tset"]}),
        (SettingsError, "`split` names none", {"splits": []}),
        (ArtifactError, "made for spec", {"spec": "other"}),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_exported(
    tiny, unseen, tmp_path, other_spec, error, named, wrong
):
    if "spec" in wrong:
        wrong = {"spec": other_spec}
    arguments = {"spec": tiny.spec, "model": tiny.model, "data": unseen, "out": tmp_path / "reps"}
    with pytest.raises(error, match=named):
        producer.export(**{**arguments, "cache": tmp_path / "cache", **wrong})
    assert list(tmp_path.iterdir()) == [], "something was left"


@pytest.fixture(scope="module")
def other_spec(tiny, run, tmp_path_factory):
    """A spec of another attribute on the same flow."""
    path = tmp_path_factory.mktemp("other") / "spec.safetensors"
    words = ["--data", tiny.data, "--flow", tiny.flow, "--cache", tiny.cache, "--out", path]
    assert run("regulator", "publish-spec", "--attribute", "Young", *words) == 0
    return path


def test_a_constant_target_is_found_before_an_image_is_read(tiny, tmp_path):
    class Everybody(Unseen):
        def labels(self, split, name):
            return super().labels(split, name) * 0

    with pytest.raises(DataError, match="have the same Smiling"):
        fit(tiny, tmp_path / "reps", Everybody(tiny.data, 32), model=tmp_path / "model")


@pytest.mark.parametrize("place", ["", "model", "deeper/model"])
def test_an_encoder_inside_the_bundle_is_refused(tiny, unseen, tmp_path, place):
    with pytest.raises(SettingsError, match=r"`model` is .* inside `out`"):
        fit(tiny, tmp_path / "reps", unseen, model=tmp_path / "reps" / place)


OTHER = [
    ("views.exact.settings.tolerance 0.02, now 0.2", {"views": [ExactSettings(tolerance=0.2, tube_vertices=5), FEW]}),
    ("shard_rows 25, now 1024", {"export": ExportSettings()}),
    ("splits.valid.every 1, now 3", {"export": ExportSettings(shard_rows=25, every=3)}),
]  # fmt: skip


@pytest.mark.usefixtures("unencoded")
@pytest.mark.parametrize(("named", "change"), OTHER)
def test_a_bundle_of_other_settings_is_refused_before_an_image_is_encoded(
    tiny, tmp_path, named, change
):
    for model in (tiny.model, tmp_path / "untrained"):
        with pytest.raises(SettingsError, match=f"exported before with {named}.*`out`.*`force`"):
            fit(tiny, tiny.reps, model=model, **change)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("unencoded")
@pytest.mark.parametrize(("named", "change"), OTHER)
def test_an_export_that_was_cut_off_is_not_continued_with_other_settings(
    tiny, tmp_path, named, change
):
    begin(tiny, tmp_path / "reps")
    for model in (tiny.model, tmp_path / "untrained"):
        with pytest.raises(SettingsError, match=f"exported before with {named}"):
            fit(tiny, tmp_path / "reps", model=model, **change)


def begin(tiny, out, change=lambda manifest: manifest):
    """Leaves what an export of `tiny` leaves when it is cut off before its first shard."""
    manifest = load_bundle(tiny.reps).manifest.model_copy(update={"files": (), "content_digest": ""})  # fmt: skip
    partial = partial_directory(out)
    partial.mkdir()
    partial.with_suffix(".json").write_bytes(
        canonical_json(change(manifest).model_dump(mode="json"))
    )


def test_an_export_of_another_release_is_not_continued(tiny, tmp_path):
    def earlier(manifest):
        tool = manifest.tool.model_copy(update={"version": "0.0.9"})
        return manifest.model_copy(update={"tool": tool})

    begin(tiny, tmp_path / "reps", earlier)
    now = re.escape(version("lassi-producer"))
    with pytest.raises(SettingsError, match=rf"exported before with version 0\.0\.9, now {now}"):
        fit(tiny, tmp_path / "reps")
    whole = fit(tiny, tmp_path / "reps", force=True)
    assert whole.digest == load_bundle(tiny.reps).digest
    assert [path.name for path in tmp_path.iterdir()] == ["reps"]


@pytest.mark.usefixtures("unencoded")
@pytest.mark.parametrize(
    ("named", "change"),
    [
        ("training.learning_rate 0.001, now 0.01", {"learning_rate": 0.01}),
        ("encoder.output_dim 16, now 8", {"dimension": 8}),
        ("method lassi, now naive", {"method": "naive"}),
    ],
)
def test_an_encoder_of_other_settings_is_refused_before_an_image_is_encoded(
    tiny, tmp_path, named, change
):
    training = TrainingSettings(**{**dict(TRAINING), **change})
    with pytest.raises(SettingsError, match=f"trained before with {named}.*`model`.*`force`"):
        fit(tiny, tmp_path / "reps", training=training)


@pytest.mark.usefixtures("unencoded")
def test_a_search_refuses_before_an_image_is_encoded(tiny, tmp_path):
    def search(out, **changes):
        arguments = {"target": "Smiling", "training": TRAINING, "cache": tmp_path / "cache"}
        return producer.search(tiny.spec, tiny.data, out, **{**arguments, **changes})

    for error, named, wrong in [(DataError, "Smirking", {"target": "Smirking"}), *WRONG[:2], WRONG[4]]:  # fmt: skip
        with pytest.raises(error, match=named):
            search(tmp_path / "s", **wrong)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "search.json").write_text("{}")
    with pytest.raises(SettingsError, match=r"search\.json: exists already"):
        search(tmp_path / "done")
    # The last of three weights was trained before, with another one.
    kept = tmp_path / "half" / "lambda_2-0.5"
    kept.mkdir(parents=True)
    path = kept / "encoder.safetensors"
    path.write_bytes((tiny.model / path.name).read_bytes())
    with pytest.raises(
        SettingsError, match=r"trained before with training\.lambda_2 0\.05, now 0\.5"
    ):
        search(tmp_path / "half", tried=SearchSettings(lambda_2=(0.1, 0.2, 0.5)))


def test_paths_and_what_was_loaded_from_them_give_the_same_bundle(tiny, tmp_path):
    spec, source = load_spec(tiny.spec), open_source(tiny.data, 32)
    model = producer.load_encoder(tiny.model)
    first = fit(tiny, tmp_path / "a", spec=str(tiny.spec), model=str(tiny.model))
    second = fit(tiny, tmp_path / "b", source, spec=spec)
    assert first.digest == second.digest == load_bundle(tiny.reps).digest
    views = {"export": EXPORT, "views": [TUBES, FEW], "cache": tiny.cache, "splits": ["test"]}
    first = producer.export(tiny.spec, tiny.model, tiny.data, tmp_path / "c", **views)
    second = producer.export(spec, model, source, tmp_path / "d", **views)
    assert first.digest == second.digest


def test_a_spec_that_is_handed_over_stays_as_it_is(tiny, tmp_path, monkeypatch):
    spec, moved = load_spec(tiny.spec), []
    flow = type(spec.flow)
    monkeypatch.setattr(flow, "to", lambda self, device: moved.append(self) or self)
    fit(tiny, tmp_path / "reps", spec=spec)
    assert moved, "nobody went to the device"
    assert not any(one is spec.flow for one in moved)


@pytest.fixture(scope="module")
def searched(tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("searched")
    return producer.search(
        tiny.spec, tiny.data, out, target="Smiling", training=TRAINING, tried=SearchSettings(lambda_2=(0.1,)),
        bound=producer.BoundSettings(view=("exact",)), cache=tiny.cache,
    )  # fmt: skip


def test_results_are_frozen_and_one_line_to_look_at(tiny, searched):
    for result in (load_bundle(tiny.reps), producer.load_encoder(tiny.model), searched):
        assert "\n" not in repr(result)
        assert len(repr(result)) < 260, repr(result)
        with pytest.raises(AttributeError):
            result.anything = 1


def test_a_search_leaves_what_it_returns(searched):
    found = json.loads((searched.out / "search.json").read_text())
    assert found["chosen"]["sigma_rs"] == searched.chosen.sigma_rs
    assert len(found["scores"]) == len(searched.scores) == 5
    assert producer.load_encoder(searched.encoder).document.training.lambda_2 == 0.1
    assert searched.chosen in searched.scores
    assert set(searched.front) <= set(searched.scores)


def test_verbs_report_their_stages_and_each_ends_at_its_total(tiny, tmp_path, capsys):
    seen, remarks = {}, []

    def report(step):
        if step.total:
            seen.setdefault(step.stage, []).append((step.done, step.total))
        else:
            remarks.append(step.stage)

    places = {"model": tmp_path / "model", "cache": tmp_path / "cache"}
    fit(tiny, tmp_path / "reps", report=report, **places)
    assert list(seen) == [
        "encoding train (batches)", "encoding valid (batches)", "training the encoder (lassi)",
        "encoding test (batches)", "bounding similarity sets",
    ]  # fmt: skip
    for name, counts in seen.items():
        rises = pairwise(counts)
        assert all(one <= other or other[0] == 0 for one, other in rises), f"{name} goes back"
        assert counts[-1][0] == counts[-1][1], name
    # Individuals: 40 in two views, and 96 of validation in the cheaper one.
    assert seen["bounding similarity sets"][-1] == (2 * 40 + 96, 2 * 40 + 96)
    assert len(seen["bounding similarity sets"]) >= 40, (
        "the smoothing view takes long and says nothing"
    )
    assert [text[:8] for text in remarks] == ["epoch 1:", "epoch 2:", "epoch 3:", "spec sha"]
    fit(tiny, tmp_path / "reps", report=report, **places)
    assert "trained before with the same settings" in remarks[-3]
    assert "exported before with the same settings" in remarks[-1]
    captured = capsys.readouterr()
    assert captured.out + captured.err == "", "a library prints"


def test_an_encoder_from_before_settings_had_one_name_is_used_again(copies, tmp_path):
    path = copies.model / "encoder.safetensors"
    tensors, document = load_tensors(path)
    training = document["training"]
    assert training == {**dict(TRAINING), "hidden": [32, 24]}, (
        "stored by other names than were given"
    )
    earlier = {"output_dim": training.pop("dimension"), "batch_size": training.pop("batch"),
               "precision": ["float32", "bfloat16"][training.pop("bf16")]}  # fmt: skip
    del training["method"], document["content_digest"]
    save_tensors(path, tensors, {**document, "training": {**training, **earlier}})
    loaded = producer.load_encoder(copies.model)
    assert loaded.document.training == TRAINING
    bundle = fit(copies, tmp_path / "again")
    assert bundle.manifest.encoder.digest == loaded.digest
    shards = [load_bundle(copies.reps), bundle]
    old, new = (found.gather("test", ["smoothing.radius", "exact.radius"]) for found in shards)
    for name, tensor in old.items():
        assert torch.equal(tensor, new[name])


def test_a_setting_has_one_name_everywhere(tiny, run, capsys):
    """In Python, as a flag, in TOML, in the model and in the bundle."""
    assert {name: view.settings_type for name, view in VIEW_TYPES.items()} == VIEW_SETTINGS
    models = [TrainingSettings, ExportSettings, *VIEW_SETTINGS.values()]
    fields = {name for model in models for name in model.model_fields}
    assert run("producer", "fit", "--show-config") == 0
    shown = tomllib.loads(capsys.readouterr().out)
    assert fields - {"sigma", "n1"} <= set(shown), "those two have no default"
    assert run("producer", "fit", "--help") == 0
    text = capsys.readouterr().out
    assert all(f"--{name.replace('_', '-')}" in text for name in fields)
    document = producer.load_encoder(tiny.model).document
    assert isinstance(document, EncoderDocument)
    assert set(document.training.model_dump()) == set(TrainingSettings.model_fields)
    manifest = load_bundle(tiny.reps).manifest
    scalars = set(TrainingSettings.model_fields) - {"hidden", "method"}
    assert set(manifest.encoder.settings) == scalars
    assert set(manifest.views["exact"].settings) == set(ExactSettings.model_fields)
    common = set(SmoothingSettings.model_fields) - {"statement", "relative_sigma", "alpha"}
    assert common <= set(manifest.views["smoothing"].settings)


@pytest.mark.parametrize("command", ["fit", "search"])
@pytest.mark.parametrize("preset", PRESETS)
def test_settings_that_are_shown_are_settings_that_can_be_given(run, capsys, tmp_path, preset, command):  # fmt: skip
    words = ["--preset", preset, "--hidden", 7, "--sigma", 0.5, "--no-bf16", "--lambda-2", 0.3]
    assert run("producer", command, "--show-config", *words) == 0
    shown = capsys.readouterr().out
    found = tomllib.loads(shown)
    assert (found["hidden"], found["sigma"]) == ([7], 0.5)
    assert found["lambda_2"] == (0.3 if command == "fit" else [0.3])
    assert found["batch"] == PRESETS[preset]["batch"]
    (tmp_path / "all.toml").write_text(shown)
    assert run("producer", command, "--show-config", "--config", tmp_path / "all.toml") == 0
    assert capsys.readouterr().out == shown


def test_people_who_are_exported_alone_are_predicted_next(tiny, run, tmp_path, capsys):
    words = [
        "--spec",
        tiny.spec,
        "--model",
        tiny.model,
        "--data",
        tiny.data,
        "--cache",
        tiny.cache,
        "--view",
        "exact",
    ]
    assert run("producer", "export", *words, "--every", 20, "--out", tmp_path / "new") == 0
    said = capsys.readouterr().out
    assert (
        f"Next: consumer predict --reps {tmp_path / 'new'} --head CERTIFICATE --out predictions.csv"
        in said
    )


def test_of_the_targets_those_are_shared_that_new_people_have():
    job = SimpleNamespace(source=open_source("portraits:train=8,valid=8,test=8", 32))

    def shared(*share, targets=("Smiling", "Loan")):
        plan = SimpleNamespace(job=job, settings=SimpleNamespace(share=share), targets=targets)
        return BundlePlan.labels.fget(plan)

    assert set(shared()) == {"Smiling"}
    assert shared(targets=("Loan",)) == {}
    with pytest.raises(DataError, match="no label column 'Loan'"):
        shared("Loan")
