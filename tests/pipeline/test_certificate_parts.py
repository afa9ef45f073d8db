"""Certifying dealt out to machines that never speak: the certificate of the parts is the one that is issued at once."""

import re
import shutil
from types import SimpleNamespace

import pytest
from stored import contents

from consumer import issue, load_certificate_part, merging
from consumer.parts import CertificatePartDocument
from shared_spec import load_certificate
from shared_spec.artifacts.atomic import partial_directory
from shared_spec.artifacts.directory import (
    list_files,
    load_directory_document,
    save_directory_document,
)
from shared_spec.artifacts.tensors import load_tensors, save_tensors

pytestmark = pytest.mark.pipeline

SHARED = [
    "--shard-rows",
    "7",
    "--counterparts",
    "Pale_Skin",
    "--share",
    "Smiling",
    "--share",
    "Young",
]
MLP = ["--head", "mlp", "--hidden", "12", "--noise", "0.5", "--samples", "400", "--alpha", "0.05"]


@pytest.fixture(scope="module")
def reps(tiny, run, fit_words, tmp_path_factory):
    """The tiny bundle in six shards of test individuals, with counterparts."""
    out = tmp_path_factory.mktemp("six") / "reps"
    words = fit_words(SimpleNamespace(**{**vars(tiny), "reps": out}))
    assert run(*words, *SHARED) == 0
    return out


def certify(reps, out, *more):
    words = ["consumer", "certify", "--reps", reps, "--target", "Smiling", "--noise", "1"]
    return [*words, "--out", out, *more]


def merge(reps, out, parts, *more):
    return ["consumer", "merge", *parts, "--reps", reps, "--out", out, *more]


