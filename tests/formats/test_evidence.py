"""Evidence for other systems: valid by their schemas, in the statements' words, never more than is claimed."""

import csv
import io
import json
import re
from datetime import date

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from consumer.evidencing.verb import FORMATS
from shared_spec.artifacts.audit_documents import CONFIDENCE, AuditEntry, NotChecked, SplitScope
from shared_spec.artifacts.certificate import load_certificate
from shared_spec.artifacts.group_figures import GroupCounts, GroupTable
from shared_spec.artifacts.reality import Alike, RealityCheck
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


def test_an_auditor_attests_what_it_looked_at_and_no_claim_of_the_issuer(document):
    bad = hypergeometric_upper(0, 30, 40, 1 - CONFIDENCE)
    scope = SplitScope(split="test", individuals=40, checked=30, failed=0, bad_at_most=bad)
    left = NotChecked(what="smoothing radii", why="they are drawn")
    entry = AuditEntry(
        digest="sha256-content-v1:" + "a" * 64, scope=scope, not_checked=(left,), findings=0
    )
    said = json.loads(FORMATS["cyclonedx"](document.model_copy(update={"audit": entry})))
    declared = said["declarations"]
    own, audited = declared["attestations"]
    assert own["map"] == [{"claims": ["claim-exact", "claim-smoothing"]}]
    assert audited["map"] == [{"claims": ["claim-audited"]}]
    assert "Not checked: smoothing radii (they are drawn)." in audited["summary"]
    (claim,) = (each for each in declared["claims"] if each["bom-ref"] == "claim-audited")
    assert f"at most {bad} of them are otherwise" in claim["predicate"]


def test_accuracy_is_of_those_whose_label_is_known_and_says_by_whose(document):
    claims = {"exact": document.claims["exact"].model_copy(update={"labelled": 3})}
    own = document.model_copy(update={"claims": claims, "labels": "consumer"})
    known = "test, the 3 of 40 individuals whose label is known, by the issuer's own labels"
    for form in ("cyclonedx", "model-card"):
        assert known in FORMATS[form](own).decode(), form
        assert "by the producer's labels" in FORMATS[form](document).decode(), form
    (row,) = csv.DictReader(io.StringIO(FORMATS["csv"](own).decode()))
    assert (row["labelled"], row["labels"]) == ("3", "consumer")


def test_who_was_left_out_and_the_last_day_are_in_every_form(document):
    days = Imprint(issuer="Bank of X", issued=date(2026, 12, 1), valid_until=date(2027, 6, 30))
    dated = document.model_copy(update={"imprint": days, "skipped": 7})
    for form in ("cyclonedx", "model-card", "csv"):
        text = FORMATS[form](dated).decode()
        assert "2027-06-30" in text, form
        assert "40 of 47 individuals, 7 left out" in text or form == "csv"
    (row, _) = csv.DictReader(io.StringIO(FORMATS["csv"](dated).decode()))
    assert (row["skipped"], row["valid_until"]) == ("7", "2027-06-30")
    bom = FORMATS["cyclonedx"](dated).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bom) is None
    evidence = json.loads(bom)["declarations"]["evidence"][0]
    assert (evidence["created"], evidence["expires"]) == (
        "2026-12-01T00:00:00Z",
        "2027-06-30T23:59:59Z",
    )


def test_what_true_counterparts_get_stands_beside_what_is_certified(document):
    few, everybody = Alike(people=18, alike=17), Alike(people=40, alike=30)
    check = RealityCheck(
        attribute="Pale_Skin",
        counterparts=80,
        everybody=everybody,
        certified=dict.fromkeys(document.claims, few),
    )
    known = document.model_copy(update={"reality": (check,)})
    card = FORMATS["model-card"](known).decode()
    assert "| Pale\\_Skin | all | 30 of 40 | 75.0% \\(58.8 to 87.4\\) |" in card
    bom = FORMATS["cyclonedx"](known).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bom) is None
    metrics = json.loads(bom)["metadata"]["component"]["modelCard"]["quantitativeAnalysis"][
        "performanceMetrics"
    ]
    (everyone,) = (each for each in metrics if each["slice"].startswith("all, "))
    assert (everyone["type"], everyone["value"][:5]) == (
        "true counterparts in Pale_Skin, %, counted",
        "75.0%",
    )
    assert "True counterparts" not in FORMATS["model-card"](document).decode()


@pytest.mark.parametrize(
    "name", ["https://evil.example/?a=b", "www.evil.example", "WWW.evil.example", "me@evil.example"]
)
def test_names_become_no_links(document, name):
    card = FORMATS["model-card"](document.model_copy(update={"target": name})).decode()
    body = card.split("---\n", 2)[2]
    assert "evil" in body
    assert not re.search(r"(?i)www\.|://|\w@\w", body)


def test_no_separator_makes_a_formula_of_a_name(document):
    named = document.model_copy(update={"target": "a;=cmd|' /C calc'!A0;\t@b"})
    table = FORMATS["csv"](named).decode()
    for separator in ",;\t":
        cells = [
            cell.strip()
            for row in csv.reader(io.StringIO(table), delimiter=separator)
            for cell in row
        ]
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


def test_percentages_are_rounded_down(document):
    claim = document.claims["exact"]
    counts = {status: 0 for status in claim.counts} | {"CERTIFIED": 39_999, "NOT_CERTIFIED": 1}
    nearly = claim.model_copy(
        update={"counts": counts, "individuals": 40_000, "certified_fraction": 39_999 / 40_000}
    )
    changed = document.model_copy(update={"claims": {"exact": nearly}})
    for name, form in FORMATS.items():
        if name == "groups-csv":  # of which nothing is guaranteed
            continue
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


