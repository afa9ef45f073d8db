"""Whoever is given spec, model and data sees what a bundle alone cannot show; honest bundles pass."""

from __future__ import annotations

import csv
import io
import json
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import forge
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import consumer
import producer
import regulator
from producer import AuditSettings
from producer.auditing import numbers
from producer.auditing.evidence import Ledger, choose_rows
from shared_spec import load_audit, load_bundle, load_certificate, load_spec
from shared_spec.artifacts.audit_documents import LISTED, AuditCheck
from shared_spec.errors import ArtifactError
from shared_spec.smoothing.plan import make_plan
from shared_spec.view_checks import _from_polyline
from shared_spec.view_plans import smoothing_settings

pytestmark = pytest.mark.pipeline

SEED = "5e" * 32
ALL = AuditSettings(sample=1000)
OTHER = "sha256-content-v1:" + "0" * 64


def audit(paths, settings=ALL, **changes):
    given = {"reps": paths.reps, "spec": paths.spec, "model": paths.model, "data": paths.data,
             "out": paths.out / "audit", "auditor_seed": SEED, "settings": settings}  # fmt: skip
    return producer.audit(**{**given, **changes})


def checks_of(found):
    return {entry.check for entry in found.document.checks if entry.findings}


# Honest producers

SMALL = {"hidden": (24, 16), "dimension": 8, "epochs": 1, "batch": 64}
HONEST = {
    "naive": {"method": "naive", **SMALL},
    "project": {"method": "project", **SMALL},
    "linear": {"method": "project", "encoder": "linear", "dimension": 8},
}


@pytest.mark.parametrize("method", HONEST)
@pytest.mark.parametrize("attributes", [("Pale_Skin",), ("Pale_Skin", "Young")], ids=["1", "2"])
def test_an_honest_bundle_passes(tiny, tmp_path, method, attributes):
    spec = regulator.publish_spec(
        tiny.data, attributes, tmp_path / "spec.safetensors", flow=tiny.flow, cache=tiny.cache
    )
    bundle = producer.fit(
        spec, tiny.data, tmp_path / "reps", model=tmp_path / "model",
        targets=["Smiling"] * (method != "linear"),
        training=producer.TrainingSettings(**HONEST[method]),
        export=producer.ExportSettings(share=("Smiling",), every=2, shard_rows=25), cache=tiny.cache,
        views=[producer.ExactSettings(tube_vertices=4), producer.SmoothingSettings(n0=1000, n1=1000, n=1000)],
        seed=SEED,
    )  # fmt: skip
    found = producer.audit(
        bundle, spec, tmp_path / "model", tiny.data, tmp_path / "audit", settings=AuditSettings(sample=30)
    )  # fmt: skip
    assert found.document.passed, found.document.findings
    assert {entry.check for entry in found.document.checks} == set(AuditCheck)
    assert all(entry.compared for entry in found.document.checks if entry.split != "train")


def test_chains_of_edits_are_audited_as_well(tiny, tmp_path):
    spec = regulator.publish_spec(
        tiny.data, ("Pale_Skin",), tmp_path / "spec.safetensors", flow=tiny.flow,
        vectors=regulator.VectorSettings(similar="edits"),
    )  # fmt: skip
    reps, model = tmp_path / "reps", tmp_path / "model"
    producer.fit(
        spec, tiny.data, reps, model=model, targets=["Smiling"],
        training=producer.TrainingSettings(**HONEST["naive"]), cache=tiny.cache,
        export=producer.ExportSettings(view=("exact",), counterparts=("Pale_Skin",)),
        views=[producer.ExactSettings(tube_vertices=9)],
    )  # fmt: skip
    found = producer.audit(reps, spec, model, tiny.data, tmp_path / "a", settings=ALL).document
    assert found.passed, found.findings
    assert "counterparts in Pale_Skin" in found.not_checked[0].what
    forge.restate(reps, lambda document: document["spec"].update(similar="vectors"))

    def change(tensors, document):
        """Small enough for the bundle itself not to tell, which knows of R(z) alone."""
        away = (tensors["exact.centre"] - tensors["representation"]).double().norm(dim=1)
        tensors["exact.radius"] = torch.maximum(0.5 * tensors["exact.radius"], away * (1 + 1e-6))
        tensors["exact.lower_bound"].zero_()
        del tensors["exact.tube"], tensors["exact.delta"], tensors["exact.place"]

    for path in [*reps.glob("test-*"), *reps.glob("valid-*")]:
        forge.edit_shard(reps, change, path.name)
    audited = producer.audit(reps, spec, model, tiny.data, tmp_path / "b", settings=ALL)
    assert checks_of(audited) == {"spec", "bounds", "attack"}


