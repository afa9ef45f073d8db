"""The regulator's verbs in Python: what they take, what they return, and what they refuse before any work is done."""

import tomllib

import pytest

import regulator
from regulator import FlowSettings, VectorSettings
from regulator.flow.settings import FLOW_PRESETS, FlowTrainingSettings
from regulator.vectors.settings import VectorMethod
from shared_spec import load_spec
from shared_spec.data import open_source
from shared_spec.data.portraits import Portraits
from shared_spec.errors import ArtifactError, DataError, SettingsError
from shared_spec.flow import GlowConfig
from shared_spec.settings import resolve

pytestmark = pytest.mark.pipeline

FLOW = FlowSettings.preset("demo", steps=4, batch=8, blocks=1, flows=1, hidden=4)


class Unseen(Portraits):
    """Portraits whose labels may be read and whose images may not."""

    def images(self, split, rows):
        raise AssertionError("an image was read")


def publish(out, attributes=("Pale_Skin",), study=(), flow=FLOW, device="cpu", **vectors):
    data = Unseen("portraits:train=60,valid=30,test=30", 32)
    settings = resolve(VectorSettings, vectors)
    return regulator.publish_spec(
        data, attributes, out, flow=flow, vectors=settings, study=study, device=device
    )


@pytest.mark.parametrize(
    ("error", "named", "wrong"),
    [
        (DataError, "Moustache", {"attributes": ["Moustache"]}),
        (DataError, "NAME:BEGIN:END", {"attributes": ["Pale_Skin:yes"]}),
        (DataError, "NAME:BEGIN:END|BEGIN:END", {"attributes": ["Pale_Skin:yes:maybe"]}),
        (SettingsError, "once", {"attributes": ["Young", "Young"]}),
        (SettingsError, "`attribute`", {"attributes": []}),
        (SettingsError, "`attribute`", {"method": "discover", "target": "Smiling"}),
        (SettingsError, "`target`", {"method": "ramaswamy"}),
        (DataError, "Smirking", {"method": "ramaswamy", "target": "Smirking"}),
        (DataError, "Smirking", {"study": ["Smirking"]}),
        (DataError, "Smirking", {"adjust_for": ["Smirking"]}),
        (SettingsError, "the attribute itself", {"adjust_for": ["Pale_Skin"]}),
        (SettingsError, "`adjust_for`", {"method": "linear-boundary", "adjust_for": ["Young"]}),
        (SettingsError, "`device`", {"device": "tpu"}),
        (SettingsError, "`device`", {"device": "cuda:99"}),
    ],
)
@pytest.mark.parametrize("trained", [False, True])
def test_what_is_wrong_is_refused_before_a_flow_is_trained_or_an_image_is_read(
    tiny, tmp_path, error, named, wrong, trained
):
    out = tmp_path / "spec.safetensors"
    with pytest.raises(error, match=named):
        publish(out, **{**wrong, **({"flow": tiny.flow} if trained else {})})
    assert list(tmp_path.iterdir()) == [], "something was left"


def test_a_group_without_anybody_is_found_before_a_flow_is_trained(tmp_path):
    class Everybody(Unseen):
        def labels(self, split, name):
            return super().labels(split, name) * 0

    data = Everybody("portraits:train=60,valid=30,test=30", 32)
    with pytest.raises(DataError, match="no individual of train has Pale_Skin = yes"):
        regulator.publish_spec(data, ["Pale_Skin"], tmp_path / "spec.safetensors", flow=FLOW)


def test_an_existing_out_is_refused_first_by_every_verb(tiny, tmp_path):
    out = tmp_path / "out"
    out.write_text("mine")
    data = Unseen("portraits:train=60,valid=30,test=30", 32)
    for verb in (
        lambda: regulator.train_flow(data, out, flow=FLOW),
        lambda: publish(out),
        lambda: regulator.preview(data, out, spec=tiny.spec),
        lambda: regulator.coverage(tiny.spec, data, out),
    ):
        with pytest.raises(SettingsError, match="exists already"):
            verb()
    assert out.read_text() == "mine"