def test_the_command_writes_each_form_and_nothing_over_anything(tiny, whole, run, fails, tmp_path):
    for form in FORMATS:
        out = tmp_path / f"{form}.out"
        assert run("consumer", "evidence", whole.certificate, "--format", form, "--out", out) == 0
        first = out.read_bytes()
        again = [
            "consumer",
            "evidence",
            whole.certificate,
            "--format",
            form,
            "--out",
            out,
            "--force",
        ]
        assert run(*again) == 0
        assert out.read_bytes() == first
        for notes in (
            b"my notes",
            b"---\napiVersion: v1\n",
            b'{\n  "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json"\n}',
        ):
            out.write_bytes(notes)
            fails(2, f"is no {form} of a certificate alone, so it is not replaced", *again)
            assert out.read_bytes() == notes
    fails(2, "exists already", "consumer", "evidence", tiny.certificate, "--out", out)
    new = tmp_path / "new"
    fails(2, "--format is groups-csv: .* counts no groups; ask for one of `consumer certify --groups NAME`",
          "consumer", "evidence", tiny.certificate, "--format", "groups-csv", "--out", new, nothing_at=new)  # fmt: skip


@pytest.fixture(scope="module")
def grouped(whole):
    return load_certificate(whole.certificate).document


@pytest.fixture(scope="module")
def three(grouped):
    """A task of three classes, one of them and the label of a hostile name."""

    def group(name, people, *predicted):
        decided = {each: n for each, n in zip((HOSTILE, "b", "c"), predicted, strict=True) if n}
        return GroupCounts(
            name=name, people=people, predicted=decided, labelled=0, correct=0, certified=people
        )

    groups = (group(HOSTILE, 10, 1, 4, 5), group("y", 20, 10, 0, 8), group("z", 30, 9, 6, 15))
    people = grouped.claims["exact"].model_copy(update={"individuals": 60})
    head = grouped.head.model_copy(update={"classes": (HOSTILE, "b", "c")})
    table = GroupTable(label=HOSTILE, few=0, few_people=0, views={"exact": groups})
    changes = {"claims": {"exact": people}, "head": head, "groups": (table,)}
    return grouped.model_copy(update=changes)


def test_groups_are_in_cyclonedx_as_what_is_counted(grouped, three):
    for each in (grouped, three):
        text = FORMATS["cyclonedx"](each).decode()
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
        card = json.loads(text)["metadata"]["component"]["modelCard"]
        assessed = card["considerations"]["fairnessAssessments"][len(each.claims) :]
        assert len(assessed) == sum(len(table.views) for table in each.groups)
        assert all("nothing of it is proved" in found["harms"] for found in assessed)
        metrics = card["quantitativeAnalysis"]["performanceMetrics"]
        for table in each.groups:
            for view, groups in table.views.items():
                for group in groups:
                    where = (
                        f"{table.label}: {group.name}, {group.people} people of test, {view} view"
                    )
                    found = {m["type"]: m["value"] for m in metrics if m["slice"] == where}
                    assert found["certified, %, counted"] == f"{100 * group.certified / group.people:.1f}"  # fmt: skip
                    assert sum(name.startswith("decided ") for name in found) == len(each.head.classes)  # fmt: skip
                    assert ("right, %, counted" in found) == (group.labelled > 0)
    assert "of fewer than 10 people" in FORMATS["cyclonedx"](grouped).decode()


def test_groups_are_tables_of_the_model_card(grouped, three):
    card = FORMATS["model-card"](grouped).decode()
    assert "nothing of it is proved" in card
    assert "| group | people | decided yes | right | certified |" in card
    for table in grouped.groups:
        for group in table.views["exact"]:
            share = f"{100 * group.predicted.get('yes', 0) / group.people:.1f}%"
            assert f"| {group.name} | {group.people} | {share} |" in card
    card = FORMATS["model-card"](three).decode()
    assert "| b | 0.0% \\(y\\) | 40.0% \\(" in card, "where b is decided least and most often"
    assert "| 40.0 | 0.00 |" in card
    assert "<script>" not in card
    assert "](javascript:" not in card
    body = card.split("## How groups fare")[1].split("## Limitations")[0]
    widths = {
        len(re.findall(r"(?<!\\)\|", line)) for line in body.splitlines() if line.startswith("|")
    }
    assert widths == {5, 6}, "a name has made a cell more"


def test_the_table_of_groups_has_a_row_per_rate(grouped, three):
    for each in (grouped, three):
        rows = list(csv.DictReader(io.StringIO(FORMATS["groups-csv"](each).decode())))
        assert not any(
            cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values()
        )
        shown = [row for row in rows if row["rate"] != "not shown"]
        assert len(shown) == sum(
            len(groups) * (len(each.head.classes) + 2)
            for table in each.groups
            for groups in table.views.values()
        )
        for row in shown:
            assert row["percent"] == (
                f"{100 * int(row['count']) / int(row['of']):.1f}" if int(row["of"]) else ""
            )
        left_out = [int(row["people"]) for row in rows if row["rate"] == "not shown"]
        assert left_out == [table.few_people for table in each.groups if table.few]


def test_without_groups_no_form_speaks_of_them(document):
    for name in ("cyclonedx", "model-card", "csv"):
        assert "roups" not in FORMATS[name](document).decode().replace("about groups", "")


def test_inspect_shows_what_is_counted_beside(whole, run, capsys):
    capsys.readouterr()
    assert run("consumer", "inspect", whole.certificate) == 0
    shown = capsys.readouterr().out
    for name in ("Pale_Skin", "Wearing_Earrings"):
        assert f"Groups by {name}, exact view; counted, not proved." in shown
    assert "decided yes" in shown