def test_a_tube_that_holds_as_a_set_and_is_late_is_found_by_the_attack(tiny, tmp_path):
    """On a line every tube through the two ends holds as a set; a part of it is about a part of the people."""
    reps, model = tmp_path / "reps", tmp_path / "model"
    producer.fit(
        tiny.spec, tiny.data, reps, model=model, targets=["Smiling"],
        training=producer.TrainingSettings(method="naive", **{**SMALL, "dimension": 1}),
        export=producer.ExportSettings(view=("exact",)), cache=tiny.cache,
        views=[producer.ExactSettings(tube_vertices=4)],
    )  # fmt: skip

    def change(tensors, document):
        tensors["exact.delta"] *= 0.5

    forge.edit_shard(reps, change)
    found = producer.audit(reps, tiny.spec, model, tiny.data, tmp_path / "a", settings=ALL).document
    attacked = [each.what for each in found.findings if each.check is AuditCheck.ATTACK]
    assert "exact.delta at its place" in attacked


def test_the_bundle_of_lassi_passes_whole_and_is_the_same_audit_twice(tiny, tmp_path, run, capsys):
    words = ["producer", "audit", tiny.reps, "--spec", tiny.spec, "--model", tiny.model]
    words += ["--data", tiny.data, "--auditor-seed", SEED, "--out"]
    assert run(*words, tmp_path / "a", "--sample", "1000") == 0
    assert "test: all 40 checked, 0 failed" in capsys.readouterr().out
    assert run(*words, tmp_path / "b", "--sample", "1000", "--json") == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []
    first, second = (load_audit(tmp_path / name) for name in "ab")
    assert first.digest == second.digest
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["audit.json"]
    document = first.document
    assert document.bundle_digest == load_bundle(tiny.reps).digest
    assert document.spec_digest == load_spec(tiny.spec).digest
    assert document.encoder_digest == producer.load_encoder(tiny.model).digest
    assert {scope.split: (scope.checked, scope.bad_at_most) for scope in document.scopes} == {
        "train": (480, 0), "valid": (96, 0), "test": (40, 0)
    }  # fmt: skip
    for party in ("producer", "consumer"):
        assert run(party, "inspect", tmp_path / "a") == 0
        assert first.digest[-20:] in capsys.readouterr().out


def test_a_sample_leaves_a_bound_and_says_whom_it_left(copies):
    found = audit(copies, AuditSettings(sample=10))
    (scope,) = [scope for scope in found.document.scopes if scope.split == "test"]
    # P(none of 10 of 40 is bad) is .052 with 9 bad ones, .035 with 10.
    assert (scope.individuals, scope.checked, scope.failed, scope.bad_at_most) == (40, 10, 0, 9)
    assert "numbers of 30 of 40 test individuals" in [
        left.what for left in found.document.not_checked
    ]
    assert "\n" not in repr(found)


def test_the_auditors_seed_decides_whom_to_look_at_and_is_the_systems_unless_given(copies):
    rows = [tuple(choose_rows(seed, "test", 400, 20)) for seed in (SEED, SEED, "a" * 64)]
    assert rows[0] == rows[1]
    assert rows[0] != rows[2]
    assert len(set(rows[0])) == 20
    assert tuple(choose_rows(SEED, "valid", 400, 20)) != rows[0]
    few = AuditSettings(sample=1)
    seeds = {
        audit(copies, few, auditor_seed=None, force=True).document.auditor_seed for _ in range(2)
    }
    assert len(seeds) == 2
    assert all(len(seed) == 64 for seed in seeds)


