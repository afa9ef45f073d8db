"""Issuer, system, contact and dates: kept in the certificate, checked when it is read, and over when they say so."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from shared_spec import load_certificate
from shared_spec.artifacts.canonical import canonical_json, digest_document
from shared_spec.errors import ExpiredError
from shared_spec.imprint import Imprint

pytestmark = pytest.mark.pipeline


def certify(paths, *words):
    return ["consumer", "certify", "--reps", paths.reps, "--target", "Smiling", "--view", "exact",
            "--noise", "0.25", "--out", paths.out, *words]  # fmt: skip


def test_what_is_stated_is_kept_dated_and_shown(copies, run, capsys):
    words = ["--issuer", "Bank", "--system", "Check 4.2", "--contact", "a@b.example"]
    assert run(*certify(copies, *words, "--valid-until", "2999-01-31")) == 0
    imprint = load_certificate(copies.out).document.imprint
    assert (imprint.issuer, imprint.system, imprint.contact) == ("Bank", "Check 4.2", "a@b.example")
    assert abs(imprint.issued - datetime.now(UTC).date()) <= timedelta(days=1)
    assert run("consumer", "verify", copies.out, "--reps", copies.reps) == 0
    capsys.readouterr()
    assert run("consumer", "inspect", copies.out) == 0
    shown = capsys.readouterr().out
    for value in ("Bank", "Check 4.2", "a@b.example", "2999-01-31"):
        assert value in shown


def test_after_its_last_day_nobody_verifies_or_predicts_with_it(copies, run, fails, tmp_path):
    assert run(*certify(copies, "--issued", "2020-01-01", "--valid-until", "2020-12-31")) == 0
    fails(6, "was valid until 2020-12-31", "consumer", "verify", copies.out, "--reps", copies.reps)
    out = tmp_path / "predictions.csv"
    fails(6, "was valid until 2020-12-31", "consumer", "predict", "--reps", copies.reps, "--head", copies.out,
          "--out", out, nothing_at=out)  # fmt: skip


def test_the_last_day_belongs_to_it():
    imprint = Imprint.model_validate({"valid_until": "2026-11-29"})
    day = imprint.valid_until
    imprint.check(day, "here")
    with pytest.raises(ExpiredError, match="here: was valid until 2026-11-29"):
        imprint.check(day + timedelta(days=1), "here")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--issued", "2026-11-29", "--valid-until", "2026-11-28"], "before its date"),
        (["--valid-until", "2020-01-01"], "before its date"),
        (["--valid-until", "soon"], "valid-until is 'soon'"),
        (["--issuer", ""], "issuer is ''"),
        (["--system", "a\x1b[2J"], "control characters"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(words, said, copies, fails):
    fails(2, said, *certify(copies, *words), nothing_at=copies.out)


def test_a_certificate_without_an_imprint_is_still_read(copies, run):
    path = copies.certificate / "certificate.json"
    old = json.loads(path.read_text())
    del old["imprint"]
    old["content_digest"] = digest_document(old, [])
    path.write_bytes(canonical_json(old))
    assert not load_certificate(copies.certificate).document.imprint.stated
    assert run("consumer", "verify", copies.certificate, "--reps", copies.reps) == 0
