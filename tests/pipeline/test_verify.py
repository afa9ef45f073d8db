"""Anyone can compute a certificate again from its bundle, and whatever does not follow is found."""

import csv
import io
import json

import pytest
from forge import add_up, roots_of

from shared_spec import load_certificate
from shared_spec.artifacts.canonical import canonical_json, digest_document
from shared_spec.artifacts.directory import list_files

pytestmark = pytest.mark.pipeline

OTHER = "sha256-content-v1:" + "0" * 64


def verify(paths):
    return ["consumer", "verify", paths.certificate, "--reps", paths.reps]


def read_rows(folder):
    return list(csv.DictReader((folder / "individuals.csv").read_text().splitlines()))


def reseal(folder, change_document=lambda document: None, change_rows=lambda rows: rows):
    """Forges a certificate: what it says is changed, and every digest is right again."""
    document = json.loads((folder / "certificate.json").read_text())
    rows = read_rows(folder)
    rows = change_rows(rows) or rows
    change_document(document)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    (folder / "individuals.csv").write_text(text.getvalue())
    del document["content_digest"]
    names = [entry["name"] for entry in document["files"]]
    document["files"] = [entry.model_dump() for entry in list_files(folder, names)]
    document["roots"] = roots_of(folder, document["roots"])
    # Not through the models, which would refuse some of these forgeries themselves.
    text = canonical_json({**document, "content_digest": digest_document(document, [])})
    (folder / "certificate.json").write_bytes(text)


def uncertified(rows, view="exact"):
    return next(row for row in rows if row["view"] == view and row["status"] != "CERTIFIED")


@pytest.mark.parametrize(
    "words",
    [
        ["--head", "linear"],
        ["--head", "mlp", "--hidden", "8", "--noise", "0.5", "--samples", "2000"],
        [
            "--head",
            "mlp",
            "--hidden",
            "8",
            "--radius",
            "randomized",
            "--noise",
            "2",
            "--samples",
            "2000",
        ],
        ["--radius", "randomized", "--report-radius", "--noise", "2", "--samples", "2000"],
    ],
    ids=["closed form", "crown", "sequential", "randomized"],
)
def test_an_honest_certificate_verifies(words, copies, run, capsys):
    copies.certificate = copies.out
    few = ["--selection-samples", "50"] if "randomized" in words else []
    assert run("consumer", "certify", "--reps", copies.reps, "--target", "Smiling", "--seed", "3",
               *few, "--out", copies.out, *words) == 0  # fmt: skip
    capsys.readouterr()
    assert run(*verify(copies), "--json") == 0
    verified = json.loads(capsys.readouterr().out)["verified"]
    assert set(verified) == {"made from", "labels", "smoothing view", "exact view", "report.html"}
    assert verified["labels"] == "the producer's"
    assert verified["report.html"] == "drawn again, the same page"


def test_methods_that_were_not_kept_are_tried_again_as_they_were(copies, run, capsys):
    """So few samples that the sampled method certifies nobody; with the defaults it would certify more than lines."""
    copies.certificate = copies.out
    head = ("--head", "mlp", "--hidden", "64", "--hidden", "64", "--noise", "10")
    assert run("consumer", "certify", "--reps", copies.reps, "--target", "Smiling", "--out", copies.out, *head,
               "--selection-samples", "1", "--samples", "1", "--view", "exact") == 0  # fmt: skip
    claim = load_certificate(copies.out).document.claims["exact"]
    assert (claim.radius_method, claim.alpha) == ("crown", {})
    assert (claim.sampling.selection_samples, claim.sampling.samples) == (1, 1)
    assert run(*verify(copies)) == 0, capsys.readouterr().err


def certify_one_more(rows):
    row = uncertified(rows)
    row["status"], row["reason"] = "CERTIFIED", ""


def count_one_more(document):
    claim = document["claims"]["exact"]
    status = next(
        name for name in ("NOT_CERTIFIED", "UNDECIDED", "ABSTAIN") if claim["counts"][name]
    )
    claim["counts"][status] -= 1
    claim["counts"]["CERTIFIED"] += 1
    add_up(claim)


def drop_the_uncertified(rows):
    dropped = uncertified(rows)["sample_id"]
    return [row for row in rows if row["sample_id"] != dropped]