def test_everybody_is_as_likely_to_be_looked_at():
    drawn = [row for seed in range(300) for row in choose_rows(seed, "test", 10, 3)]
    counts = [drawn.count(row) for row in range(10)]
    # 90 expected each, standard deviation 7.9: a fair draw leaves this range once in 10^6 tries.
    assert min(counts) > 45
    assert max(counts) < 135


# Producers who are not


def rows_of(reps, change):
    """Rewrites individuals.csv."""

    def rewrite(content):
        rows = list(csv.reader(io.StringIO(content.decode())))
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(change(rows) or rows)
        return text.getvalue().encode()

    forge.edit_bytes(reps, "individuals.csv", rewrite)


def shrink_all(reps):
    """The demo's Naive producer: everybody's exact radius times 0.001, and nothing that contradicts it."""

    def change(tensors, document):
        tensors["exact.centre"] = tensors["representation"].clone()
        tensors["exact.radius"] *= 1e-3
        tensors["exact.lower_bound"] *= 1e-3
        del tensors["exact.tube"], tensors["exact.delta"], tensors["exact.place"]

    for path in sorted(reps.glob("test-*")) + sorted(reps.glob("valid-*")):
        forge.edit_shard(reps, change, path.name)
    forge.restate(reps, lambda d: d["views"]["exact"]["settings"].update(tube_vertices=0))


def shrink_smoothing(reps):
    def change(tensors, document):
        for name in ("radius", "quantile", "ball_radius"):
            tensors[f"smoothing.{name}"] *= 1e-3

    forge.edit_shard(reps, change)


def shrink_one(reps):
    """Below it the bundle contradicts itself."""

    def change(tensors, document):
        radius, attained = tensors["exact.radius"], tensors["exact.lower_bound"]
        row = (radius / attained.clamp_min(1e-9)).argmax()
        assert attained[row] < 0.999 * radius[row], "all are as low as they can be"
        radius[row] = attained[row]

    forge.edit_shard(reps, change)


def shrink_one_smoothing(reps):
    def change(tensors, document):
        for name in ("radius", "quantile"):
            tensors[f"smoothing.{name}"][3] *= 0.99

    forge.edit_shard(reps, change)


def widen_tube(reps):
    def change(tensors, document):
        tensors["exact.delta"][2] += 0.01

    forge.edit_shard(reps, change)


def cut_tubes(reps):
    def change(tensors, document):
        tube = tensors["exact.tube"]
        shorter = torch.cat([tube[:, :-1], tube[:, -2:-1]], dim=1)
        away = _from_polyline(tensors["representation"].double(), shorter.double())
        mine = away <= tensors["exact.delta"]  # of the others R(z) itself lies outside
        assert mine.any()
        tube[mine] = shorter[mine]
        tensors["exact.place"][mine, -1] = tensors["exact.place"][mine, -2]

    forge.edit_shard(reps, change)


def move_places(reps):
    def change(tensors, document):
        tensors["exact.place"][:, 0] += 0.5 * tensors["exact.place"][:, :2].diff(dim=1)[:, 0]

    forge.edit_shard(reps, change)


def decide_for(reps):
    """Somebody whom no bound was reached for counts as bounded, or the other way round."""

    def change(tensors, document):
        tensors["exact.status"][0] = 2

    forge.edit_shard(reps, change)


def drop_last(reps):
    forge.edit_shard(
        reps, lambda tensors, _: {k: v[:-1] for k, v in tensors.items()}, "test-00001.safetensors"
    )
    rows_of(reps, lambda rows: [row for row in rows if row[1:4] != ["test", "1", "14"]])
    forge.restate(reps, lambda d: d["splits"]["test"].update(available=39, individuals=39))


def drop_first(reps):
    """Everybody moves up by one."""
    names = [reps / f"test-0000{index}.safetensors" for index in (0, 1)]
    (one, first), (two, second) = map(forge.read_file, names)
    joined = {name: torch.cat([one[name], two[name]])[1:] for name in one}
    forge.write_file(names[0], {name: value[:25] for name, value in joined.items()}, first)
    forge.write_file(names[1], {name: value[25:] for name, value in joined.items()}, second)

    def change(rows):
        mine = [row for row in rows if row[1] == "test"][1:]
        others = [row for row in rows if row[1] != "test"]
        return others + [
            [row[0], "test", *map(str, divmod(index, 25)), *row[4:]]
            for index, row in enumerate(mine)
        ]

    rows_of(reps, change)
    forge.restate(reps, lambda d: d["splits"]["test"].update(available=39, individuals=39))