@pytest.fixture(scope="module")
def whole(reps, run, tmp_path_factory):
    """The certificate that is issued at once, and the same in three parts; not to be written to."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(*certify(reps, folder / "certificate")) == 0
    for index in (1, 2, 3):
        assert run(*certify(reps, folder / f"{index}", "--shard", f"{index}/3")) == 0
    return folder


@pytest.fixture
def three(whole, tmp_path):
    """The three parts, to be damaged."""
    return [shutil.copytree(whole / str(index), tmp_path / str(index)) for index in (1, 2, 3)]


@pytest.mark.parametrize("of", [1, 2, 7])
def test_parts_killed_once_each_and_merged_in_any_order_are_the_certificate(
    reps, whole, run, monkeypatch, tmp_path, of
):
    def killed(*_, **__):
        raise KeyboardInterrupt

    made = []
    for index in range(1, of + 1):
        out = tmp_path / f"part-{index}"
        words = certify(reps, out, "--shard", f"{index}/{of}")
        with monkeypatch.context() as patch:
            patch.setattr(
                issue, ["decide_split", "seal_part", "publish_directory"][index % 3], killed
            )
            assert run(*words) == 130
        assert not out.exists()
        assert not partial_directory(out).exists()
        assert run(*words) == 0
        made.append(out)
    out, salt = tmp_path / "certificate", whole / "certificate" / "salt.json"
    assert run(*merge(reps, out, [*reversed(made), made[0]], "--salt", salt)) == 0
    assert contents(out) == contents(whole / "certificate")
    assert load_certificate(out).document.reality, "no counterparts were compared"
    assert run("consumer", "verify", out, "--reps", reps) == 0


def test_of_several_methods_the_one_that_certifies_more_of_everybody_is_kept(reps, run, tmp_path):
    """Which method that is cannot be known from one part."""
    assert run(*certify(reps, tmp_path / "whole", *MLP)) == 0
    parts = [tmp_path / str(index) for index in (1, 2)]
    assert run(*certify(reps, parts[0], *MLP, "--shard", "1/2")) == 0
    taken = ["--head-from", parts[0], "--shard", "2/2"]
    assert run(*certify(reps, parts[1], *MLP, *taken)) == 0
    names = {path.name for path in parts[0].iterdir()}
    assert {"exact.crown.csv", "exact.sequential.csv", "head.safetensors", "part.json"} < names
    out, salt = tmp_path / "certificate", tmp_path / "whole" / "salt.json"
    assert run(*merge(reps, out, parts, "--salt", salt)) == 0
    assert contents(out) == contents(tmp_path / "whole")


def test_a_part_that_is_there_is_not_taken_for_one_with_another_head(reps, three, fails, run):
    """What `merge` advises where heads differ in their last bits has to make the part anew."""
    turn_the_head(three[1])
    again = certify(reps, three[1], "--shard", "2/3", "--head-from", three[0])
    fails(2, "decided with another head", *again)
    assert run(*again, "--force") == 0


def test_what_is_on_the_certificate_is_said_when_it_is_merged(
    reps, whole, three, run, fails, tmp_path
):
    out, part = tmp_path / "certificate", tmp_path / "part"
    stated = ["--issuer", "Acme", "--issued", "2026-01-01", "--groups", "Young"]
    assert run(*certify(reps, tmp_path / "once", *stated)) == 0
    salt = tmp_path / "once" / "salt.json"
    assert run(*merge(reps, out, three, *stated, "--salt", salt)) == 0
    assert contents(out) == contents(tmp_path / "once")
    fails(4, "is not met", *merge(reps, tmp_path / "no", three, "--policy", "certified>=1"))
    for more in (stated, stated[4:], ["--salt", salt], ["--policy", "certified>=0.5"]):
        fails(
            2,
            "give them to consumer merge",
            *certify(reps, part, "--shard", "1/3", *more),
            nothing_at=part,
        )
    fails(2, "give it with --shard", *certify(reps, part, "--head-from", three[0]), nothing_at=part)
    fails(2, "expected I/N", *certify(reps, part, "--shard", "4/3"), nothing_at=part)


def test_a_merged_certificate_without_the_salt_has_new_roots_and_the_same_rows(
    reps, whole, run, tmp_path
):
    out = tmp_path / "certificate"
    assert run(*merge(reps, out, [whole / str(index) for index in (3, 1, 2)])) == 0
    once, merged = (load_certificate(path) for path in (whole / "certificate", out))
    assert once.document.claims == merged.document.claims
    assert [*once.rows] == [*merged.rows]
    assert once.document.roots != merged.document.roots


def test_a_finished_part_is_kept_and_another_refused(reps, whole, three, run, fails, tmp_path):
    before = contents(three[1])
    assert run(*certify(reps, three[1], "--shard", "2/3")) == 0
    assert contents(three[1]) == before
    words = certify(reps, three[1], "--shard", "2/3")
    fails(2, "decided before with index 2, now 3", *certify(reps, three[1], "--shard", "3/3"))
    fails(2, "decided before with seed 0, now 5", *words, "--seed", "5")
    fails(2, "decided before with choices.head.epochs 1, now 2", *words, "--epochs", "2")
    fails(
        2, "is no certificate part alone", *certify(reps, whole / "certificate", "--shard", "2/3")
    )
    fails(2, "exists already", *certify(reps, three[1]))
    fails(2, "is no certificate alone", *certify(reps, three[1], "--force"))
    assert run(*certify(reps, three[1], "--shard", "3/3", "--force")) == 0
    assert contents(three[1]) == contents(whole / "3")
    fails(2, "choices.head.noise 1.0, now 0.5", *certify(reps, tmp_path / "new", "--shard", "2/3", "--head-from",
                                                          three[0], "--noise", "0.5"))  # fmt: skip


def test_parts_that_do_not_fit_are_refused(reps, tiny, whole, three, run, fails, tmp_path):
    out, other = tmp_path / "certificate", tmp_path / "other"
    fails(3, r"no part 1/3, 3/3; make it with", *merge(reps, out, three[1:2]), nothing_at=out)
    for more, pattern in (
        (["--shard", "3/4"], "shard.of is 4.*all parts of the same number"),
        (["--shard", "3/3", "--seed", "7"], "plan.seed is 7"),
        (["--shard", "3/3", "--epochs", "2"], "plan.choices.head.epochs is 2"),
        (["--shard", "3/3", "--view", "exact"], r"plan.choices.views is \[\"exact\"\]"),
    ):
        assert run(*certify(reps, other, *more, "--force")) == 0
        fails(3, pattern, *merge(reps, out, [*three[:2], other]), nothing_at=out)
    assert run(*certify(tiny.reps, other, "--shard", "3/3", "--force")) == 0
    fails(
        3,
        "bundle_digest is .*of one bundle",
        *merge(reps, out, [*three[:2], other]),
        nothing_at=out,
    )
    fails(3, "pass the bundle that it names", *merge(tiny.reps, out, three), nothing_at=out)
    fails(
        3,
        "is a certificate, which .* expected a directory that holds part.json",
        *merge(reps, out, [*three[:2], whole / "certificate"]),
        nothing_at=out,
    )
    fails(2, "would be written over", *merge(reps, three[0] / "new", three))
    fails(3, "is a certificate part, which consumer merge", "consumer", "inspect", three[0])


def load_document(part):
    return load_directory_document(part, "part.json", CertificatePartDocument)


def reseal(part, **changes):
    """Gives a part that was tampered with a document that lists what is there."""
    document = load_document(part).model_copy(update=changes)
    names = [path.name for path in part.iterdir() if path.name != "part.json"]
    document = document.model_copy(update={"files": list_files(part, names)})
    save_directory_document(part, "part.json", document)


def edit_rows(part, change, name="exact.closed-form.csv"):
    path = part / name
    header, *rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join([header, *change(rows)]))
    reseal(part)


def turn_the_head(part):
    path = part / "head.safetensors"
    weights, document = load_tensors(path)
    document.pop("content_digest")
    weights["layers.0.bias"].neg_()
    digest = save_tensors(path, weights, document)
    reseal(part, head=load_document(part).head.model_copy(update={"digest": digest}))


def claim_other_epochs(part):
    plan = load_document(part).plan
    head = plan.choices.head.model_copy(update={"epochs": 9})
    choices = plan.choices.model_copy(update={"head": head})
    reseal(part, plan=plan.model_copy(update={"choices": choices}))


def flip_a_byte(part):
    path = part / "exact.closed-form.csv"
    path.write_bytes(path.read_bytes().replace(b"closed-form", b"closed-farm", 1))


def outside(part):
    edit_rows(part, lambda rows: [rows[0].replace("test-000000", "test-000039"), *rows[1:]])


def rename(part):
    (part / "exact.closed-form.csv").rename(part / "exact.crown.csv")
    reseal(part)


@pytest.mark.parametrize(
    ("damage", "pattern"),
    [
        (outside, "its rows are not those of share 1/3"),
        (lambda part: edit_rows(part, lambda rows: rows[:-1]), "its rows are not those of share 1/3"),
        (lambda part: edit_rows(part, lambda rows: [*rows, rows[-1]]), "its rows are not those of share 1/3"),
        (lambda part: edit_rows(part, lambda rows: [rows[1], rows[0], *rows[2:]]), "its rows are not those of share"),
        (lambda part: edit_rows(part, lambda rows: [*rows[:3], rows[3].replace(",exact,", ",all,")]), "of another v"),
        (lambda part: edit_rows(part, lambda rows: [row.replace(",no,", ",yes,", 1) for row in rows]), "labels or"),
        (lambda part: edit_rows(part, lambda rows: [row.replace("yes,", "<b>,") for row in rows]), "labels or"),
        (lambda part: edit_rows(part, lambda rows: [row.replace("CERTIFIED", "SURE") for row in rows]), "is no status"),
        (flip_a_byte, "SHA-256 is"),
        (turn_the_head, "head.digest is .*; train the head once: .* --head-from"),
        (claim_other_epochs, "the head was not trained as was chosen"),
        (rename, "not those of such an artefact"),
        (lambda part: (part / "exact.closed-form.csv").unlink(), "cannot be read"),
        (lambda part: (part / "head.safetensors").unlink(), "no such file"),
        (lambda part: (part / "part.json").write_text("{}"), "media type is None"),
        (lambda part: (part / "extra").write_text(""), "not listed"),
    ],
)  # fmt: skip
def test_a_part_that_is_not_what_it_says_is_refused(reps, three, fails, tmp_path, damage, pattern):
    damage(three[0])
    out = tmp_path / "certificate"
    fails(3, pattern, *merge(reps, out, three[1:] + three[:1]), nothing_at=out)


def test_two_parts_that_claim_a_share_with_other_bytes_are_refused(reps, three, fails, tmp_path):
    twin = shutil.copytree(three[0], tmp_path / "twin")
    edit_rows(twin, lambda rows: [row.replace(",CERTIFIED,", ",UNDECIDED,") for row in rows])
    out = tmp_path / "certificate"
    pattern = "is part 1/3 as .* is, with other bytes"
    fails(3, pattern, *merge(reps, out, [*three, twin]), nothing_at=out)


def test_a_decision_that_was_changed_is_found_by_who_verifies(reps, three, run, fails, tmp_path):
    """A merger believes the machines that it was told of; whoever verifies decides again."""
    edit_rows(
        three[0],
        lambda rows: [row.replace(",CERTIFIED,,", ",NOT_CERTIFIED,not proved,") for row in rows],
    )
    out = tmp_path / "certificate"
    assert run(*merge(reps, out, three)) == 0
    fails(3, "status is .*the bundle and the head give", "consumer", "verify", out, "--reps", reps)


def test_a_part_says_what_it_is(whole):
    part = load_certificate_part(whole / "2")
    assert repr(part).startswith("CertificatePart(")
    assert "2/3 of test" in repr(part)


def test_numbers_are_written_in_one_spelling(reps, whole, three, run, tmp_path):
    """A part may spell a number otherwise; the certificate's bytes do not depend on it."""
    for part in three:
        edit_rows(part, lambda rows: [re.sub(r",(\d+\.\d+),", r",\g<1>00,", row) for row in rows])
    out, salt = tmp_path / "certificate", whole / "certificate" / "salt.json"
    assert contents(three[0]) != contents(whole / "1")
    assert run(*merge(reps, out, three, "--salt", salt)) == 0
    assert contents(out) == contents(whole / "certificate")


