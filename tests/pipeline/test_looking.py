"""What a regulator sees before publishing: pictures of flow and coverage, and the study inside the spec."""

import io
import json

import numpy as np
import pytest
from PIL import Image

import regulator
from shared_spec import load_spec
from shared_spec.errors import DataError

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def studied(tiny, run, tmp_path_factory):
    """A spec of two attributes with a study of both and of a task."""
    path = tmp_path_factory.mktemp("studied") / "spec.safetensors"
    words = [
        "--attribute",
        "Pale_Skin",
        "--attribute",
        "Young",
        "--study",
        "Smiling",
        "--boundary-epochs",
        1,
    ]
    done = run("regulator", "publish-spec", "--data", tiny.data, "--flow", tiny.flow, *words,
               "--out", path, "--cache", tiny.cache)  # fmt: skip
    assert done == 0
    return path


def test_a_studied_spec_holds_every_vector_on_every_column_and_what_it_covers(studied):
    quality = load_spec(studied).document.quality
    pairs = {(effect.vector, effect.column) for effect in quality.effects.effects}
    columns = {reader.column for reader in quality.effects.readers}
    assert columns == {"Pale_Skin", "Young", "Smiling"}
    assert pairs == {(a, b) for a in ("Pale_Skin", "Young") for b in columns}
    assert [entry.attribute for entry in quality.coverage] == ["Pale_Skin", "Young"]


def test_inspect_prints_the_study(studied, run, capsys):
    assert run("regulator", "inspect", studied) == 0
    text = capsys.readouterr().out
    quality = load_spec(studied).document.quality
    for effect in quality.effects.effects:
        assert any(
            words[:3] == [effect.vector, effect.column, f"{effect.logit:+.2f}"]
            for words in map(str.split, text.splitlines())
        ), effect
    assert f"{quality.coverage[0].relative_mean:.3f}" in text


def test_inspect_without_a_study_prints_no_empty_tables(tiny, run, capsys):
    assert run("regulator", "inspect", tiny.spec) == 0
    assert "truly similar" not in capsys.readouterr().out


def test_preview_of_a_flow_is_a_picture_and_the_same_one_each_time(tiny, run, tmp_path):
    first, again = tmp_path / "first.png", tmp_path / "again.png"
    for out in (first, again):
        assert (
            run("regulator", "preview", "--flow", tiny.flow, "--data", tiny.data, "--out", out) == 0
        )
    assert first.read_bytes() == again.read_bytes()
    page = np.asarray(Image.open(io.BytesIO(first.read_bytes())).convert("RGB"))
    assert page.std() > 20, "the picture is all but empty"


@pytest.mark.parametrize("both", [True, False])
def test_preview_wants_a_spec_or_a_flow(tiny, run, tmp_path, capsys, both):
    words = ["--spec", tiny.spec, "--flow", tiny.flow] if both else []
    out = tmp_path / "strip.png"
    assert run("regulator", "preview", *words, "--data", tiny.data, "--out", out) == 2
    assert "either --spec or --flow" in capsys.readouterr().err
    assert not out.exists()


def test_coverage_prints_a_table_and_draws_the_truth(studied, tiny, run, tmp_path, capsys):
    out = tmp_path / "coverage.png"
    words = ["--individuals", 3, "--examples", 1, "--json"]
    assert (
        run("regulator", "coverage", "--spec", studied, "--data", tiny.data, "--out", out, *words)
        == 0
    )
    found = json.loads(capsys.readouterr().out)["coverage"]
    assert [row["attribute"] for row in found] == ["Pale_Skin", "Young"]
    assert all(0.0 <= row["relative_mean"] <= 1.0 for row in found)
    with Image.open(out) as picture:
        assert picture.format == "PNG"


def test_coverage_of_what_the_data_do_not_name_says_so(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("regulator.look.known_names", lambda source, names: [])
    with pytest.raises(DataError, match="has no column of Pale_Skin, so it knows nobody"):
        regulator.coverage(tiny.spec, tiny.data, tmp_path / "c.png")