def rename(reps):
    def change(rows):
        next(row for row in rows if row[1] == "test")[0] = "nobody"

    rows_of(reps, change)


def flip_label(reps):
    def change(rows):
        row = next(row for row in rows if row[1] == "test")
        row[4] = {"yes": "no", "no": "yes"}[row[4]]

    rows_of(reps, change)


def rename_classes(reps):
    def change(rows):
        for row in rows[1:]:
            row[4] = {"yes": "happy", "no": "sad"}[row[4]]

    rows_of(reps, change)
    forge.restate(reps, lambda d: d["labels"].update(Smiling=["sad", "happy"]))


def rename_column(reps):
    def change(rows):
        rows[0][4] = "Grinning"

    rows_of(reps, change)
    forge.restate(reps, lambda d: d.update(labels={"Grinning": d["labels"]["Smiling"]}))


def swap_people(reps):
    """Nobody of `train` has a bound that could contradict it."""

    def change(tensors, document):
        tensors["representation"][[0, 1]] = tensors["representation"][[1, 0]]

    forge.edit_shard(reps, change, "train-00000.safetensors")


def swap_shards(reps):
    one, two = (reps / f"train-0000{index}.safetensors" for index in (0, 1))
    (first, placed), (second, other) = forge.read_file(one), forge.read_file(two)
    forge.write_file(one, second, placed)
    forge.write_file(two, first, other)
    forge.seal(reps)


def restate_epsilon(reps):
    """With the plan that goes with it."""
    bundle = load_bundle(reps)
    plan = make_plan(smoothing_settings(bundle.manifest.views["smoothing"]), 0.9)

    def change(document):
        document["spec"]["epsilon"] = 0.9
        document["views"]["smoothing"] |= {"settings": plan.numbers(), "alpha": dict(plan.events)}

    forge.restate(reps, change)


def restate_digest(name, field):
    def change(reps):
        for path in sorted(reps.glob("*.safetensors")):
            forge.edit_file(path, lambda _, document: document.update({f"{name}_digest": OTHER}))
        forge.restate(reps, lambda document: document[name].update({field: OTHER}))
        forge.seal(reps)

    return change


def restate(*path, **words):
    def change(reps):
        def inside(document):
            for part in path:
                document = document[part]
            document.update(words)

        forge.restate(reps, inside)

    return change


FORGERIES = {
    "radii times 0.001": (shrink_all, {"bounds", "attack"}, "exact.radius"),
    "smoothing radii times 0.001": (shrink_smoothing, {"bounds"}, "smoothing.radius"),
    "one radius, to its lower bound": (shrink_one, {"bounds"}, "exact.radius"),
    "one smoothing radius, by 1%": (shrink_one_smoothing, {"bounds"}, "smoothing.radius"),
    "another delta": (widen_tube, {"bounds"}, "exact.delta"),
    "tubes cut short": (cut_tubes, {"attack"}, "exact.delta"),
    "vertices elsewhere": (move_places, {"attack"}, "exact.place"),
    "another status": (decide_for, {"bounds"}, "exact.status"),
    "other settings": (restate("views", "exact", "settings", tube_vertices=6), {"bounds"}, "exact."),
    "another seed": (restate(seed=7), {"bounds"}, "smoothing."),
    "the last dropped": (drop_last, {"individuals"}, "available"),
    "the first dropped": (drop_first, {"individuals"}, "available"),
    "somebody renamed": (rename, {"individuals"}, "row 0"),
    "a label": (flip_label, {"labels"}, "Smiling"),
    "classes": (rename_classes, {"labels"}, "classes of Smiling"),
    "a column": (rename_column, {"labels"}, "column Grinning"),
    "R(z) of another": (swap_people, {"representation"}, r"R\(z\)"),
    "shards swapped": (swap_shards, {"representation"}, r"R\(z\)"),
    "epsilon": (restate_epsilon, {"spec", "statements"}, "epsilon is stated 0.9, found 1.0"),
    "another spec": (restate_digest("spec", "digest"), {"spec"}, "digest is stated sha256-content-v1:000"),
    "another attribute": (restate("spec", attributes=["Young"]), {"spec"}, "is stated Young, found Pale_Skin"),
    "another encoder": (restate_digest("encoder", "digest"), {"encoder"}, "digest is stated"),
    "another method": (restate("encoder", method="project"), {"encoder"}, "method is stated project"),
    "other data": (restate("data", digest="sha256:" + "0" * 64), {"data"}, "digest is stated sha256:000"),
    "an unknown setting": (restate("views", "exact", "settings", trust=True), {"statements"}, "exact view"),
}  # fmt: skip


