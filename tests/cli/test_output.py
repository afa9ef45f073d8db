"""What is printed can be searched, copied and pasted; what is not wanted is not printed."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image

from producer.pictures import draw_search
from producer.rehearsal import Score
from regulator.flow.settings import FlowSettings
from regulator.pictures.strips import draw_strips
from regulator.train import train_flow
from shared_spec import display, load_bundle, load_certificate, load_spec
from shared_spec.artifacts.tensors import load_tensors
from shared_spec.console import emit, note, reporting
from shared_spec.display import Pace
from shared_spec.progress import Progress, stage
from shared_spec.strips import Strip

pytestmark = pytest.mark.pipeline


def party(name, *words, **more):
    """Runs a command line in a process of its own."""
    code = f"import sys; sys.argv[1:] = {[str(word) for word in words]!r}; from {name}.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, **more)


@pytest.mark.parametrize("name", ["regulator", "producer", "consumer"])
def test_each_command_line_knows_its_version(name, run, capsys):
    assert run(name, "--version") == 0
    assert re.fullmatch(rf"lassi-{name} \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_a_digest_is_in_one_line_whatever_the_terminal(tiny, run, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    digests = {
        ("regulator", tiny.spec): load_spec(tiny.spec).digest,
        ("consumer", tiny.certificate): load_certificate(tiny.certificate).digest,
    }
    for (name, path), digest in digests.items():
        capsys.readouterr()
        assert run(name, "inspect", path) == 0
        lines = capsys.readouterr().out.splitlines()
        assert any(digest in line for line in lines)
        assert not any(line.endswith(" ") for line in lines)


def test_classes_with_markup_are_shown_as_they_are(run, capsys, tmp_path):
    folder = tmp_path / "m[bold]"
    folder.mkdir()
    lines = ["file_name,split,sex"]
    for n in range(12):
        Image.new("RGB", (4, 4)).save(folder / f"{n}.png")
        lines.append(
            f"{n}.png,{('train', 'valid', 'test')[n % 3]},{('[/male]', '[female]')[n // 3 % 2]}"
        )
    (folder / "metadata.csv").write_text("\n".join(lines))
    assert run("regulator", "check-data", f"folder:{folder}") == 0
    out = capsys.readouterr().out
    assert "[/male] 50.0%, [female] 50.0%" in out
    assert shlex.join(["--data", f"folder:{folder}"]) in out


def next_command(capsys):
    """The words of the command that the last one says comes next."""
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("Next: "))
    return shlex.split(line.removeprefix("Next: "))


def searching(tiny):
    """The words of a search as small as can be, and of the tiny bundle's spec and data."""
    places = [
        "--spec",
        tiny.spec,
        "--data",
        tiny.data,
        "--cache",
        tiny.cache,
        "--target",
        "Smiling",
    ]
    return ["producer", "search", *places, *SMALL, "--every", "40", "--lambda-2", "0.1"]


SMALL = ["--hidden", "24", "--dimension", "16", "--epochs", "1", "--batch", "64"]


def test_the_next_command_can_be_pasted(tiny, run, capsys, tmp_path):
    spec = tmp_path / "a spec; rm -rf $HOME.safetensors"
    words = [
        "--data",
        tiny.data,
        "--flow",
        tiny.flow,
        "--attribute",
        "Pale_Skin",
        "--cache",
        tiny.cache,
    ]
    assert run("regulator", "publish-spec", *words, "--out", spec) == 0
    pasted = next_command(capsys)
    assert pasted[:4] == ["regulator", "preview", "--spec", str(spec)]
    pasted[pasted.index("strip.png")] = tmp_path / "strip.png"
    assert run(*pasted) == 0


def test_the_command_after_a_search_takes_its_encoder(tiny, run, capsys, tmp_path):
    grid = ["--lambda-2", "0", "--noise", "0.5", "--seed", "3"]
    assert run(*searching(tiny), *grid, "--out", tmp_path / "found") == 0
    pasted = next_command(capsys)
    pasted[pasted.index("reps/")] = tmp_path / "reps"
    assert run(*pasted, "--every", "40") == 0
    assert "trained before with the same settings" in capsys.readouterr().err


def test_the_command_after_a_search_bounds_as_it_did(tiny, run, capsys, tmp_path):
    view = [
        "--view",
        "smoothing",
        "--statement",
        "paper",
        "--sigma",
        "2",
        "--n0",
        "2000",
        "--n",
        "2000",
    ]
    assert run(*searching(tiny), *view, "--noise", "1", "--out", tmp_path / "found") == 0
    pasted = next_command(capsys)
    pasted[pasted.index("reps/")] = tmp_path / "reps"
    assert run(*pasted) == 0
    (view,) = load_bundle(tmp_path / "reps").manifest.views.values()
    assert (view.statement, view.settings["sigma"], view.settings["n"]) == ("paper", 2.0, 2000)


