"""docs/verifier.html in Chromium, from disk and without a network: what holds is shown so, what was changed is not."""

import base64
import hashlib
import json
import re
import time
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import forge
import pytest

from shared_spec.artifacts.canonical import canonical_json
from shared_spec.statements import words_of
from shared_spec.terms import Statement

PAGE = Path(__file__).parents[2] / "docs" / "verifier.html"
PREFIX = "sha256-content-v1:"


class _Tags(HTMLParser):
    """Every attribute that could fetch something, and the bodies of script and style."""

    def __init__(self):
        super().__init__()
        self.fetching, self.bodies, self.policy, self._within = [], {}, "", None

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.fetching += [name for name in values if name in ("src", "href", "srcset", "action")]
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        self._within = tag

    def handle_data(self, data):
        if self._within in ("script", "style"):
            self.bodies[self._within] = self.bodies.get(self._within, "") + data

    def handle_endtag(self, tag):
        self._within = None


def test_the_page_can_fetch_nothing_and_runs_its_own_script_alone():
    page = _Tags()
    page.feed(PAGE.read_text())
    assert page.fetching == []
    rules = dict(rule.strip().split(" ", 1) for rule in page.policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for tag, body in page.bodies.items():
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert rules.pop(f"{tag}-src") == f"'sha256-{digest}'", (
            f"{tag} was changed: its hash is now {digest}"
        )
    assert set(rules) == {"default-src", "base-uri", "form-action"}
    markup = r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\("
    assert not re.search(markup, page.bodies["script"])


@pytest.fixture
def look(chromium, parties):
    """Gives the page files and a key; returns its verdict and its findings by subject."""

    def check(*paths, key=""):
        chromium.get(PAGE.as_uri())
        chromium.execute_script("document.getElementById('key').value = arguments[0]", key)
        names = [str(each) for path in paths for each in files_of(path)]
        chromium.find_element("id", "files").send_keys("\n".join(names))
        verdict = chromium.find_element("id", "verdict")
        until = time.monotonic() + 60
        while verdict.text.startswith(("No files", "Checking")) and time.monotonic() < until:
            time.sleep(0.05)
        subjects = [each.text for each in chromium.find_elements("tag name", "dt")]
        findings = [each.text for each in chromium.find_elements("tag name", "dd")]
        return verdict.text, dict(zip(subjects, findings, strict=True))

    def files_of(path):
        return sorted(path.iterdir()) if path.is_dir() else [path]

    return check


@pytest.fixture
def signed(parties):
    """A signed certificate, its signature and the consumer's public key."""
    parties.sign("consumer")
    parties.signature = parties.certificate.with_name("certificate.sig.json")
    parties.line = parties.house.keys["consumer"].public.line
    return parties


def claimed(**words):
    """Changes the smoothing view's claim."""
    return lambda document: document["claims"]["smoothing"].update(words)


EXACT = {"statement": "X", "sentence": words_of(Statement.X).sentence}
OTHERWISE = {
    "spec": (lambda d: d["spec"].update(epsilon=100.0), "another spec"),
    "encoder": (lambda d: d.update(encoder_digest=PREFIX + "0" * 64), "another encoder"),
    "split": (lambda d: d.update(split="valid"), "nothing can be claimed of split valid"),
    "skipped": (lambda d: d.update(skipped=3), "skips other individuals"),
    "seed": (lambda d: d.update(bundle_seed="committed"), "whose choice the bundle's seed was"),
    "statement": (claimed(**EXACT), "smoothing: the bundle makes another statement"),
    "individuals": (claimed(individuals=39), "smoothing: counts 40 of 39 individuals"),
    "model": (claimed(certified_model="C∘R∘E"), "smoothing: the certified model is C∘R̂∘E"),
    "alpha": (claimed(alpha={}, alpha_per_individual=0.0), "smoothing: its failure probabilities"),
    "fraction": (claimed(certified_fraction=1.0), "smoothing: the certified fraction is 0."),
    "sum": (claimed(alpha_per_individual=0.0), "smoothing: alpha per individual is 0.01"),
}


@pytest.mark.browser
@pytest.mark.pipeline
class TestInABrowser:
    """What needs Chromium."""

    def test_a_good_certificate_holds_in_all_that_the_page_checks(self, look, signed):
        verdict, found = look(signed.certificate, signed.signature, signed.reps, key=signed.line)
        assert verdict.startswith("✓"), found
        assert "by Bank of X" in found["signature"]
        assert re.search(r"80 of 80 computed again", found["decisions"]), found["decisions"]

    def test_files_may_come_in_several_goes_as_they_lie_in_several_folders(
        self, look, chromium, signed
    ):
        """A picker shows one folder at a time, and gives the page that folder's files alone."""
        verdict, found = look(signed.signature)
        assert verdict.startswith("○")
        assert "not among the files yet" in found["document"]
        for folder in (signed.certificate, signed.reps):
            chromium.execute_script("document.getElementById('files').value = ''")
            chromium.find_element("id", "files").send_keys(
                "\n".join(map(str, sorted(folder.iterdir())))
            )
        until = time.monotonic() + 60
        while "decisions" not in (
            said := [each.text for each in chromium.find_elements("tag name", "dt")]
        ):
            assert time.monotonic() < until, said
            time.sleep(0.05)
        assert {"signature", "bundle", "files of the bundle", "Merkle roots"} <= set(said)
        chromium.find_element("id", "again").click()
        assert chromium.find_element("id", "verdict").text == "No files yet."
        assert not chromium.find_elements("tag name", "dt")

    def test_claims_that_contradict_themselves_need_no_bundle_to_be_refused(self, look, signed):
        forge.restate(signed.certificate, claimed(alpha_per_individual=0.0))
        verdict, found = look(signed.certificate / "certificate.json")
        assert verdict.startswith("✗")
        assert "smoothing: alpha per individual is 0.01" in found["document"]

    def test_a_receipt_is_checked_with_the_document_alone(self, look, signed, run):
        out, rows = signed.spec.parent / "mine.json", signed.certificate / "individuals.csv"
        person = rows.read_text().splitlines()[3].split(",")[0]
        assert (
            run("consumer", "receipt", signed.certificate, "--individual", person, "--out", out)
            == 0
        )
        given = (out, signed.certificate / "certificate.json", signed.signature)
        _, found = look(*given, key=signed.line)
        assert f"✓ {person} is in this certificate" in found["receipt mine.json"]
        assert found["signature"].startswith("✓")
        whole = out.read_text()
        receipt = json.loads(whole)
        out.write_bytes(canonical_json({**receipt, "rows": receipt["rows"][:1]}) + b"\n")
        verdict, found = look(*given, key=signed.line)
        assert verdict.startswith("✗")
        assert "is not one row per view of one person" in found["receipt mine.json"]
        out.write_text(whole.replace("CERTIFIED", "UNDECIDED", 1))
        verdict, found = look(*given, key=signed.line)
        assert verdict.startswith("✗")
        assert "this row is not in the certificate" in found["receipt mine.json"]

    def test_roots_that_are_not_those_of_the_rows_are_refused(self, look, signed):
        _, found = look(signed.certificate)
        assert found["Merkle roots"].startswith("✓ those of all 80 rows")
        roots = {view: "0" * 64 for view in ("exact", "smoothing")}
        forge.restate(signed.certificate, lambda document: document.update(roots=roots))
        verdict, found = look(signed.certificate)
        assert verdict.startswith("✗")
        assert "its root is not that of its rows" in found["Merkle roots"]

    def test_what_was_not_given_is_open_and_said(self, look, signed):
        verdict, found = look(signed.certificate)
        assert verdict.startswith("○")
        assert "not known" in found["signature"]
        assert "no bundle was given" in found["decisions"]

    def test_after_its_last_day_it_holds_no_more(self, look, signed):
        dates = {"issued": "2020-01-01", "valid_until": datetime.now(UTC).date().isoformat()}
        for last, mark in ((dates["valid_until"], "✓"), ("2020-12-31", "✗")):
            dates["valid_until"] = last
            forge.restate(signed.certificate, lambda d: d["imprint"].update(dates))
            verdict, found = look(signed.certificate)
            assert found["validity"].startswith(f"{mark} dated 2020-01-01, valid until {last}")
            assert verdict.startswith("✗") == (mark == "✗")

    def test_the_key_of_another_is_refused(self, look, signed):
        other = signed.house.key_of("somebody else").public.line
        verdict, found = look(signed.certificate, signed.signature, key=other)
        assert verdict.startswith("✗")
        assert "there is none by SHA256:" in found["signature"]

    def test_a_signature_that_was_changed_is_refused(self, look, signed):
        text = signed.signature.read_text()
        sig = re.search(r'"sig":"(.)', text)
        other = "B" if sig[1] == "A" else "A"
        signed.signature.write_text(text[: sig.start(1)] + other + text[sig.end(1) :])
        verdict, found = look(signed.certificate, signed.signature, key=signed.line)
        assert verdict.startswith("✗")
        assert "is not one of this content" in found["signature"]

    def test_a_resealed_certificate_is_not_the_one_that_was_signed(self, look, signed):
        forge.restate(signed.certificate, lambda document: document.update(seed=7))
        verdict, found = look(signed.certificate, signed.signature, key=signed.line)
        assert verdict.startswith("✗")
        assert "signs another certificate" in found["signature"]

    def test_a_changed_row_is_not_the_listed_file(self, look, signed):
        path = signed.certificate / "individuals.csv"
        path.write_bytes(path.read_bytes().replace(b",CERTIFIED,", b",UNDECIDED,", 1))
        verdict, found = look(signed.certificate, signed.reps)
        assert verdict.startswith("✗")
        assert "individuals.csv is not the file that was listed" in found["files"]

    def test_a_resealed_row_does_not_follow_from_head_and_bundle(self, look, signed):
        """All digests right, the counts too: only the decision itself shows it."""

        def swap(content):
            header, *lines = content.decode().splitlines()
            columns = header.split(",")
            place, why = columns.index("status"), columns.index("reason")
            cells = [line.split(",") for line in lines]
            exact = [row for row in cells if row[columns.index("view")] == "exact"]
            yes = next(row for row in exact if row[place] == "CERTIFIED")
            no = next(row for row in exact if row[place] == "NOT_CERTIFIED")
            for index in (place, why):
                yes[index], no[index] = no[index], yes[index]
            return "\n".join([header, *map(",".join, cells), ""]).encode()

        forge.edit_bytes(signed.certificate, "individuals.csv", swap)
        verdict, found = look(signed.certificate, signed.reps)
        assert found["counts"].startswith("✓")
        assert verdict.startswith("✗")
        assert "does not follow from head and bundle" in found["decisions"]

    def test_people_whom_the_bundle_does_not_have_are_refused(self, look, signed):
        """Rows of somebody else in every view, counts and roots right: no shard speaks of them."""
        rows = signed.certificate / "individuals.csv"
        person = rows.read_text().splitlines()[3].split(",")[0]
        forge.edit_bytes(
            signed.certificate,
            rows.name,
            lambda content: content.replace(f"{person},".encode(), b"ghost,"),
        )
        verdict, found = look(signed.certificate, signed.reps)
        assert found["counts"].startswith("✓")
        assert verdict.startswith("✗")
        assert "is not about the bundle's individuals" in found["decisions"]

    @pytest.mark.parametrize("kept", [(), ("individuals.csv", "report.html", "salt.json")])
    def test_files_that_are_not_listed_are_missed(self, look, signed, kept):
        """Whatever is not listed would not be looked at."""
        forge.restate(
            signed.certificate,
            lambda d: d.update(files=[entry for entry in d["files"] if entry["name"] in kept]),
        )
        verdict, found = look(signed.certificate, signed.reps)
        assert verdict.startswith("✗")
        assert "; expected head.safetensors, individuals.csv, report.html" in found["document"]

    @pytest.mark.parametrize(("change", "says"), OTHERWISE.values(), ids=OTHERWISE)
    def test_a_claim_that_is_not_the_bundles_is_refused(self, look, signed, change, says):
        forge.restate(signed.certificate, change)
        verdict, found = look(signed.certificate, signed.reps)
        assert verdict.startswith("✗")
        assert says in found.get("bundle", found["document"])

    def test_what_earlier_releases_left_out_is_not_missed(self, look, signed):
        """A spec without `similar` is along vectors; a seed of which nothing is said was free."""
        forge.restate(signed.reps, lambda manifest: manifest["spec"].pop("similar"))
        digest = forge.document_of(signed.reps)["content_digest"]
        forge.restate(signed.certificate, lambda document: document.update(bundle_digest=digest))
        _, found = look(signed.certificate, signed.reps)
        assert found["bundle"].startswith("✓")

        def earlier(document):
            document["spec"].pop("similar")
            document.pop("bundle_seed")

        forge.restate(signed.certificate, earlier)
        verdict, found = look(signed.certificate, signed.reps)
        assert found["bundle"].startswith("✓")
        assert found["decisions"].startswith("✓ 80 of 80")
        assert not verdict.startswith("✗")

    def test_signatures_of_other_artefacts_may_lie_beside(self, look, signed):
        signed.sign("producer")
        beside = signed.reps.with_name("reps.sig.json")
        given = [signed.certificate, signed.reps, beside]
        _, found = look(*given, key=signed.line)
        assert found["signature"].startswith("○ none was given")
        verdict, found = look(*given, signed.signature, key=signed.line)
        assert verdict.startswith("✓"), found

    def test_a_view_that_is_not_looked_at_is_named_and_open(self, look, signed):
        crown = {"radius_method": "crown", "methods_tried": ["crown"]}
        forge.restate(signed.certificate, lambda d: d["claims"]["smoothing"].update(crown))
        verdict, found = look(signed.certificate, signed.reps)
        assert not verdict.startswith("✓")
        assert found["decisions"].startswith("○ 40 of 40 computed again")
        assert "smoothing, by another method, are left to consumer verify" in found["decisions"]

    def test_text_of_a_stranger_is_shown_and_never_obeyed(self, look, signed, chromium):
        markup = "<img id=stranger src=x onerror=alert(1)>"
        forge.restate(signed.certificate, lambda document: document.update(target=markup))
        _, found = look(signed.certificate)
        assert markup in found["document"]
        assert chromium.find_elements("id", "stranger") == []
