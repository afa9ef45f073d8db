"""Receipts: one person's rows, proved by the document alone; whatever else they say or hide is refused."""

from __future__ import annotations

import base64
import json
import random
import time

import forge
import pytest
from columns import in_columns

import consumer
from shared_spec.artifacts.canonical import canonical_json
from shared_spec.artifacts.certificate import CertificateDocument, load_certificate
from shared_spec.artifacts.directory import load_directory_document
from shared_spec.artifacts.merkle import leaf_hash
from shared_spec.artifacts.receipt import (
    Receipt,
    ReceiptRow,
    check_receipt,
    make_receipt,
    parse_receipt,
)
from shared_spec.artifacts.rows import HEADER, Row
from shared_spec.artifacts.salt import RowTrees
from shared_spec.errors import ArtifactError, ExpiredError
from shared_spec.imprint import Imprint
from shared_spec.terms import Reason, Status

pytestmark = pytest.mark.pipeline

ALTERED = 10_000


@pytest.fixture(scope="module")
def issued(tiny):
    return load_certificate(tiny.certificate)


@pytest.fixture(scope="module")
def document(tiny):
    """What somebody has who holds nothing but the document."""
    return load_directory_document(tiny.certificate, "certificate.json", CertificateDocument)


def refused(content, document):
    try:
        check_receipt(parse_receipt(content, "receipt"), document, "receipt")
    except ArtifactError:
        return True
    return False


def test_everybody_has_a_receipt_that_the_document_alone_confirms(issued, document):
    for row in issued.rows_of("exact"):
        content = make_receipt(issued, row.sample_id).to_bytes()
        assert len(content) <= 2048
        rows = check_receipt(parse_receipt(content, "receipt"), document, "receipt")
        assert row in rows
        assert {each.view for each in rows} == set(document.claims)


def test_altered_receipts_are_refused(issued, document):
    """Bytes changed, bits flipped, pieces exchanged with other people's receipts: 10,000 of them, and none passes."""
    rng = random.Random(7)
    ids = [row.sample_id for row in issued.rows_of("exact")]
    receipts = [make_receipt(issued, name).to_bytes() for name in ids]
    assert not any(refused(content, document) for content in receipts)
    altered = passed = 0
    while altered < ALTERED:
        original = rng.choice(receipts)
        change = rng.choice((one_byte, one_bit_inside, a_piece_of_another, another_number))
        content = change(rng, original, rng.choice(receipts))
        if content != original:
            altered += 1
            passed += not refused(content, document)
    assert passed == 0


def one_byte(rng, content, _):
    place = rng.randrange(len(content))
    return content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :]


def one_bit_inside(rng, content, _):
    """A hash or a salt with a bit flipped, in canonical JSON."""
    value = json.loads(content)
    row = rng.choice(value["rows"])
    place = rng.randrange(len(row["path"]) + 1)
    found = bytearray(base64.b64decode([*row["path"], row["salt"]][place]))
    found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    text = base64.b64encode(found).decode()
    row.update({"salt": text} if place == len(row["path"]) else {})
    row["path"][place : place + 1] = [text] if place < len(row["path"]) else []
    return canonical_json(value) + b"\n"


def a_piece_of_another(rng, content, other):
    """A field of another person's receipt."""
    value, stranger = json.loads(content), json.loads(other)
    place = rng.randrange(len(value["rows"]))
    key = rng.choice(("index", "line", "path", "salt"))
    if value["rows"][place][key] == stranger["rows"][place][key]:
        return content
    value["rows"][place][key] = stranger["rows"][place][key]
    return canonical_json(value) + b"\n"


def another_number(rng, content, _):
    """A cell of the row, the index, or the order."""
    value = json.loads(content)
    row = rng.choice(value["rows"])
    cells = row["line"].split(",")
    cells[rng.randrange(len(cells))] = rng.choice(("CERTIFIED", "exact", "0.0", "x", "1e300"))
    row["line"] = ",".join(cells)
    return canonical_json(value) + b"\n"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v.update(certificate="sha256-content-v1:" + "0" * 64), "is of certificate"),
        (lambda v: v.update(header=v["header"].replace("d_cs,d_rs", "d_rs,d_cs")), "header is"),
        (lambda v: v["rows"].append(v["rows"][0]), "one row per view"),
        (
            lambda v: v["rows"].pop(),
            "one row per view, exact, smoothing|one row per view, smoothing, exact",
        ),
        (lambda v: v["rows"][0].update(index=10**6), "expected one of"),
        (lambda v: v["rows"][0]["path"].pop(), "path is too short"),
        (lambda v: v["rows"][0]["path"].append(v["rows"][0]["path"][0]), "path is too long"),
        (lambda v: v["rows"][0].update(line=v["rows"][0]["line"] + "\n"), "one row per view|cells"),
        (lambda v: v.update(media_type="application/vnd.lassi.receipt.v2+json"), "media type"),
        (lambda v: v.update(note="trust me"), "field note"),
    ],
)
def test_each_refusal_says_what_is_wrong(issued, document, change, words):
    value = json.loads(make_receipt(issued, next(issued.rows).sample_id).to_bytes())
    change(value)
    with pytest.raises(ArtifactError, match=words):
        check_receipt(parse_receipt(canonical_json(value) + b"\n", "receipt"), document, "receipt")