def test_the_command_after_a_fit_asks_for_labels_that_are_not_shared(tiny, run, capsys, tmp_path):
    words = ["--spec", tiny.spec, "--data", tiny.data, "--cache", tiny.cache, "--target", "Smiling"]
    small = [*SMALL, "--view", "exact", "--share", "Young"]
    made = ["--model", tmp_path / "model", "--out", tmp_path / "reps"]
    assert run("producer", "fit", *words, *small, *made) == 0
    assert "--target Smiling --labels labels.csv" in capsys.readouterr().out


def test_an_empty_policy_is_none_that_can_be_met(tiny, run, capsys, tmp_path):
    words = ["--reps", tiny.reps, "--target", "Smiling", "--out", tmp_path / "c", "--policy", ""]
    assert run("consumer", "certify", *words) == 2
    assert run("consumer", "certify", *words, "--shard", "1/2") == 2
    assert not (tmp_path / "c").exists()


def test_names_with_dollars_are_names_in_every_picture():
    name = r"$\frac$ a$b$c"
    score = Score(0.1, 0, 1.0, "exact", 0.5, 0.5)
    assert draw_search([score], score, name, name)
    images = np.zeros((3, 3, 8, 8), dtype=np.uint8)
    strip = Strip("x", (name,), np.array([-1.0, 0.0, 1.0]), torch.zeros(3, 4).double(), images, 1)
    assert draw_strips([strip], name, [name])


def test_a_receipt_is_checked_where_one_stands(tiny, run, tmp_path, monkeypatch):
    receipt = tmp_path / "r.json"
    person = next(iter(load_bundle(tiny.reps).sample_ids("test")))
    assert (
        run("consumer", "receipt", tiny.certificate, "--individual", person, "--out", receipt) == 0
    )
    monkeypatch.chdir(tiny.certificate)
    assert run("consumer", "verify-receipt", receipt, "--certificate", ".") == 0


def test_quiet_leaves_the_result_and_errors_alone(tiny, run, capsys, tmp_path):
    words = ["regulator", "check-data", "portraits:train=20,valid=20,test=20"]
    assert run(*words, "--json") == 0
    loud = capsys.readouterr()
    assert "decoding images: 60 done" in loud.err
    assert run(*words, "--json", "--quiet") == 0
    quiet = capsys.readouterr()
    assert quiet.err == ""
    found, again = json.loads(loud.out), json.loads(quiet.out)
    assert found["counts"] == again["counts"]
    assert found["estimated_seconds"]["publish_spec"] > found["estimated_seconds"]["fit"] > 0
    assert run("regulator", "check-data", "portraits:train=0", "-q") != 0
    assert capsys.readouterr().err.startswith("error: ")
    (tmp_path / "metadata.csv").write_text("file_name,hat\n1.png,yes\n")
    assert run("regulator", "check-data", f"folder:{tmp_path}", "-q") == 5
    lines = capsys.readouterr().err.splitlines()
    assert any(line.startswith(f"problem: {tmp_path}/1.png: image missing") for line in lines)
    assert "listed above" in lines[-1]


@pytest.mark.parametrize("words", [["inspect", "{spec}"], ["cache", "--json"], ["--help"]])
def test_a_full_disk_behind_stdout_is_one_line(words, tiny):
    words = [word.format(spec=tiny.spec) for word in words]
    with open("/dev/full", "w") as full:
        done = party("regulator", *words, stdout=full)
    assert done.returncode == 1
    line = "error: nothing more can be written (No space left on device); free some space and run it again"
    assert done.stderr.splitlines() == [line]


def test_the_cache_says_where_it_is_and_is_emptied_of_nothing_else(tiny, run, capsys, tmp_path):
    export = [
        "--spec",
        tiny.spec,
        "--model",
        tiny.model,
        "--data",
        tiny.data,
        "--cache",
        tmp_path,
        "--view",
        "exact",
    ]
    for again in ("kept", "cached"):
        assert run("producer", "export", *export, "--out", tmp_path / again) == 0
        told = rf"encoding test \(batches\): 1 done in \d+ s, {again} in {tmp_path}, 0\.5 MB"
        assert re.search(told, capsys.readouterr().err)
    (tmp_path / "thesis.f32").write_text("years of work")
    for name in ("regulator", "producer"):
        assert run(name, "cache", "--cache", tmp_path, "--json") == 0
        assert json.loads(capsys.readouterr().out) == {
            "cache": str(tmp_path), "files": 2, "bytes": pytest.approx(40 * 3072 * 4, rel=0.01), "cleared": False
        }  # fmt: skip
    assert run("producer", "cache", "--cache", tmp_path, "--clear") == 0
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"kept", "cached", "thesis.f32"}


def test_a_pipe_gets_a_line_now_and_then_with_rate_and_time_left(monkeypatch, capsys):
    monkeypatch.setattr(display, "_EVERY", 0.05)
    with reporting() as report:
        advance = stage(report, "bounding", 1000)
        for done in range(1, 9):
            time.sleep(0.05)
            advance(done, "exact")
    lines = [line for line in capsys.readouterr().err.splitlines() if line]
    assert len(lines) >= 3
    assert re.fullmatch(
        r"bounding: \d of 1000, [\d.]+/s, \d+ min \d+ s left, exact|bounding: \d of .*", lines[-1]
    )
    assert "left" in lines[-1]


