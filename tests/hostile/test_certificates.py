"""Certificates that say more than their bundle and head show, all digests right: `verify` refuses each in one line."""

from __future__ import annotations

import csv
import io

import forge
import pytest
import torch

from shared_spec import load_certificate
from shared_spec.statements import words_of

pytestmark = pytest.mark.pipeline


def verify(paths):
    return ["consumer", "verify", paths.certificate, "--reps", paths.reps]


def test_resealing_alone_changes_nothing(copies, run):
    forge.edit_bytes(copies.certificate, "individuals.csv", lambda content: content)
    assert run(*verify(copies)) == 0


def claim(view, **words):
    return lambda document: document["claims"][view].update(words)


def head(**words):
    return lambda document: document["head"].update(words)


def training(**words):
    return lambda document: document["head"]["settings"].update(words)


def certain(document):
    document["claims"]["smoothing"].update(
        statement="X", alpha={}, alpha_per_individual=0, sentence=words_of("X").sentence
    )


SAMPLING = {"alpha": 0.001, "selection_samples": 10**15, "samples": 10**15}
TRUST = b"<p>All is well.</p>"

DOCUMENTS = {
    "no claims": (lambda d: d.update(claims={}), "field claims"),
    "smoothing as X": (certain, "statement is X"),
    "samples without end": (claim("exact", sampling=SAMPLING), "field claims.exact.sampling"),
    "a method tried twice": (claim("exact", methods_tried=["closed-form"] * 2), "methods_tried"),
    "a method that was not tried": (claim("exact", methods_tried=["crown"]), "methods_tried"),
    "more certified than counted": (claim("smoothing", certified_fraction=1.0), "certified_fraction is 1.0; .* of 40"),
    "people who are nowhere": (claim("exact", individuals=41), "counts has other than 41 individuals"),
    "no failure probability": (claim("smoothing", alpha_per_individual=0.0), "alpha_per_individual is 0.0; alpha sums"),
    "nothing but failures": (
        claim("smoothing", alpha={"a": 0.5, "b": 0.5}, alpha_per_individual=1 - 1e-9), "alpha sums to 1.0: expected",
    ),
    "fewer false ones": (claim("smoothing", expected_false_certificates=0.0), "expected_false_certificates is 0.0"),
    "none that is false": (claim("smoothing", false_certificates_bound=0), "false_certificates_bound is 0"),
    "everybody of the world": (
        claim("exact", population={"confidence": 0.95, "fair_at_least": 0.999}), "population.fair_at_least",
    ),
    "the deployed model": (claim("exact", certified_model="C∘R∘E, deployed"), "the certified model is C∘R∘E"),
    "more labels than people": (claim("exact", labelled=41), "labelled is 41, of 40"),
    "accuracy without labels": (claim("exact", labelled=0), "labelled is 0"),
    "a head of a billion": (head(kind="mlp", hidden=[10**9]), "field head.hidden"),
    "a head of terabytes": (head(kind="mlp", hidden=[2**24, 2**24]), "not the head|head holds tensors|expected"),
    "300,000 layers": (head(kind="mlp", hidden=[1] * 300_000), "field head.hidden"),
    "no layers": (head(kind="mlp", hidden=[]), "field head"),
    "another kind": (head(kind="mlp", hidden=[4]), "not the head"),
    "another noise": (head(sigma_rs=-1.0), "field head.sigma_rs"),
    "invented training": (training(audited="by all"), "field head.settings.audited"),
    "another noise in training": (training(noise=0.7), "noise is 0.7, sigma_rs is"),
    "less training": (training(training_individuals=3), "training_individuals is 3"),
    "individuals of the choice": (lambda d: d.update(split="valid"), "of split valid, on which"),
    "individuals of training": (lambda d: d.update(split="train"), "of split train, on which"),
    "a digest of one letter": (lambda d: d.update(bundle_digest="x"), "field bundle_digest"),
    "a target that is a command": (lambda d: d.update(target="\x1b[31m"), "control characters"),
    "labels of somebody": (lambda d: d.update(labels="regulator"), "field labels"),
    "of an older release": (lambda d: d["tool"].update(version="0.0.9"), "0.0.9 issued it"),
    "of no release": (lambda d: d["tool"].update(version="nope"), "nope issued it"),
    "of another program": (lambda d: d["tool"].update(name="nope"), "nope .* issued it"),
    "another bundle": (lambda d: d.update(bundle_digest="sha256-content-v1:" + "0" * 64), "was made from bundle"),
}  # fmt: skip


@pytest.mark.parametrize("row", DOCUMENTS)
def test_documents_that_do_not_follow(row, copies, fails):
    change, pattern = DOCUMENTS[row]
    forge.restate(copies.certificate, change)
    fails(3, pattern, *verify(copies))


@pytest.mark.parametrize("tool", [None, {"version": "0.0.9"}, {"name": "better"}])
def test_a_page_that_says_something_else(tool, copies, fails):
    if tool is not None:
        forge.restate(copies.certificate, lambda document: document["tool"].update(tool))
    forge.edit_bytes(
        copies.certificate, "report.html", lambda page: page.replace(b"</body>", TRUST + b"</body>")
    )
    fails(3, "is not the page|issued it", *verify(copies))