def test_a_receipt_of_a_certificate_whose_last_day_is_past_has_expired(issued):
    ended = issued.document.model_copy(
        update={"imprint": Imprint(valid_until="2020-01-01", issued="2019-01-01")}
    )
    receipt = make_receipt(issued, next(issued.rows).sample_id)
    assert consumer.verify_receipt(receipt, issued.document).rows[0] == next(issued.rows)
    with pytest.raises(ExpiredError, match="was valid until 2020-01-01"):
        consumer.verify_receipt(receipt, ended)


def test_rows_of_two_people_are_no_receipt(issued, document):
    first, second = (
        json.loads(make_receipt(issued, row.sample_id).to_bytes())
        for row in issued.rows_of("exact")[:2]
    )
    first["rows"][1] = second["rows"][1]
    with pytest.raises(ArtifactError, match="several people"):
        check_receipt(parse_receipt(canonical_json(first) + b"\n", "r"), document, "r")


def test_a_neighbours_row_cannot_be_guessed_from_a_receipt(issued):
    """Who knows a neighbour's row word for word still does not find its hash in the path, for want of the salt."""
    rows = issued.rows_of("exact")
    path = make_receipt(issued, rows[0].sample_id).rows[0].path
    line = next(issued.parts("exact")).lines()[1]
    assert list(issued.salt.leaves("exact", [line])) == [path[0]], (
        "the neighbour's does stand there"
    )
    own = issued.salt.of("exact", rows[0].sample_id)
    table = b"%b\n%b\n" % (HEADER, line)
    for salt in (b"", own, bytes(16)):
        assert leaf_hash(salt + table) != path[0]
    salts = {issued.salt.of(row.view, row.sample_id) for row in issued.rows}
    assert len(salts) == len(list(issued.rows)), "two rows share a salt"


def test_nothing_that_is_public_gives_the_salts(tiny, run, tmp_path):
    """The same bundle, settings and seed again: other salts, unless the key is handed over."""
    words = ["consumer", "certify", "--reps", tiny.reps, "--target", "Smiling"]
    assert run(*words, "--out", tmp_path / "again") == 0
    assert run(*words, "--out", tmp_path / "same", "--salt", tiny.certificate / "salt.json") == 0
    first, again, same = (
        load_certificate(path) for path in (tiny.certificate, tmp_path / "again", tmp_path / "same")
    )
    assert list(first.rows) == list(again.rows)
    assert first.salt != again.salt
    assert first.document.roots != again.document.roots
    assert same.digest == first.digest


def test_a_receipt_of_ten_million_is_at_most_two_kilobytes_per_view():
    """24 hashes, the longest numbers; the path's length is that of a tree of 10^7 leaves."""
    row = Row("portraits/0001234567", "smoothing", "Smiling", "Not smiling", Status.NOT_CERTIFIED,
              Reason.WITNESS, 1.2345678901234567e-05, 1.2345678901234567e-05, "sequential", 100_000, 99_999,
              0.12345678901234568)  # fmt: skip
    (line,), header = in_columns([row]).lines(), HEADER.decode()
    shown = ReceiptRow(
        index=9_999_999, line=line.decode(), path=(b"\xff" * 32,) * 24, salt=b"\xff" * 16
    )
    digest = "sha256-content-v1:" + "f" * 64
    assert (10**7 - 1).bit_length() == 24
    assert len(Receipt(certificate=digest, header=header, rows=(shown,)).to_bytes()) <= 2048


def test_the_check_takes_at_most_ten_milliseconds(issued, document):
    content = make_receipt(issued, next(issued.rows).sample_id).to_bytes()
    times = []
    for _ in range(20):
        start = time.process_time()
        check_receipt(parse_receipt(content, "receipt"), document, "receipt")
        times.append(time.process_time() - start)
    assert min(times) < 0.01


def test_roots_do_not_depend_on_how_rows_of_views_are_mixed(issued):
    trees = RowTrees(issued.salt)
    views = [issued.rows_of(view) for view in issued.document.claims]
    for pair in zip(*views, strict=True):
        for row in pair:
            trees.add(row.view, in_columns([row]).lines())
    assert trees.roots() == issued.document.roots


def test_a_certificate_whose_rows_or_salt_were_exchanged_is_refused(copies, fails):
    stated = forge.document_of(copies.certificate)["roots"]
    text = (copies.certificate / "individuals.csv").read_text()
    header, first, second, *others = text.splitlines(keepends=True)
    exchanged = "".join([header, second, first, *others])
    forge.edit_bytes(copies.certificate, "individuals.csv", lambda _: exchanged.encode())
    forge.restate(copies.certificate, lambda document: document.update(roots=stated))
    fails(3, "Merkle roots are not those", "consumer", "inspect", copies.certificate)


def test_a_certificate_of_before_there_were_roots_is_read(copies, run, fails, tmp_path):
    (copies.certificate / "salt.json").unlink()
    document = forge.document_of(copies.certificate)
    document.pop("roots")
    document["files"] = [each for each in document["files"] if each["name"] != "salt.json"]
    forge.seal_document(copies.certificate, document)
    assert run("consumer", "inspect", copies.certificate) == 0
    person = next(load_certificate(copies.certificate).rows).sample_id
    fails(3, "no Merkle roots", "consumer", "receipt", copies.certificate, "--individual", person,
          "--out", tmp_path / "receipt.json", nothing_at=tmp_path / "receipt.json")  # fmt: skip
