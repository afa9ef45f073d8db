"""report.html: one file that repeats the certificate, whoever chose the names in it, and that nobody can change."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
from columns import in_columns
from tallied import count_rows

from consumer.report.page import render_report as render_tallies
from shared_spec import load_certificate
from shared_spec.artifacts.canonical import canonical_json, digest_document
from shared_spec.artifacts.certificate import CertificateDocument
from shared_spec.artifacts.head_documents import HeadTraining
from shared_spec.artifacts.rows import Row
from shared_spec.errors import ArtifactError
from shared_spec.population import population_statement
from shared_spec.statements import words_of
from shared_spec.terms import Reason, Status

ROOT = Path(__file__).parents[2]
VOID = {"meta", "link", "img", "br", "hr", "input", "base", "embed", "source"}


class Node(HTMLParser):
    """A parsed page: a tree of elements, each with its tag, attributes, children and text."""

    def __init__(self, page=None, tag="", attributes=()):
        super().__init__()
        self.tag, self.attributes, self.children, self.words = tag, dict(attributes), [], []
        if page is not None:
            self._open = [self]
            self.feed(page.decode())
            assert self._open == [self], "an element is left open"

    def handle_starttag(self, tag, attributes):
        node = Node(tag=tag, attributes=attributes)
        self._open[-1].children.append(node)
        self._open[-1].words.append(node)
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self._open.append(node)

    def handle_endtag(self, tag):
        if self.get_starttag_text().endswith("/>") and self._open[-1].tag != tag:
            return
        assert self._open.pop().tag == tag

    def handle_data(self, data):
        self._open[-1].words.append(data)

    def every(self, tag=None, **attributes):
        """All descendants of this tag with these attributes, in order."""
        for child in self.children:
            wanted = {name.rstrip("_"): value for name, value in attributes.items()}
            if tag in (None, child.tag) and wanted.items() <= child.attributes.items():
                yield child
            yield from child.every(tag, **attributes)

    def only(self, tag=None, **attributes):
        (found,) = self.every(tag, **attributes)
        return found

    @property
    def text(self):
        joined = "".join(word if isinstance(word, str) else word.text for word in self.words)
        return " ".join(joined.split())

    def table(self, name):
        """The texts of the cells of a table, by row."""
        rows = self.only("table", class_=name).every("tr")
        return [[cell.text for cell in row.children] for row in rows]


def claim(model, statement="X", alpha=None, individuals=4, certified=2, **figures):
    alpha = alpha or {}
    total = sum(alpha.values())
    said = population_statement(individuals, certified, total)
    method = "sequential" if model.startswith("Ĉ") else "closed-form"
    counts = {
        **dict.fromkeys(Status, 0),
        "CERTIFIED": certified,
        "NOT_CERTIFIED": individuals - certified,
    }
    return {
        "certified_model": model, "statement": statement, "sentence": words_of(statement).sentence, "alpha": alpha,
        "alpha_per_individual": total, "radius_method": method, "methods_tried": [method],
        "individuals": individuals, "counts": counts,
        "certified_fraction": certified / individuals, "accuracy": 0.811, "balanced_accuracy": 0.722,
        "majority_accuracy": 0.633, "expected_false_certificates": said.expected_false_certificates,
        "false_certificates_bound": said.false_certificates_bound,
        "population": {"confidence": 0.95, "fair_at_least": said.fair_at_least}, **figures,
    }  # fmt: skip


def rows(view, statuses, classes=("no", "yes"), **columns):
    made = []
    for index, status in enumerate(statuses):
        name = classes[index % len(classes)]
        certified = status == "CERTIFIED"
        row = Row(
            f"test-{index}", view, name, name, Status(status), Reason.NONE if certified else Reason.FAR, 1.5,
            2.5 if certified else 0.5, "closed-form ball", 0, 0,
        )  # fmt: skip
        made.append(replace(row, **columns))
    return made


TRAINING = {"noise": 0.25, "epochs": 1, "batch": 128, "learning_rate": 0.001, "class_weights": "none",
            "training_individuals": 480}  # fmt: skip


def digest(end):
    return "sha256-content-v1:" + end.rjust(64, "0")


def document(claims, classes=("no", "yes"), **changes):
    return CertificateDocument.model_validate({
        "target": "Smiling", "split": "test", "labels": "producer", "spec": {"digest": digest("5bec"),
        "attributes": ["Pale_Skin"], "epsilon": 1}, "bundle_digest": digest("b0d1e"),
        "encoder_digest": digest("e0c0de"),
        "head": {"kind": "linear", "input_dim": 16, "hidden": [], "classes": classes, "sigma_rs": 0.25,
                 "digest": digest("4ead"), "settings": TRAINING},
        "claims": claims, "skipped": 7, "files": [], "tool": {"name": "lassi-consumer", "version": "9.8", "torch": "2"},
        "seed": 11, **changes,
    })  # fmt: skip


def render_report(found, its_rows):
    """The page of a document and its rows."""
    parts = [in_columns(list(mine)) for _, mine in groupby(its_rows, attrgetter("view"))]
    return render_tallies(found, count_rows(found, parts))


MIXED = ["CERTIFIED", "NOT_CERTIFIED", "CERTIFIED", "NOT_CERTIFIED"]
ALPHA = {"radius": 0.005, "mass": 0.0025}


def two_views():
    """A document of two views that differ in every figure, and its rows."""
    smoothing = claim(
        "C∘R̂∘E", "D", ALPHA, 4, 1, accuracy=0.544, balanced_accuracy=0.455, majority_accuracy=0.366
    )
    found = document({"exact": claim("C∘R∘E"), "smoothing": smoothing})
    return found, [*rows("exact", MIXED), *rows("smoothing", ["CERTIFIED", *["NOT_CERTIFIED"] * 3])]


def test_each_view_shows_its_own_model_and_its_own_figures():
    found, its_rows = two_views()
    page = Node(render_report(found, its_rows))
    exact, smoothing = page.only(id="exact"), page.only(id="smoothing")
    assert exact.table("model") == [
        ["Certified model", "C∘R∘E"], ["Certified", "2 of 4 (50.0%)"], ["Accuracy", "81.1%"],
        ["Balanced accuracy", "72.2%"], ["Always the most frequent class", "63.3%"],
    ]  # fmt: skip
    assert smoothing.table("model") == [
        ["Certified model", "C∘R̂∘E"], ["Certified", "1 of 4 (25.0%)"], ["Accuracy", "54.4%"],
        ["Balanced accuracy", "45.5%"], ["Always the most frequent class", "36.6%"],
    ]  # fmt: skip
    for name, other, figures in (
        ("exact", "C∘R̂∘E", ("54.4%", "45.5%")),
        ("smoothing", "C∘R∘E", ("81.1%", "72.2%")),
    ):
        for part in (page.only(id=name), page.only(id=f"verdict-{name}")):
            assert found.claims[name].certified_model in part.text
            assert other not in part.text
            assert not any(figure in part.text for figure in figures)
    assert smoothing.table("alpha")[1:] == [
        ["mass", "0.0025"],
        ["radius", "0.005"],
        ["any of these", "0.0075"],
    ]
    assert exact.only("blockquote").text == words_of("X").sentence
    assert "Statement D of docs/guarantees.md" in smoothing.text


def test_counts_reasons_and_classes_are_those_of_the_rows():
    statuses = ["CERTIFIED", "CERTIFIED", "NOT_CERTIFIED", "ABSTAIN", "UNDECIDED", "ABSTAIN"]
    its_rows = rows("exact", statuses, ("no", "yes"))
    for index, reason in (
        (3, Reason.PRODUCER_ABSTAINED),
        (4, Reason.PRODUCER_UNDECIDED),
        (5, Reason.PRODUCER_ABSTAINED),
    ):
        its_rows[index] = replace(its_rows[index], reason=reason, prediction="", label="")
    counts = {"CERTIFIED": 2, "NOT_CERTIFIED": 1, "ABSTAIN": 2, "UNDECIDED": 1}
    found = document({"exact": claim("C∘R∘E", individuals=6, counts=counts)})
    page = Node(render_report(found, its_rows))
    view = page.only(id="exact")
    assert view.table("counts") == [[status, str(count)] for status, count in counts.items()]
    reasons = page.only(id="remedies").table("reasons")[1:]
    assert [count for _, count in reasons] == ["2", "1", "1"]
    assert "abstains" in reasons[0][0]
    assert "d_cs ≥ d_rs" in reasons[1][0]
    assert "not settled within the effort" in reasons[2][0]
    assert page.only(id="classes").table("classes")[1:] == [
        ["no", "1 of 2 (50.0%)", "1 of 2 (50.0%)"], ["yes", "1 of 1 (100.0%)", "1 of 1 (100.0%)"],
        ["no decision", "0 of 3 (0.0%)", "–"], ["label unknown", "–", "0 of 3 (0.0%)"],
    ]  # fmt: skip


def test_the_exact_view_leads_and_counts_three_outcomes():
    found, its_rows = two_views()
    its_rows[1] = replace(its_rows[1], reason=Reason.WITNESS, witness=0.5)
    lead = Node(render_report(found, its_rows)).only(id="verdict")
    assert lead.only("h2").text == (
        "For 2 of 4 people it is proved that everyone who counts as similar gets the same decision."
    )
    counted = [(part.only("dt").text, part.only("strong").text) for part in lead.every("div")]
    assert counted == [("Proven fair", "2"), ("Proven unfair", "1"), ("Unknown", "1")]
    assert lead.only("svg").attributes["aria-label"] == "2 proven fair, 1 proven unfair, 1 unknown"
    widths = [float(part.attributes["width"]) for part in lead.every("rect")]
    assert widths == [500, 250, 250]


def test_what_was_drawn_does_not_lead_as_a_proof():
    smoothing = claim("C∘R̂∘E", "D", ALPHA, 4, 1)
    its_rows = rows("smoothing", ["CERTIFIED", *["NOT_CERTIFIED"] * 3])
    lead = Node(render_report(document({"smoothing": smoothing}), its_rows)).only(id="verdict")
    assert "For 1 of 4 people it is certified that a similar person, chosen" in lead.text
    assert "Certified fair" in lead.text
    assert "Proven fair" not in lead.text
    assert "everyone" not in lead.text
    assert "of the certificates are false" in lead.text


@pytest.mark.parametrize(
    ("certified", "who"), [(0, "For none of the 4 people"), (4, "For all 4 people")]
)
def test_the_lead_speaks_of_nobody_and_of_all(certified, who):
    statuses = ["CERTIFIED"] * certified + ["NOT_CERTIFIED"] * (4 - certified)
    found = document({"exact": claim("C∘R∘E", certified=certified)})
    page = Node(render_report(found, rows("exact", statuses)))
    assert page.only(id="headline").text.startswith(who)
    assert bool(list(page.only(id="remedies").every("table"))) == (certified < 4)


def test_the_imprint_stands_at_the_head_and_what_is_not_stated_is_said_not_to_be():
    found, its_rows = two_views()
    assert Node(render_report(found, its_rows)).only("header").text.count("not stated") == 5
    stated = {"issuer": "Bank", "system": "Check 4.2", "contact": "a@b.example",
              "issued": "2026-11-29", "valid_until": "2027-11-30"}  # fmt: skip
    page = Node(render_report(document(found.model_dump()["claims"], imprint=stated), its_rows))
    for value in stated.values():
        assert value in page.only("header").text
    assert page.only("h1").text == "Check 4.2"
    assert "Issuer, system and contact" in page.only(id="unchecked").text


def test_what_was_not_checked_is_no_more_than_that():
    found, its_rows = two_views()
    bare = Node(render_report(found, its_rows)).only(id="unchecked").text
    origin = {"role": "producer", "issuer": "Lab", "keys": ["SHA256:" + "A" * 43], "serial": 1,
              "issued": "2026-11-25T00:00:00Z", "valid_until": "2027-11-25T00:00:00Z"}  # fmt: skip
    scope = {"split": "test", "individuals": 4, "checked": 4, "failed": 0, "bad_at_most": 0}
    audit = {"digest": digest("a0d17"), "scope": scope, "not_checked": []}
    claims = found.model_dump()["claims"]
    more = Node(render_report(document(claims, origin=origin, audit=audit), its_rows))
    for words in ("producer's figures", "Who made the representations"):
        assert words in bare
        assert words not in more.only(id="unchecked").text
    assert "computed 4 of the 4 individuals" in more.only(id="audit").text


def test_the_page_says_what_a_smaller_limit_would_certify():
    found, its_rows = two_views()
    assert not list(Node(render_report(found, its_rows)).every(id="less")), "nothing is known"
    reach = [1.0, 0.7, 1.0, 0.2]
    its_rows[:4] = [replace(row, epsilon=e) for row, e in zip(its_rows[:4], reach, strict=True)]
    page = Node(render_report(found, its_rows))
    less = page.only(id="less")
    assert "3 of 4 at half of it, 2 at all of it" in less.text
    assert "75.0% at half, 50.0% at all of it" in less.only("svg").attributes["aria-label"]
    assert len(list(page.every("path", class_="curve"))) == 1, "drawn once"


def test_a_task_of_several_classes_says_of_each_where_it_is_decided_least_and_most_often():
    def group(name, *predicted):
        decided = dict(zip("abc", predicted, strict=True))
        return {"name": name, "people": sum(predicted), "predicted": decided, "labelled": 0, "correct": 0,
                "certified": 0}  # fmt: skip

    table = {
        "label": "age",
        "few": 0,
        "few_people": 0,
        "views": {"exact": [group("<i>", 5, 5, 10), group("y", 1, 8, 1)]},
    }
    made = rows("exact", ["NOT_CERTIFIED"] * 30, "abc")
    found = document(
        {"exact": claim("C∘R∘E", individuals=30, certified=0)}, tuple("abc"), groups=[table]
    )
    first, second = Node(render_report(found, made)).only(id="groups").every("table")
    head = [cell.text for cell in next(first.every("tr")).children]
    assert head == ["Group", "people", "right", "certified"]
    assert [[cell.text for cell in row.children] for row in second.every("tr")][1:] == [
        ["a", "10.0% y", "25.0% <i>", "15.0", "0.40"],
        ["b", "25.0% <i>", "80.0% y", "55.0", "0.31"],
        ["c", "10.0% y", "50.0% <i>", "40.0", "0.20"],
    ]


def test_almost_all_is_never_shown_as_all():
    its_rows = rows("exact", ["CERTIFIED"] * 9_999 + ["NOT_CERTIFIED"])
    found = document({"exact": claim("C∘R∘E", individuals=10_000, certified=9_999)})
    view = Node(render_report(found, its_rows)).only(id="exact")
    assert view.table("model")[1] == ["Certified", "9999 of 10000 (99.9%)"]


def test_without_labels_there_is_no_accuracy_and_no_column_of_labels():
    blank = dict.fromkeys(("accuracy", "balanced_accuracy", "majority_accuracy"))
    found = document({"exact": claim("C∘R∘E", **blank)})
    page = Node(render_report(found, rows("exact", MIXED, label="")))
    assert [cell for _, cell in page.only(id="exact").table("model")[2:]] == ["unknown"] * 3
    assert "No labels are known" in page.only(id="classes").text
    assert all(row[2:] in ([], ["–"]) for row in page.only(id="classes").table("classes")[1:])


def test_a_view_without_both_distances_has_no_figure():
    found, its_rows = two_views()
    its_rows = [replace(row, d_rs=None) if row.view == "exact" else row for row in its_rows]
    page = Node(render_report(found, its_rows))
    assert not list(page.only(id="exact").every("svg"))
    assert not list(page.only(id="exact").every("figure"))
    assert page.only(id="smoothing").only("svg")


def verdict(statement, model, alpha, certified=2):
    view = "smoothing" if "R̂" in model else "exact"
    found = document({view: claim(model, statement, alpha, certified=certified)})
    statuses = ["CERTIFIED"] * certified + ["NOT_CERTIFIED"] * (4 - certified)
    page = Node(render_report(found, rows(view, statuses)))
    return page, page.only(id=f"verdict-{view}")


def test_a_proof_is_called_a_proof():
    _, said = verdict("X", "C∘R∘E", {})
    assert (
        "For 2 of 4 individuals we prove that everyone in the similarity set gets the same decision"
        in said.text
    )
    assert "no failure probability" in said.text
    assert (
        "Nothing is proved about the other 2; that does not mean that they are treated unfairly."
        in said.text
    )
    assert population_statement(4, 2, 0.0).sentences()[-1] in said.text


@pytest.mark.parametrize(
    ("statement", "model", "people"),
    [("D", "Ĉ∘R̂∘E", "a similar person, chosen beforehand,"), ("paper", "C∘R̂∘E", "a similar person, chosen beforehand,"),
     ("I", "C∘R̂∘E", "everyone in the similarity set"), ("X", "Ĉ∘R∘E", "everyone in the similarity set")],
)  # fmt: skip
def test_what_was_drawn_is_not_called_a_proof(statement, model, people):
    page, said = verdict(statement, model, ALPHA)
    assert f"2 of 4 individuals are certified: {people}" in said.text
    assert ("abstain" in said.text) == (statement in ("D", "paper"))
    assert "a certificate can be false" in said.text
    assert "we prove" not in page.text
    assert "no failure probability" not in page.text
    for sentence in population_statement(4, 2, 0.0075).sentences()[1:]:
        assert sentence in said.text
    assert "being certified and yet not treated fairly is at most 0.0075" in said.text
    for wrong in ("the model is fair", "fair with probability", "probability of being fair"):
        assert wrong not in page.text.lower()


@pytest.mark.parametrize(("statement", "alpha"), [("X", {}), ("D", ALPHA)])
def test_where_nobody_is_certified_no_certificate_is_spoken_of(statement, alpha):
    _, said = verdict(statement, "C∘R∘E", alpha, certified=0)
    assert re.search("(For none of the|None of the) 4 individuals", said.text)
    assert (
        "Nothing is proved about them; that does not mean that they are treated unfairly."
        in said.text
    )
    assert "fairly" not in said.text.replace("unfairly", "")


def test_the_chain_is_shown_with_full_digests():
    found, its_rows = two_views()
    page = Node(render_report(found, its_rows))
    shown = [node for node in page.every("code") if node.attributes.get("class") == "digest"]
    digests = [found.spec.digest, found.encoder_digest, found.bundle_digest, found.head.digest]
    assert [node.attributes["title"] for node in shown] == digests
    assert [node.text for node in shown] == digests
    chain = " ".join(cell for row in page.table("chain") for cell in row)
    for words in (
        "lassi-consumer 9.8",
        "seed 11",
        "σ_rs = 0.25",
        "epochs 1, learning rate 0.001, noise 0.25",
    ):
        assert words in chain
    assert "consumer inspect certificate/" in page.only(id="check").text
    assert "Pale_Skin of size at most ε = 1" in page.text
    assert "7 of the split" in page.only(id="limits").text


EVIL = (
    "</style></title></bdi>\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;{{ 7*7 }}"
)


def with_text(text):
    """The page of a certificate in which everybody's words are `text` and a number."""
    words = (f"{text}({number})" for number in range(100))
    classes = (next(words), next(words))
    its_claim = claim("C∘R∘E", "X", {next(words): 0.001})
    found = document(
        {"exact": its_claim}, classes, target=next(words), split=next(words),
        spec={"digest": digest("5bec"), "attributes": [next(words), next(words)], "epsilon": 1},
        tool={"name": next(words), "version": next(words), "torch": next(words)},
        imprint={"issuer": next(words), "system": next(words), "contact": next(words)},
        head={"kind": "linear", "input_dim": 1, "hidden": [], "classes": classes, "sigma_rs": 0.25,
              "digest": digest("4ead"), "settings": TRAINING},
    )  # fmt: skip
    its_rows = rows("exact", MIXED, classes)
    unseen = f"{text}(unseen)"
    its_rows[1] = replace(its_rows[1], sample_id=unseen, method=unseen)
    return render_report(found, its_rows)