# What takes somebody's numbers to find; the rest is found whomever the auditor draws.
OF_NUMBERS = {"bounds", "attack", "representation"}


@pytest.mark.parametrize("row", FORGERIES)
def test_what_was_forged_is_found_by_the_check_that_is_there_for_it(row, copies, fails, run):
    change, expected, words = FORGERIES[row]
    change(copies.reps)
    assert run("consumer", "inspect", copies.reps) == 0, "the bundle itself shows it"
    out, sample = copies.out / "audit", "1000" if expected & OF_NUMBERS else "2"
    settings = ["--sample", sample, "--auditor-seed", SEED, "--out", out]
    fails(7, words, "producer", "audit", copies.reps, "--spec", copies.spec, "--model", copies.model,
          "--data", copies.data, *settings)  # fmt: skip
    found = load_audit(out)
    assert expected <= checks_of(found)
    others = {"bounds"} if row in ("an unknown setting", "epsilon") else set()
    assert checks_of(found) <= expected | others, found.document.findings
    # Whoever is given such an audit issues nothing.
    fails(3, "findings, the first", "consumer", "certify", "--reps", copies.reps, "--audit", out,
          "--target", load_bundle(copies.reps).manifest.encoder.targets[0], "--out", copies.out / "c",
          nothing_at=copies.out / "c") if row != "a column" else None  # fmt: skip


def test_individuals_are_counted_once_whatever_was_found_about_them(copies):
    shrink_all(copies.reps)
    found = audit(copies).document
    (scope,) = [scope for scope in found.scopes if scope.split == "test"]
    assert scope.failed == scope.bad_at_most == 40
    (entry,) = [
        entry for entry in found.checks if (entry.check, entry.split) == ("bounds", "valid")
    ]
    assert entry.findings == 96
    assert sum((f.check, f.split) == ("bounds", "test") for f in found.findings) == 40 < LISTED


def test_findings_are_counted_and_only_the_first_are_kept():
    ledger = Ledger(AuditCheck.LABELS, "test")
    for number in range(3 * LISTED):
        ledger.compare("Smiling", "yes", "no", str(number))
    assert ledger.entry.findings == len(ledger.concerned) == 3 * LISTED
    assert [finding.sample_id for finding in ledger.findings] == [str(n) for n in range(LISTED)]


def test_somebody_whom_the_data_do_not_know_has_failed(copies):
    rename(copies.reps)
    (scope,) = [scope for scope in audit(copies).document.scopes if scope.split == "test"]
    assert (scope.failed, scope.bad_at_most) == (1, 1)


def test_a_split_that_the_data_do_not_have_is_found(copies):
    for path in sorted(copies.reps.glob("test-*")):
        forge.edit_file(path, lambda _, document: document.update(split="people"))
        path.rename(path.with_name(path.name.replace("test", "people")))

    def change(document):
        document["splits"]["people"] = document["splits"].pop("test")
        for entry in document["views"].values():
            entry["splits"] = [{"test": "people"}.get(name, name) for name in entry["splits"]]

    text = (copies.reps / "individuals.csv").read_text().replace(",test,", ",people,")
    (copies.reps / "individuals.csv").write_text(text)
    forge.restate(copies.reps, change)
    names = sorted(path.name for path in copies.reps.iterdir() if path.name != "manifest.json")
    forge.seal(copies.reps, names=names)
    found = audit(copies)
    assert "no such split" in str(found.document.findings[0])
    (scope,) = [scope for scope in found.document.scopes if scope.split == "people"]
    assert scope.failed == 40