def test_paths_and_what_was_loaded_from_them_give_the_same_results(tiny, tmp_path):
    source, file, spec = (
        open_source(tiny.data, 32),
        regulator.load_flow(tiny.flow),
        load_spec(tiny.spec),
    )
    again = regulator.publish_spec(
        source, ["Pale_Skin"], tmp_path / "spec.safetensors", flow=file, cache=tiny.cache
    )
    assert again.digest == spec.digest, "the verb and the command differ"
    for name, data, told in (("a", tiny.data, tiny.spec), ("b", source, spec)):
        regulator.preview(data, tmp_path / f"{name}.png", spec=told)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_results_are_frozen_and_one_line_to_look_at(tiny, tmp_path):
    results = [
        regulator.load_flow(tiny.flow),
        load_spec(tiny.spec),
        regulator.preview(tiny.data, tmp_path / "flow.png", flow=tiny.flow),
        regulator.coverage(tiny.spec, tiny.data, tmp_path / "coverage.png"),
        regulator.check_data(tiny.data),
    ]
    for result in results:
        assert "\n" not in repr(result)
        assert len(repr(result)) < 160, repr(result)
        with pytest.raises(AttributeError):
            result.anything = 1


def test_verbs_report_their_stages_and_each_ends_at_its_total(tmp_path):
    seen = {}
    remarks = []

    def report(step):
        if step.total:
            seen.setdefault(step.stage, []).append((step.done, step.total))
        else:
            remarks.append(step.stage)

    data, out = "portraits:train=60,valid=30,test=30", tmp_path / "spec.safetensors"
    settings = {"flow": FLOW, "study": ["Smiling"], "cache": tmp_path, "report": report}
    regulator.publish_spec(data, ["Young"], out, **settings)
    assert list(seen) == [
        "training the flow", "encoding train (batches)", "encoding valid (batches)",
        "finding vectors (mean-difference)", "training a reader of images", "studying the vectors",
        "comparing with the truth",
    ]  # fmt: skip
    for name, counts in seen.items():
        assert [done for done, _ in counts] == list(range(counts[0][1] + 1)), name
    assert any("held out" in text for text in remarks)
    regulator.publish_spec(data, ["Young"], out, force=True, **settings)
    assert any("trained before" in text for text in remarks), "the flow was trained again"


@pytest.mark.parametrize(
    "change", [{"data": "portraits:train=61,valid=30,test=30"}, {"seed": 1}, {"steps": 5}]
)
def test_a_flow_that_was_kept_is_not_used_for_anything_else(tmp_path, change):
    def words(data="portraits:train=60,valid=30,test=30", seed=0, steps=4):
        flow = FlowSettings.preset("demo", steps=steps, batch=8, blocks=1, flows=1, hidden=4)
        return [data, ["Young"], tmp_path / "spec.safetensors"], {"flow": flow, "seed": seed}

    arguments, settings = words()
    regulator.publish_spec(*arguments, **settings, cache=tmp_path)
    arguments, settings = words(**change)
    with pytest.raises(ArtifactError, match="trained with other settings or data"):
        regulator.publish_spec(*arguments, **settings, cache=tmp_path, force=True)


FIELDS = {**GlowConfig.model_fields, **FlowTrainingSettings.model_fields}


@pytest.mark.parametrize("name", FIELDS)
def test_a_flow_that_is_given_is_not_changed_by_any_option(tiny, fails, tmp_path, name):
    preset = FlowSettings.preset("paper-128")
    values = {**dict(preset.architecture), **dict(preset.training)}
    flag = f"--{name.replace('_', '-')}"
    words = [flag] if isinstance(values[name], bool) else [flag, values[name]]
    command = ["regulator", "publish-spec", "--data", tiny.data, "--flow", tiny.flow, "--attribute", "Young",
               "--out", tmp_path / "spec.safetensors"]  # fmt: skip
    fails(2, f"--flow fixes the flow; leave out {flag}$", *command, *words)
    settings = tmp_path / "flow.toml"
    value = values[name]
    settings.write_text(
        f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}"
    )
    fails(2, f"--flow fixes the flow; leave out {flag}$", *command, "--config", settings)