def claims_of(name, value):
    return lambda document: document["claims"]["exact"].update({name: value})


@pytest.mark.parametrize(
    ("document", "rows", "expected"),
    [
        (count_one_more, certify_one_more, r"status is .*'CERTIFIED'.*; the bundle and the head give"),
        (claims_of("accuracy", 1.0), None, r"exact: accuracy is 1.0"),
        (claims_of("certified_fraction", 1.0), None, r"exact: certified_fraction is 1.0"),
        (claims_of("alpha_per_individual", 0.5), None, r"alpha_per_individual is 0.5"),
        (claims_of("sentence", "All is well."), None, r"sentence is not that of statement X"),
        (claims_of("radius_method", "magic"), None, r"field claims.exact.radius_method"),
        (lambda d: d.update(skipped=7), None, r"skipped is 7"),
        (lambda d: d.update(encoder_digest=OTHER), None, r"made from encoder sha256-content-v1:0000"),
        (lambda d: d["spec"].update(epsilon=9.0), None, r"made from spec"),
        (None, lambda rows: rows[0].update(d_cs="0.0"), r"d_cs is 0.0"),
        (lambda d: d.update(split="train"), None, r"of split train, on which its head and noise"),
        (lambda d: d.update(split="valid"), None, r"of split valid, on which its head and noise"),
        (lambda d: d.update(split="nobody"), None, r"bounds nobody there"),
        (lambda d: d["head"].update(input_dim=3), None, r"head: input_dim is 3"),
        (None, lambda rows: rows[0].update(d_rs="9.0"), r"d_rs is 9.0"),
        (None, lambda rows: rows[0].update(d_rs="far"), r"individuals.csv:2: cannot be read .*'far'"),
        (None, lambda rows: rows[0].update(label="maybe"), r"label 'maybe' is no class"),
        (None, lambda rows: rows[0].update(sample_id="nobody"), r"not those of the bundle's split"),
    ],
)  # fmt: skip
def test_a_forged_certificate_with_right_digests_does_not(document, rows, expected, copies, fails):
    reseal(copies.certificate, document or (lambda _: None), rows or (lambda given: given))
    fails(3, expected, *verify(copies))


def test_whoever_was_dropped_is_missed(copies, fails):
    rows = read_rows(copies.certificate)
    kept = drop_the_uncertified(rows)

    def fewer(document):
        for view, claim in document["claims"].items():
            statuses = [row["status"] for row in kept if row["view"] == view]
            claim["counts"] = {status: statuses.count(status) for status in claim["counts"]}
            claim["individuals"] = len(statuses)
            claim["labelled"] = min(claim["labelled"], len(statuses))
            add_up(claim)

    reseal(copies.certificate, fewer, lambda _: kept)
    fails(3, "individuals is 39; the bundle and the head give 40", *verify(copies))


def test_another_page_and_another_bundle_are_found(copies, fails, fit_words, run):
    page = copies.certificate / "report.html"
    page.write_text(page.read_text().replace("</body>", "<p>All is well.</p></body>"))
    reseal(copies.certificate)
    fails(3, "is not the page of this certificate", *verify(copies))
    other = copies.out / "reps"
    words = [str(other) if word == copies.reps else word for word in fit_words(copies)]
    words[words.index(copies.model)] = copies.out / "model"
    assert run(*words, "--seed", "1") == 0
    fails(3, "made from bundle .* but", "consumer", "verify", copies.certificate, "--reps", other)


def test_labels_of_the_consumer_are_said_to_be_its_own(copies, run, capsys):
    rows = read_rows(copies.reps)
    own = copies.root / "own-labels.csv"
    lines = [f"{row['sample_id']},{index % 2}" for index, row in enumerate(rows)]
    own.write_text("\n".join(["sample_id,Hat", *lines]) + "\n")
    copies.certificate = copies.out
    assert run("consumer", "certify", "--reps", copies.reps, "--target", "Hat", "--labels", own,
               "--out", copies.out) == 0  # fmt: skip
    capsys.readouterr()
    assert run(*verify(copies), "--json") == 0
    assert json.loads(capsys.readouterr().out)["verified"]["labels"] == "the consumer's own"
