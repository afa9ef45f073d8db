"""Issuer, system, contact and dates: kept in the certificate, checked when it is read, and over when they say so."""

import json
import re
from datetime import UTC, datetime, timedelta

import forge
import pytest

from consumer.cli import group as consumer
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


USES = {
    "verify": "consumer verify {certificate} --reps {reps}",
    "predict": "consumer predict --reps {reps} --head {certificate} --out {out}.png",
    "receipt": "consumer receipt {certificate} --individual test-000001 --out {out}",
    "verify-receipt": "consumer verify-receipt {receipt} --certificate {certificate}",
    "evidence": "consumer evidence {certificate} --format cyclonedx --out {out}",
    "model-card": "consumer evidence {certificate} --format model-card --out {out}",
    "csv": "consumer evidence {certificate} --format csv --out {out}",
    "sign": "consumer sign {certificate} --key id --issuer Bank --serial 1 --expires 2999-01-01",
    "explain": "producer explain --individual test-000001 --spec {spec} --model {model} --data {data} "
    "--head {certificate} --out {out}.png",
}
"""Whatever reads a certificate, but for `inspect`."""


@pytest.fixture
def expired(copies, run, tmp_path):
    """A certificate whose last day is past, all digests right; and a receipt of it from before."""
    person = next(load_certificate(copies.certificate).rows).sample_id
    receipt = tmp_path / "receipt.json"
    assert run("consumer", "receipt", copies.certificate, "--individual", person, "--out", receipt) == 0  # fmt: skip
    ends = {"issued": "2020-01-01", "valid_until": "2020-12-31"}
    forge.restate(copies.certificate, lambda d: d["imprint"].update(ends))
    made = json.loads(receipt.read_text())
    made["certificate"] = forge.document_of(copies.certificate)["content_digest"]
    receipt.write_bytes(canonical_json(made) + b"\n")
    return {**vars(copies), "receipt": receipt}


@pytest.mark.parametrize("use", USES)
def test_after_its_last_day_nothing_is_done_with_it(use, expired, fails):
    words = (word.format(**expired) for word in USES[use].split())
    fails(6, "was valid until 2020-12-31; ask its issuer", *words, nothing_at=expired["out"])


def test_it_can_still_be_looked_at(expired, run, capsys):
    capsys.readouterr()
    assert run("consumer", "inspect", expired["certificate"]) == 0
    assert re.search(r"EXPIRED +ask its issuer", capsys.readouterr().out)


def test_every_command_that_takes_a_certificate_is_tried_above():
    """A command that takes none has to be named here: whoever adds one that does is reminded."""
    others = {"certify", "merge", "commit", "inspect", "rotate"}
    assert set(consumer.commands) - others <= set(USES)


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