@pytest.mark.parametrize("preset", FLOW_PRESETS)
def test_settings_that_are_shown_are_settings_that_can_be_given(run, capsys, tmp_path, preset):
    words = ["--preset", preset, "--warmup", 7, "--decay", "cosine", "--flips", "--no-bf16"]
    assert run("regulator", "train-flow", "--show-config", *words) == 0
    shown = capsys.readouterr().out
    wanted = FlowSettings.preset(preset, warmup=7, decay="cosine", flips=True, bf16=False)
    found = tomllib.loads(shown)
    for name, value in {**dict(wanted.architecture), **dict(wanted.training)}.items():
        assert found.get(name) == value
    (tmp_path / "flow.toml").write_text(shown)
    assert run("regulator", "train-flow", "--show-config", "--config", tmp_path / "flow.toml") == 0
    assert capsys.readouterr().out == shown


def test_every_option_explains_itself(run, capsys):
    for command in ("train-flow", "publish-spec", "preview", "coverage", "check-data"):
        assert run("regulator", command, "--help") == 0
        text = capsys.readouterr().out
        assert "Undefined" not in text
        lines = [line for line in text.splitlines() if line.strip().startswith("-")]
        assert len(lines) > 5
        for line, after in zip(text.splitlines(), text.splitlines()[1:], strict=False):
            if line.strip().startswith("--"):
                explained = len(line.strip().split("  ")) > 1 or after.startswith(" " * 10)
                assert explained, f"{command}: {line}"


def test_help_of_publish_spec_says_what_each_method_does(run, capsys):
    run("regulator", "publish-spec", "--help")
    text = " ".join(capsys.readouterr().out.split())
    for method in VectorMethod:
        assert f"{method}: {method.description}" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--directions", 7, "--iterations", 3], "--directions --iterations: without use"),
        (["--target", "Smiling"], "--target: without use"),
        (["--images-per-chain", 8], "--images-per-chain: without use"),
        (["--similar", "counterparts", "--epsilon", 3], "--epsilon: without use"),
        (["--similar", "counterparts", "--study", "Smiling"], "--study is of vectors and edits"),
    ],
)
def test_what_would_have_no_effect_is_refused(tiny, tmp_path, fails, words, said):
    out = tmp_path / "spec.safetensors"
    given = ["--data", tiny.data, "--flow", tiny.flow, "--attribute", "Pale_Skin", "--out", out]
    fails(2, said, "regulator", "publish-spec", *given, *words, nothing_at=out)


def test_a_study_of_one_test_individual_is_refused_before_a_flow_is_trained(tmp_path):
    data = Unseen("portraits:train=60,valid=30,test=1", 32)
    with pytest.raises(DataError, match="two individuals of test"):
        regulator.publish_spec(
            data, ["Pale_Skin"], tmp_path / "spec.safetensors", flow=FLOW, study=["Smiling"]
        )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--stepss", "3"], "No such option"),
        (["--steps", "many"], "many"),
        (["--config", "nowhere.toml"], "nowhere.toml"),
        (["--config", "twice.toml"], "one setting"),
    ],
)
def test_showing_settings_does_nothing_and_hides_nothing(
    tmp_path, monkeypatch, run, capsys, words, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "twice.toml").write_text("learning-rate = 5.0\nlearning_rate = 0.001\n")
    given = ["--data", "portraits:train=40,valid=10,test=10", "--out", "x.safetensors", *words]
    assert run("regulator", "train-flow", *given, "--show-config") == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["twice.toml"]
