"""Receipts of signed certificates: the person holds the receipt, the document and its signature, and nothing else."""

import shutil

import pytest

from shared_spec.artifacts.certificate import load_certificate

pytestmark = pytest.mark.pipeline


@pytest.fixture
def person(parties, run, tmp_path):
    """A folder with the three files that somebody is handed, and the trust file beside."""
    parties.sign()
    folder = tmp_path / "mine"
    folder.mkdir()
    name = list(load_certificate(parties.certificate).rows)[3].sample_id
    assert (
        run(
            "consumer",
            "receipt",
            parties.certificate,
            "--individual",
            name,
            "--out",
            folder / "receipt.json",
        )
        == 0
    )
    shutil.copy2(parties.certificate / "certificate.json", folder)
    shutil.copy2(parties.certificate.with_name("certificate.sig.json"), folder)
    return folder


def words(folder, *further):
    return [
        "consumer",
        "verify-receipt",
        folder / "receipt.json",
        "--certificate",
        folder / "certificate.json",
        *further,
    ]


def test_a_receipt_names_who_signed_its_certificate(parties, person, run, capsys):
    trust = parties.trust()
    assert run(*words(person)) == 0
    assert "origin not verified" in capsys.readouterr().out
    assert run(*words(person, "--trust", trust)) == 0
    assert "signed by consumer Bank of X" in capsys.readouterr().out
    inside = [
        "consumer",
        "verify-receipt",
        person / "receipt.json",
        "--trust",
        trust,
        "--certificate",
    ]
    for place in (parties.certificate, parties.certificate / "certificate.json"):
        assert run(*inside, place) == 0
        assert "signed by consumer Bank of X" in capsys.readouterr().out


def test_a_signature_of_another_certificate_or_key_is_refused(parties, person, fails, house):
    trust = parties.trust(pins={"consumer": {}})
    shutil.copy2(parties.reps.with_name("reps.sig.json"), person / "certificate.sig.json")
    fails(3, "does not pin for consumer", *words(person, "--trust", trust))
    (person / "certificate.sig.json").unlink()
    (parties.certificate.with_name("certificate.sig.json")).unlink()
    fails(3, "no such file", *words(person, "--trust", trust))


def test_what_is_no_document_or_no_receipt_is_refused_in_one_line(person, parties, fails):
    fails(3, "media type", "consumer", "verify-receipt", person / "certificate.json", "--certificate",
          person / "certificate.json")  # fmt: skip
    fails(3, "media type", "consumer", "verify-receipt", person / "receipt.json", "--certificate",
          person / "receipt.json")  # fmt: skip
    fails(2, "exists already", "consumer", "receipt", parties.certificate, "--individual", "x", "--out",
          person / "receipt.json")  # fmt: skip
    fails(5, "no individual", "consumer", "receipt", parties.certificate, "--individual", "x", "--out",
          person / "receipt.json", "--force")  # fmt: skip
    fails(2, "is no receipt alone", "consumer", "receipt", parties.certificate, "--individual", "x", "--out",
          person / "certificate.json", "--force")  # fmt: skip
