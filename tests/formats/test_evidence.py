"""Evidence for other systems: valid by their schemas, in the statements' words, never more than is claimed."""

import csv
import io
import json

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from consumer.evidencing.verb import FORMATS
from shared_spec.artifacts.audit_documents import CONFIDENCE, AuditEntry, SplitScope
from shared_spec.artifacts.certificate import load_certificate
from shared_spec.imprint import Imprint
from shared_spec.statements import words_of
from shared_spec.stats import hypergeometric_upper

pytestmark = pytest.mark.pipeline

HOSTILE = "=cmd|' /C calc'!A0 <script>alert(1)</script> [a](javascript:b) \"x\": - #"


@pytest.fixture(scope="module")
def document(tiny):
    return load_certificate(tiny.certificate).document


@pytest.fixture(scope="module")
def hostile(document):
    head = document.head.model_copy(update={"classes": (HOSTILE, "other")})
    return document.model_copy(update={"target": HOSTILE, "head": head})


def test_cyclonedx_is_valid_by_the_official_schema(document, hostile):
    for each in (document, hostile):
        text = FORMATS["cyclonedx"](each).decode()
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    broken = json.loads(text) | {"specVersion": 7}
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(broken)) is not None


def test_cyclonedx_says_what_is_claimed_and_refers_to_what_is_there(document):
    bom = json.loads(FORMATS["cyclonedx"](document))
    said = bom["declarations"]
    known = {each["bom-ref"] for each in (*said["assessors"], *said["claims"], *said["evidence"])}
    known.add(bom["metadata"]["component"]["bom-ref"])
    for claim in said["claims"]:
        stated = document.claims[claim["bom-ref"].removeprefix("claim-")]
        assert words_of(stated.statement).sentence in claim["reasoning"]
        assert f"{stated.certified} of {stated.individuals}" in claim["predicate"]
        assert {claim["target"], *claim["evidence"]} <= known
    for attestation in said["attestations"]:
        assert {attestation["assessor"], *attestation["map"][0]["claims"]} <= known
    assert (
        len(bom["metadata"]["component"]["modelCard"]["considerations"]["fairnessAssessments"]) == 2
    )
    digests = json.dumps(said["evidence"])
    assert document.content_digest in digests
    assert document.bundle_digest in digests
    assert "TO BE FILLED IN BY THE OPERATOR" in json.dumps(said["affirmation"])


def test_who_issued_it_is_named_where_the_certificate_says_so(document):
    named = document.model_copy(update={"imprint": Imprint(issuer="Bank of X", system="Loans 7")})
    said = json.loads(FORMATS["cyclonedx"](named))
    assert said["declarations"]["assessors"][0]["organization"]["name"] == "Bank of X"
    assert said["metadata"]["component"]["version"] == "Loans 7"
    unnamed = json.loads(FORMATS["cyclonedx"](document))
    assert "OPERATOR" in unnamed["declarations"]["assessors"][0]["organization"]["name"]


def test_an_auditor_is_an_assessor_of_what_it_audited(document):
    bad = hypergeometric_upper(0, 30, 40, 1 - CONFIDENCE)
    scope = SplitScope(split="test", individuals=40, checked=30, failed=0, bad_at_most=bad)
    digest = "sha256-content-v1:" + "a" * 64
    audited = document.model_copy(
        update={"audit": AuditEntry(digest=digest, scope=scope, not_checked=(), findings=0)}
    )
    text = FORMATS["cyclonedx"](audited).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    said = json.loads(text)["declarations"]
    assert {each["bom-ref"] for each in said["assessors"]} == {
        "assessor-issuer",
        "assessor-auditor",
    }
    assert "30 of 40" in said["attestations"][1]["summary"]
    assert digest in json.dumps(said["evidence"])


def test_percentages_are_rounded_down(document):
    claim = document.claims["exact"]
    counts = {status: 0 for status in claim.counts} | {"CERTIFIED": 39_999, "NOT_CERTIFIED": 1}
    nearly = claim.model_copy(
        update={"counts": counts, "individuals": 40_000, "certified_fraction": 39_999 / 40_000}
    )
    changed = document.model_copy(update={"claims": {"exact": nearly}})
    for name, form in FORMATS.items():
        text = form(changed).decode()
        assert "99.9" in text, name
        assert "100.0" not in text, name


def test_the_model_card_has_metadata_that_is_data(document, hostile):
    for each in (document, hostile):
        _, metadata, body = FORMATS["model-card"](each).decode().split("---\n", 2)
        (index,) = yaml.safe_load(metadata)["model-index"]
        assert index["name"] == f"classifier of {each.target}"
        assert len(index["results"]) == len(each.claims)
        for result in index["results"]:
            assert all(isinstance(metric["value"], float) for metric in result["metrics"])
        assert "<script>" not in body
        assert "](javascript:" not in body
        assert "TO BE FILLED IN BY THE OPERATOR" in body


def test_the_table_has_a_row_per_claim_and_no_formulas(document, hostile):
    for each in (document, hostile):
        rows = list(csv.DictReader(io.StringIO(FORMATS["csv"](each).decode())))
        assert [row["view"] for row in rows] == sorted(each.claims)
        for row in rows:
            assert int(row["CERTIFIED"]) == each.claims[row["view"]].certified
            assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())


def test_the_command_writes_each_form_and_nothing_over_anything(tiny, run, fails, tmp_path):
    for form in FORMATS:
        out = tmp_path / f"{form}.out"
        assert run("consumer", "evidence", tiny.certificate, "--format", form, "--out", out) == 0
        assert out.read_bytes()
    fails(2, "exists already", "consumer", "evidence", tiny.certificate, "--out", out)
