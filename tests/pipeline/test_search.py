"""The search over lambda_2 and noise: what it leaves behind, that fit can go on from it, and the test split unseen."""

import json

import pytest
import torch
from PIL import Image

from producer import job, searching
from shared_spec import load_bundle
from shared_spec.data.portraits import Portraits

pytestmark = pytest.mark.pipeline
GRID = ["--lambda-2", "0", "--lambda-2", "0.2", "--noise", "1", "--noise", "5"]
SMALL = ["--hidden", 16, "--dimension", 8, "--epochs", 2, "--batch", 64]
FEW = ["--n0", 2000, "--n", 2000]


@pytest.fixture(scope="module")
def searched(tiny, run, tmp_path_factory):
    """The folder of a search, run where looking at the test split fails."""
    out = tmp_path_factory.mktemp("search") / "search"
    encoded = []
    encode_split = job.encode_split
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            job,
            "encode_split",
            lambda flow, source, split, **more: (
                encoded.append(split) or encode_split(flow, source, split, **more)
            ),
        )
        patch.setattr(Portraits, "labels", _refuse_test(Portraits.labels))
        score_heads, decided = searching.score_heads, []

        def scored(heads, points, bounds, *more):
            at_centre = torch.equal(points, bounds.centre)
            # The smoothed encoder answers with its centres, R with R(z), whatever bounds them.
            decided.append(at_centre if bounds.representation is None else not at_centre)
            return score_heads(heads, points, bounds, *more)

        patch.setattr(searching, "score_heads", scored)
        done = run("producer", "search", "--spec", tiny.spec, "--data", tiny.data, "--target", "Smiling",
                   "--out", out, "--cache", tiny.cache, *GRID, *SMALL, *FEW)  # fmt: skip
    assert done == 0
    assert set(encoded) == {"train", "valid"}
    assert decided == [True] * 4, "decided elsewhere than the certified model decides"
    return out


def _refuse_test(original):
    def labels(self, split, name):
        assert split != "test", "the search looked at test labels"
        return original(self, split, name)

    return labels


def test_every_cell_of_the_grid_is_scored_in_both_views(searched):
    found = json.loads((searched / "search.json").read_text())
    cells = {(s["lambda_2"], s["sigma_rs"], s["view"]) for s in found["scores"]}
    assert cells == {
        (w, n, v) for w in (0.0, 0.2) for n in (1.0, 5.0) for v in ("smoothing", "exact")
    }
    assert found["split"] == "valid"
    assert found["chosen"] in found["scores"]
    with Image.open(searched / "pareto.png") as picture:
        assert picture.format == "PNG"


def test_fit_goes_on_with_an_encoder_of_the_search(searched, tiny, run, tmp_path, capsys):
    out = tmp_path / "reps"
    kept = searched / "lambda_2-0.2"
    before = (kept / "encoder.safetensors").read_bytes()
    done = run("producer", "fit", "--spec", tiny.spec, "--data", tiny.data, "--target", "Smiling", "--model", kept,
               "--lambda-2", 0.2, "--out", out, "--cache", tiny.cache, *SMALL, "--view", "exact")  # fmt: skip
    assert done == 0
    assert "trained before with the same settings" in capsys.readouterr().err
    assert (kept / "encoder.safetensors").read_bytes() == before
    assert load_bundle(out).manifest.encoder.method == "lassi"


def test_a_finished_search_is_not_overwritten(searched, tiny, run, capsys):
    done = run("producer", "search", "--spec", tiny.spec, "--data", tiny.data, "--target", "Smiling", "--out", searched,
               "--cache", tiny.cache, *GRID, *SMALL)  # fmt: skip
    assert done == 2
    assert "exists already" in capsys.readouterr().err


def test_inspect_draws_the_training_curves(searched, run, tmp_path, capsys):
    out = tmp_path / "curves.png"
    assert run("producer", "inspect", searched / "lambda_2-0.2", "--curves", out) == 0
    with Image.open(out) as picture:
        assert picture.size[0] > picture.size[1]
    assert run("producer", "inspect", searched / "lambda_2-0.2", "--curves", out) == 2
    assert "exists already" in capsys.readouterr().err


def test_a_bundle_has_no_curves(tiny, run, tmp_path):
    assert run("producer", "inspect", tiny.reps, "--curves", tmp_path / "curves.png") == 2