def test_names_are_text_whatever_is_in_them():
    page, plain = Node(with_text(EVIL)), Node(with_text("word"))
    tags = [(node.tag, sorted(node.attributes)) for node in page.every()]
    assert tags == [(node.tag, sorted(node.attributes)) for node in plain.every()]
    assert "script" not in {node.tag for node in page.every()}
    for number in range(13):
        assert f"word({number})" in plain.text
        assert f"{EVIL}({number})" in page.text, "escaped twice, or cut"
    assert "word(13)" not in plain.text, "there is a word of which this test does not know"
    assert "unseen" not in plain.text


@pytest.mark.parametrize("rate", [1.0, 0.1, 1e-7])
def test_numbers_read_back_from_json_give_the_same_bytes(rate):
    found, its_rows = two_views()
    settings = HeadTraining.model_validate(TRAINING | {"learning_rate": rate})
    head = found.head.model_copy(update={"settings": settings})
    found = found.model_copy(update={"head": head})
    again = CertificateDocument.model_validate_json(canonical_json(found.model_dump(mode="json")))
    assert render_report(again, its_rows) == render_report(found, its_rows)


def test_the_page_needs_nothing_but_itself():
    found, its_rows = two_views()
    content = render_report(found, its_rows)
    page = Node(content)
    tags = {node.tag for node in page.every()}
    assert not tags & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
        "image",
        "use",
        "foreignobject",
    }
    for node in page.every():
        for name, value in node.attributes.items():
            assert not name.startswith("on"), name
            assert name not in (
                "src",
                "srcset",
                "xlink:href",
                "action",
                "data",
                "poster",
                "background",
            )
            assert name != "href" or value.startswith("#"), value
            assert "url(" not in value
    style = page.only("style").text
    assert "url(" not in style
    assert "@import" not in style
    assert b"://" not in content
    policy = page.only("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]
    assert policy.startswith("default-src 'none'")
    for words in ("prefers-color-scheme: dark", "@media print", "size: A4"):
        assert words in style
    assert page.only("meta", name="viewport")


@pytest.mark.parametrize("classes", [2, 1_000])
def test_a_page_about_many_stays_small_and_lists_nobody(classes):
    names = [f"class {number}" for number in range(classes)]
    generator = np.random.Generator(np.random.Philox(5))
    n, its_rows = 20_000, []
    for view in ("exact", "smoothing"):
        both = np.exp(generator.uniform(-3, 3, (2, n))).tolist()
        of_view = rows(view, np.where(np.less(*both), "CERTIFIED", "NOT_CERTIFIED").tolist(), names)
        its_rows += [replace(row, d_cs=a, d_rs=b) for row, a, b in zip(of_view, *both, strict=True)]
    k = [
        sum(row.status == "CERTIFIED" for row in its_rows if row.view == view)
        for view in ("exact", "smoothing")
    ]
    found = document(
        {"exact": claim("C∘R∘E", "X", {}, n, k[0]), "smoothing": claim("C∘R̂∘E", "D", ALPHA, n, k[1])}, names
    )  # fmt: skip
    content = render_report(found, its_rows)
    assert len(content) < 250_000
    page = Node(content)
    assert (
        "20000 individuals are too many to draw one by one"
        in page.only(id="exact").only("figcaption").text
    )
    assert "test-1" not in page.text
    table = page.only(id="classes").table("classes")[1:]
    assert len(table) <= 21
    for column in (1, 2):
        cells = [row[column].split() for row in table]
        assert (sum(int(c[0]) for c in cells), sum(int(c[2]) for c in cells)) == (k[0], n)


# In the artefact.


def test_the_command_writes_a_page_that_anybody_can_draw_again(tiny, run, tmp_path):
    certificate = load_certificate(tiny.certificate)
    content = (tiny.certificate / "report.html").read_bytes()
    assert "report.html" in [entry.name for entry in certificate.document.files]
    assert render_report(certificate.document, certificate.rows) == content
    again = tmp_path / "again"
    assert (
        run("consumer", "certify", "--reps", tiny.reps, "--target", "Smiling", "--out", again) == 0
    )
    assert (again / "report.html").read_bytes() == content
    assert certificate.document.content_digest not in content.decode()
    page = Node(content)
    for view, its_claim in certificate.document.claims.items():
        figures = dict(page.only(id=view).table("model"))
        assert figures["Certified model"] == its_claim.certified_model
        assert figures["Accuracy"] == f"{100 * its_claim.accuracy:.1f}%"
        assert figures["Certified"].startswith(
            f"{its_claim.counts['CERTIFIED']} of {its_claim.individuals} "
        )
        assert f"{its_claim.counts['CERTIFIED']} of" in page.only(id=f"verdict-{view}").text


@pytest.mark.parametrize("change", ["a byte", "a word", "no file"])
def test_a_changed_page_is_found(copies, change):
    path = copies.certificate / "report.html"
    content = path.read_bytes()
    assert load_certificate(copies.certificate)
    if change == "no file":
        path.unlink()
    elif change == "a byte":
        path.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
    else:
        path.write_bytes(content.replace(b"individuals", b"people"))
    with pytest.raises(ArtifactError, match=r"report\.html"):
        load_certificate(copies.certificate)


def test_a_certificate_without_its_page_is_refused(copies):
    path = copies.certificate / "certificate.json"
    old = json.loads(path.read_text())
    old["files"] = [entry for entry in old["files"] if entry["name"] != "report.html"]
    old["content_digest"] = digest_document(old, [])
    path.write_bytes(canonical_json(old))
    (copies.certificate / "report.html").unlink()
    with pytest.raises(ArtifactError, match=r"report\.html is not listed"):
        load_certificate(copies.certificate)


def test_the_templates_are_in_the_wheel(tmp_path):
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
    ]
    build += ["--disable-pip-version-check", "--wheel-dir", str(tmp_path), str(ROOT / "consumer")]
    subprocess.run(build, check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for path in (ROOT / "consumer/src/consumer/report/templates").iterdir():
        assert f"consumer/report/templates/{path.name}" in names