def test_the_time_left_falls_between_two_reports():
    pace = Pace(0.0)
    pace.update(Progress("x", 0, 100), 0.0)
    assert pace.words(5.0) == "5 s so far"
    pace.update(Progress("x", 40, 100), 10.0)  # of a run that goes on: no rate yet
    assert pace.words(12.0) == "12 s so far"
    pace.update(Progress("x", 50, 100), 20.0)
    assert pace.words(20.0) == "1/s, 50 s left"
    assert pace.words(30.0) == "1/s, 40 s left"
    assert pace.words(300.0) == "1/s, 0 s left"


def test_ctrl_c_saves_the_flow_and_the_same_command_ends_as_if_nothing_had_been(tmp_path):
    data, settings = (
        "portraits:train=64,valid=32,test=32",
        dict(blocks=1, flows=2, hidden=8, batch=16, bf16=False),
    )
    flow = FlowSettings.preset(**settings, steps=12, evaluate_every=8)

    def interrupt(step):
        if step.stage == "training the flow" and step.done == 5:
            os.kill(os.getpid(), signal.SIGINT)

    # Whoever runs the tests in the background may have it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(
            KeyboardInterrupt, match=r"step 6 of the flow is saved; the same command goes on"
        ):
            train_flow(data, tmp_path / "a", flow=flow, report=interrupt)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not (tmp_path / "a").exists()
    seen = []
    train_flow(data, tmp_path / "a", flow=flow, report=seen.append)
    assert "going on from" in seen[0].stage or "going on from" in seen[1].stage
    assert min(step.done for step in seen if step.done) == 7
    train_flow(data, tmp_path / "b", flow=flow)
    one, other = (load_tensors(tmp_path / name)[0] for name in "ab")
    assert all(one[name].equal(other[name]) for name in one.keys() | other.keys())


@pytest.mark.parametrize("force", [False, True])
def test_ctrl_c_says_what_is_kept(tiny, run, capsys, tmp_path, monkeypatch, force):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("producer.fitted.train_encoder", interrupted)
    words = ["--spec", tiny.spec, "--data", tiny.data, "--target", "Smiling", "--cache", tiny.cache]
    more = ["--force"] if force else []
    assert (
        run("producer", "fit", *words, "--model", tmp_path / "m", "--out", tmp_path / "r", *more)
        == 130
    )
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: interrupted; the images encoded so far are kept")
    assert ("--force makes the rest again" in line) == force
    monkeypatch.setattr("consumer.issue.fit_head", interrupted)
    certify = ["--reps", tiny.reps, "--target", "Smiling", "--out", tmp_path / "c"]
    assert run("consumer", "certify", *certify) == 130
    line = capsys.readouterr().err.splitlines()[-1]
    assert line == "error: interrupted; nothing was kept; the same command begins again"


def test_force_replaces_its_own_and_curves_are_checked_first(copies, run, fails, tmp_path):
    curves = tmp_path / "curves.png"
    assert run("producer", "inspect", copies.model, "--curves", curves) == 0
    fails(2, "exists already", "producer", "inspect", copies.model, "--curves", curves)
    assert run("producer", "inspect", copies.model, "--curves", curves, "--force") == 0
    encoder = copies.model / "encoder.safetensors"
    kept = encoder.read_bytes()
    fails(2, "which is read", "producer", "inspect", copies.model, "--curves", encoder, "--force")
    assert encoder.read_bytes() == kept


@pytest.mark.parametrize("kind", ["link", "fifo", "device", "huge"])
def test_a_settings_file_is_a_small_regular_file(kind, tmp_path, fails):
    path = tmp_path / "settings.toml"
    if kind == "link":
        (tmp_path / "there.toml").write_text("steps = 5\n")
        path.symlink_to(tmp_path / "there.toml")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "huge":
        path.write_text("# " + "x" * 2**21)
    else:
        path = "/dev/zero"
    words = [
        "regulator",
        "train-flow",
        "--data",
        "portraits",
        "--out",
        tmp_path / "flow",
        "--config",
        path,
    ]
    fails(2, "symbolic link|not a regular file|expected at most", *words)


@pytest.mark.parametrize(("rank", "says"), [(None, True), ("0", True), ("1", False)])
def test_of_several_processes_the_first_speaks_for_all(rank, says, monkeypatch, capsys):
    if rank is not None:
        monkeypatch.setenv("RANK", rank)
    emit({"a": 1}, True)
    emit({}, False, "a result")
    note("look at it")
    shown = capsys.readouterr()
    assert ("a result" in shown.out, '"a": 1' in shown.out, "look at it" in shown.err) == (
        says,
    ) * 3
