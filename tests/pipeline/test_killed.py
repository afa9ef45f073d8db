"""Killed at any moment: no reps/ that loads, and the run that goes on ends with the same bytes."""

import shutil
import signal

import numpy as np
import pytest
from forked import killed_after, start
from stored import contents

from producer import shards
from shared_spec import load_bundle
from shared_spec.artifacts.atomic import begun_file, building, partial_directory
from shared_spec.errors import ArtifactError

pytestmark = pytest.mark.pipeline


def killed(words, name, calls=1, seconds=1e-6):
    """Runs a command that is killed after so many calls of `module.name`; whether it was killed before its end."""
    process = start(killed_after, *name.rsplit(".", 1), calls, seconds, *words)
    process.join(600)
    assert process.exitcode in (0, -signal.SIGALRM)
    return process.exitcode != 0


def export(copies, out):
    return ["producer", "export", "--spec", copies.spec, "--model", copies.model, "--data", copies.data, "--split",
            "test", "--split", "valid", "--out", out, "--shard-rows", "4", "--n0", "2000", "--n", "2000",
            "--cache", copies.cache]  # fmt: skip


def test_an_export_killed_ten_times_ends_with_the_undisturbed_bytes(copies, run):
    undisturbed, out = copies.out / "a", copies.out / "b"
    assert run(*export(copies, undisturbed)) == 0
    partial = partial_directory(out)
    shards = sorted(path.name for path in undisturbed.glob("*.safetensors"))
    generator = np.random.Generator(np.random.Philox(5))
    unfinished = 0
    for number in np.linspace(0, len(shards) - 2, 10).astype(int):
        # At a random moment after so many shards: in the middle of a write as likely as between two.
        missing = max(number + 1 - len(list(partial.glob("*.safetensors"))), 1)
        killed(
            export(copies, out),
            "producer.shards.save_shard",
            missing,
            generator.uniform(1e-6, 0.02),
        )
        if out.exists():
            # The kill came after the last rename: then the directory is whole. It makes way for the next attempt.
            assert contents(out) == contents(undisturbed), "a killed export left half a directory"
            shutil.rmtree(out)
            continue
        unfinished += 1
        with pytest.raises(ArtifactError):
            load_bundle(out)
    assert unfinished >= 5, "most kills came too late to show anything"
    assert run(*export(copies, out)) == 0
    assert contents(out) == contents(undisturbed)
    assert not partial.exists()


def test_a_resumed_export_keeps_finished_shards_and_refuses_other_settings(copies, run, capsys):
    out = copies.out / "b"
    assert run(*export(copies, copies.out / "a")) == 0
    shard = partial_directory(out) / "test-00002.safetensors"
    assert killed(export(copies, out), "producer.shards.save_shard", calls=3)
    written = shard.stat().st_mtime_ns
    assert run(*export(copies, out), "--alpha", "0.02") == 2
    assert "exported before with views" in capsys.readouterr().err
    assert shard.stat().st_mtime_ns == written
    assert run(*export(copies, out)) == 0
    assert (out / shard.name).stat().st_mtime_ns == written
    assert contents(out) == contents(copies.out / "a")


def test_a_killed_fit_leaves_no_bundle(copies, run, fit_words):
    copies.model, copies.reps = copies.out / "model", copies.out / "reps"
    assert killed(fit_words(copies), "producer.fitted.save_encoder")
    assert (copies.model / "encoder.safetensors").exists()
    with pytest.raises(ArtifactError):
        load_bundle(copies.reps)
    assert run(*fit_words(copies)) == 0
    load_bundle(copies.reps)


@pytest.mark.parametrize("moment", ["seal_bundle", "publish_directory"])
@pytest.mark.parametrize("force", [[], ["--force"]])
def test_an_export_killed_after_its_last_shard_computes_nothing_again(
    copies, run, capsys, monkeypatch, moment, force
):
    out = copies.out / "a"

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shards, moment, interrupted)
        assert run(*export(copies, out), *force) == 130
    assert not out.exists()
    assert begun_file(out).exists(), "nobody knows what it was"
    assert run(*export(copies, out), "--alpha", "0.02") == 2
    assert "exported before with views.smoothing.alpha" in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setattr(shards, "save_shard", interrupted)
        assert run(*export(copies, out), *force) == 0
    assert len(load_bundle(out).sample_ids("test")) == 40
    assert [path.name for path in out.parent.iterdir() if path.name.startswith(".")] == []


def test_an_export_killed_when_it_has_its_name_leaves_nothing_for_the_next(copies, run):
    plan = begun_file(copies.out / "a")
    assert run(*export(copies, copies.out / "a")) == 0
    plan.write_text("{}")
    assert run(*export(copies, copies.out / "a")) == 0
    assert not plan.exists()


def test_shards_of_somebody_else_are_never_taken_for_one_s_own(copies, run):
    """A killed export, a killed merge to the same place, and the export again: what the merge left has other radii."""
    out, part = copies.out / "a", copies.out / "part"
    other = [*export(copies, part), "--shard", "1/1", "--seed", "2"]
    assert run(*other) == 0
    assert killed(export(copies, out), "producer.shards.save_shard", calls=1)
    assert killed(["producer", "merge", part, "--out", out], "producer.merging.seal_bundle")
    assert len(list(partial_directory(out).glob("*.safetensors"))) > 1, "the merge had copied none"
    assert run(*export(copies, out)) == 0
    assert run(*export(copies, copies.out / "b")) == 0
    assert contents(out) == contents(copies.out / "b")


def test_two_exports_to_one_place_do_not_mix(copies, run, capsys):
    out = copies.out / "a"
    assert killed(export(copies, out), "producer.shards.save_shard", calls=2)
    before = contents(partial_directory(out))
    with building(out, keep=True):
        for more in ([], ["--force", "--seed", "2"]):
            assert run(*export(copies, out), *more) == 2
            assert "another command is writing it" in capsys.readouterr().err
        assert contents(partial_directory(out)) == before
    assert run(*export(copies, out)) == 0


def test_an_export_that_was_cut_off_gives_way_to_force(copies, run, capsys):
    out = copies.out / "a"
    partial, plan = partial_directory(out), begun_file(out)
    for content in ("{}", "no JSON"):
        partial.mkdir(parents=True)
        (partial / "test-00000.safetensors").write_text("of other settings")
        plan.write_text(content)
        assert run(*export(copies, out)) == 2
        assert "something else was begun there" in capsys.readouterr().err
        assert run(*export(copies, out), "--force") == 0
        load_bundle(out)
        assert not plan.exists()
        shutil.rmtree(out)