def test_a_model_of_another_dimension_is_a_finding_and_no_traceback(copies, tmp_path):
    other = producer.TrainingSettings(hidden=(8,), dimension=4, epochs=1, batch=64)
    producer.fit(copies.spec, copies.data, tmp_path / "other", model=tmp_path / "small", targets=["Smiling"],
                 training=other, cache=copies.cache)  # fmt: skip
    found = audit(copies, model=tmp_path / "small")
    assert checks_of(found) == {"encoder", "representation"}
    assert all(scope.failed == scope.checked for scope in found.document.scopes)


def test_a_tie_that_last_bits_decide_is_no_finding(copies, monkeypatch):
    again = numbers._compute_again

    def tied(evidence, sample, view, rows, nudge, advance):
        found = again(evidence, sample, view, rows, nudge, advance)
        wrong = {row: ("exact.effort", "12", "14") for row in rows.tolist()}
        return wrong if nudge not in allowed else found

    monkeypatch.setattr(numbers, "_compute_again", tied)
    for among, passed in ((numbers._NUDGES[2:], True), ((), False)):
        allowed = among
        assert audit(copies, AuditSettings(sample=5), force=True).document.passed == passed


def test_what_cannot_be_audited_is_refused(tiny, copies, fails, run, tmp_path):
    words = ["producer", "audit", copies.reps, "--spec", copies.spec, "--model", copies.model]
    words += ["--data", copies.data]
    out = tmp_path / "audit"
    fails(
        2, "--auditor-seed is 'abc'", *words, "--auditor-seed", "abc", "--out", out, nothing_at=out
    )
    fails(2, "sample", *words, "--sample", "0", "--out", out, nothing_at=out)
    fails(2, "would be written over", *words, "--out", copies.reps / "audit")
    fails(2, "exists already", *words, "--out", copies.certificate)
    fails(2, "is no audit alone", *words, "--out", copies.certificate, "--force")
    fails(5, "no such folder", *words[:-1], "folder:/nobody", "--out", out, nothing_at=out)
    other = tmp_path / "other.safetensors"
    assert run("regulator", "publish-spec", "--data", tiny.data, "--flow", tiny.flow, "--attribute", "Young",
               "--cache", tiny.cache, "--out", other) == 0  # fmt: skip
    words[4] = other
    fails(3, "made for spec", *words, "--out", out, nothing_at=out)
    (copies.reps / "train-00000.safetensors").write_bytes(b"")
    fails(3, "train-00000.safetensors", *words, "--out", out, nothing_at=out)


# What consumers do with it


@pytest.fixture(scope="module")
def audited_once(tiny, tmp_path_factory):
    """An audit of a sample, and a certificate that quotes it."""
    out = tmp_path_factory.mktemp("audited")
    audit(SimpleNamespace(**vars(tiny), out=out), AuditSettings(sample=10))
    consumer.certify(tiny.reps, "Smiling", out / "certificate", audit=out / "audit")
    return out


@pytest.fixture
def audited(audited_once, copies):
    shutil.copytree(audited_once / "audit", copies.out / "audit")
    copies.audit = copies.out / "audit"
    return copies


