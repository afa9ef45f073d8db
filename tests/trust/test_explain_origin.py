"""An explanation rests on a spec and a certificate of others: with a trust file, on those of whom it pins."""

import json

import pytest

from shared_spec.artifacts.certificate import load_certificate

pytestmark = pytest.mark.pipeline


@pytest.fixture
def words(parties, tmp_path):
    """The command, with whatever follows."""
    name = next(load_certificate(parties.certificate).rows).sample_id
    given = ["--individual", name, "--spec", parties.spec, "--model", parties.model, "--data", parties.data,
             "--head", parties.certificate, "--out", tmp_path / "why.png"]  # fmt: skip
    return lambda *further: ["producer", "explain", *given, *further]


def test_an_explanation_names_who_signed_what_it_rests_on(parties, words, run, capsys):
    parties.sign()
    trust = parties.trust()
    assert run(*words()) == 0
    assert capsys.readouterr().out.count("origin not verified") == 2
    assert run(*words("--trust", trust, "--force", "--json")) == 0
    origin = json.loads(capsys.readouterr().out)["origin"]
    assert "signed by regulator City Office" in origin["spec"]
    assert "signed by consumer Bank of X" in origin["certificate"]


@pytest.mark.parametrize("unsigned", ["regulator", "consumer"])
def test_what_nobody_signed_explains_nothing(unsigned, parties, words, fails, tmp_path):
    parties.sign(*{"regulator", "consumer"} - {unsigned})
    fails(
        3,
        r"\.sig\.json: no such",
        *words("--trust", parties.trust()),
        nothing_at=tmp_path / "why.png",
    )


def test_a_signature_that_is_over_has_its_exit_code(parties, words, fails, tmp_path):
    parties.sign()
    trust = parties.trust(pins={"consumer": {"valid_until": "2001-01-01T00:00:00Z"}})
    fails(6, "", *words("--trust", trust), nothing_at=tmp_path / "why.png")