def test_another_release_is_named_before_its_radii_are_compared(copies, fails):
    """A release that proves less, or more, gives other radii: that is no lie of whoever used the other one."""
    forge.restate(copies.certificate, lambda document: document["tool"].update(version="0.0.9"))
    rows = rows_of(copies.certificate)
    rows[0]["d_rs"] = str(1.5 * float(rows[0]["d_rs"]))
    with_rows(copies.certificate, rows)
    fails(3, "0.0.9 issued it.*verify it with that release", *verify(copies))


@pytest.mark.parametrize("name", ["index.html", "NOTE.txt", "report.htm"])
def test_no_other_file_is_listed(name, copies, fails):
    (copies.certificate / name).write_bytes(TRUST)
    forge.seal(copies.certificate, name)
    fails(3, f"{name} is listed", *verify(copies))


def rows_of(folder):
    return list(csv.DictReader((folder / "individuals.csv").read_text().splitlines()))


def with_rows(folder, rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    (folder / "individuals.csv").write_text(text.getvalue())
    forge.seal(folder)


def test_labels_copied_from_the_predictions_are_not_the_producers(copies, fails):
    rows = rows_of(copies.certificate)
    exact = {row["sample_id"]: row["prediction"] for row in rows if row["view"] == "exact"}
    for row in rows:
        row["label"] = exact[row["sample_id"]]
    with_rows(copies.certificate, rows)
    forge.restate(copies.certificate, claim("exact", accuracy=1.0, balanced_accuracy=1.0))
    fails(3, "its labels of Smiling are not the producer's", *verify(copies))


def test_labels_of_ones_own_are_said_to_be(copies, run, capsys):
    """Also where they are the producer's: that is the weaker claim."""
    own = copies.out.with_name("own.csv")
    lines = [
        ",".join(line.split(",")[index] for index in (0, 4))
        for line in (copies.reps / "individuals.csv").read_text().splitlines()
    ]
    own.write_text("\n".join(lines) + "\n")
    words = ["consumer", "certify", "--reps", copies.reps, "--target", "Smiling", "--out", copies.out]  # fmt: skip
    assert run(*words, "--labels", own) == 0
    assert '"labels":"consumer"' in (copies.out / "certificate.json").read_text()
    copies.certificate = copies.out
    capsys.readouterr()
    assert run(*verify(copies)) == 0
    assert "the consumer's own" in capsys.readouterr().out


@pytest.mark.parametrize("cell", ["nan", "1_0", " 1", "0x1p3", "-", "1e"])
def test_cells_that_are_no_numbers(cell, copies, fails):
    rows = rows_of(copies.certificate)
    rows[0]["d_rs"] = cell
    with_rows(copies.certificate, rows)
    fails(3, "individuals.csv:2: cannot be read", *verify(copies))


@pytest.mark.parametrize("column", ["label", "view"])
def test_a_cell_without_end_is_shown_in_part(column, copies, fails):
    rows = rows_of(copies.certificate)
    rows[0][column] = "x" * 150_000
    with_rows(copies.certificate, rows)
    line = fails(3, "x{100}", *verify(copies))
    assert len(line) < 2000
    assert str(copies.certificate) in line
    assert not line.rstrip().endswith("x"), "the remedy is cut"


@pytest.mark.parametrize("cell", ["1", "0.9999", ""])
def test_an_epsilon_that_the_tube_does_not_show(cell, copies, fails):
    rows = rows_of(copies.certificate)
    row = next(r for r in rows if r["view"] == "exact" and r["status"] == "NOT_CERTIFIED")
    assert 0 <= float(row["epsilon"]) < 1
    row["epsilon"] = cell
    with_rows(copies.certificate, rows)
    fails(3, f"{row['sample_id']}: epsilon is", *verify(copies))


def test_rows_of_a_release_without_epsilons_are_read_and_not_verified(copies, run, fails):
    rows = rows_of(copies.certificate)
    with_rows(copies.certificate, [{k: v for k, v in r.items() if k != "epsilon"} for r in rows])
    assert run("consumer", "inspect", copies.certificate) == 0
    assert {row.epsilon for row in load_certificate(copies.certificate).rows} == {None}
    fails(3, "epsilon is None", *verify(copies))


def test_a_head_that_is_another(copies, fails):
    def grow(tensors, document):
        return {name: torch.cat([value, value]) for name, value in tensors.items()}

    forge.edit_file(copies.certificate / "head.safetensors", grow)
    _, document = forge.read_file(copies.certificate / "head.safetensors")
    forge.seal(copies.certificate)
    forge.restate(copies.certificate, head(digest=document["content_digest"]))
    fails(3, "head tensor layers.0.weight: expected", *verify(copies))


def test_what_the_bundle_shows_is_seen_by_verify(copies, fails):
    """A certificate does not launder its bundle: its train shards are looked at too."""
    forge.edit_shard(
        copies.reps,
        lambda tensors, document: document.update(split="test"),
        "train-00003.safetensors",
    )
    fails(3, "belongs elsewhere: split", *verify(copies))