def test_a_certificate_quotes_the_audit_and_verify_compares_it(audited, run, fails, capsys):
    out = audited.out / "certificate"
    certify = ["consumer", "certify", "--reps", audited.reps, "--target", "Smiling"]
    assert run(*certify, "--audit", audited.audit, "--out", out) == 0
    entry, document = load_certificate(out).document.audit, load_audit(audited.audit).document  # fmt: skip
    assert entry.digest == document.content_digest
    assert (entry.scope.checked, entry.scope.individuals, entry.scope.bad_at_most) == (10, 40, 9)
    page = (out / "report.html").read_text()
    assert "10 of the 40 individuals" in page
    assert "at most 9 of the 40" in page
    assert entry.digest in page
    capsys.readouterr()
    verify = ["consumer", "verify", out, "--reps", audited.reps]
    for words, line in (([], "not compared"), (["--audit", audited.audit], "10 of 40 individuals")):
        assert run(*verify, *words, "--json") == 0
        assert line in json.loads(capsys.readouterr().out)["verified"]["audit"]
    without = audited.certificate
    assert run("consumer", "verify", without, "--reps", audited.reps, "--audit", audited.audit) == 0
    assert "not in the certificate" in " ".join(capsys.readouterr().out.split())
    assert "No audit of them was given" in (without / "report.html").read_text()
    assert run("consumer", "inspect", out) == 0
    assert "nothing found" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        (lambda entry: entry["scope"].update(checked=40, bad_at_most=0), "scope of the audit is"),
        (lambda entry: entry["scope"].update(bad_at_most=0), "its counts give 9"),
        (lambda entry: entry.update(digest=OTHER), "digest of the audit is"),
        (lambda entry: entry.update(findings=3), "findings"),
        (lambda entry: entry.update(not_checked=[]), "not_checked of the audit is"),
    ],
)
def test_a_certificate_that_says_more_than_the_audit_is_refused(
    audited, audited_once, fails, change, pattern
):
    out = shutil.copytree(audited_once / "certificate", audited.out / "certificate")
    forge.restate(out, lambda document: change(document["audit"]))
    fails(3, pattern, "consumer", "verify", out, "--reps", audited.reps, "--audit", audited.audit)


def without(split):
    def change(document):
        for name in ("scopes", "checks"):
            document[name] = [entry for entry in document[name] if entry["split"] != split]

    return change


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        (lambda d: d.update(bundle_digest=OTHER), "is an audit of bundle"),
        (lambda d: d["scopes"][0].update(bad_at_most=0), "its counts give"),
        (lambda d: d["scopes"][0].update(failed=11), "11 failed of 10 checked"),
        (lambda d: d["checks"][0].update(findings=1), "not those that the checks count"),
        (lambda d: d["checks"].append(d["checks"][0]), "a check is missing, stands twice"),
        (lambda d: d["checks"].pop(), "a check is missing"),
        (without("test"), "looked at nobody of split test"),
        (lambda d: d.update(note="trust me"), "Extra inputs"),
        (lambda d: d.update(tolerance=2.0), "tolerance"),
        (lambda d: d["not_checked"][0].update(why="\x1b[31m"), "control characters"),
    ],
)
def test_an_audit_that_contradicts_itself_or_is_of_another_bundle_is_refused(
    audited, fails, change, pattern
):
    forge.restate(audited.audit, change)
    out = audited.out / "certificate"
    fails(3, pattern, "consumer", "certify", "--reps", audited.reps, "--target", "Smiling", "--audit",
          audited.audit, "--out", out, nothing_at=out)  # fmt: skip


def test_a_changed_audit_and_one_with_a_file_too_many_are_refused(audited):
    (audited.audit / "note.txt").write_text("all is well")
    with pytest.raises(ArtifactError, match=r"note\.txt: not listed"):
        load_audit(audited.audit)
    (audited.audit / "note.txt").unlink()
    path = audited.audit / "audit.json"
    path.write_bytes(path.read_bytes().replace(b'"failed":0', b'"failed":1', 1))
    with pytest.raises(ArtifactError):
        load_audit(audited.audit)


def test_the_commands_of_the_page_run_as_they_stand(copies, run, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
    lines = [shlex.split(line) for line in page.splitlines() if line.startswith("    ")]
    assert [line[:2] for line in lines] == [
        ["producer", "audit"], ["producer", "inspect"], ["consumer", "certify"], ["consumer", "verify"],
        ["regulator", "sign"],
    ]  # fmt: skip
    shutil.rmtree(copies.certificate)
    monkeypatch.chdir(copies.reps.parent)
    key = Ed25519PrivateKey.generate()
    written = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    Path("id_auditor").write_bytes(written)
    for line in lines:
        assert run(*(copies.data if word == "portraits" else word for word in line)) == 0, line