def choose_otherwise(part, **changes):
    plan = load_document(part).plan
    choices = plan.choices.model_copy(update=changes)
    reseal(part, plan=plan.model_copy(update={"choices": choices}))


def swap_classes(part):
    head = load_document(part).head
    reseal(part, head=head.model_copy(update={"classes": head.classes[::-1]}))


@pytest.mark.parametrize(
    ("lie", "pattern"),
    [
        (lambda part: choose_otherwise(part, views=("exact", "exact")), "not those of such an artefact|views is"),
        (lambda part: choose_otherwise(part, views=("smoothing", "exact")), "views is"),
        (lambda part: choose_otherwise(part, split="train"), "on which head and noise are chosen"),
        (lambda part: choose_otherwise(part, split="ghost"), "bounds nobody of split|has no"),
        (lambda part: choose_otherwise(part, target="Young"), "classes is|labels or predictions"),
        (swap_classes, "classes is"),
    ],
)  # fmt: skip
def test_parts_that_agree_in_a_lie_are_refused(reps, three, fails, tmp_path, lie, pattern):
    for part in three:
        lie(part)
    out = tmp_path / "certificate"
    fails(3, pattern, *merge(reps, out, three), nothing_at=out)


def test_one_release_decides_all_parts_and_merges_them(reps, three, fails, monkeypatch, tmp_path):
    out = tmp_path / "certificate"
    other = merging.this_tool("lassi-consumer").model_copy(update={"torch": "9.9"})
    with monkeypatch.context() as patch:
        patch.setattr(merging, "this_tool", lambda name: other)
        fails(3, "merge it with that release", *merge(reps, out, three), nothing_at=out)
    plan = load_document(three[1]).plan
    reseal(three[1], plan=plan.model_copy(update={"tool": other}))
    fails(3, "plan.tool.torch is 9.9.*with one release", *merge(reps, out, three), nothing_at=out)
