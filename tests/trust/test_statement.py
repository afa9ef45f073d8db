"""Statements are in-toto's, hold what they must and nothing else, and have one spelling."""

import json
import re
from datetime import UTC, datetime

import pytest

from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.trust.statement import issue_statement, parse_statement

HEX = "ab" * 32
SHA = "sha256-content-v1:"
COMMON = {
    "role": "producer",
    "issuer": "Acme Data",
    "serial": 3,
    "issued": datetime(2026, 11, 25, 12, 0, 0, 999_999, tzinfo=UTC),
    "expires": "2027-11-25T00:00:00Z",
    "parents": {"spec": SHA + HEX, "bundle": SHA + HEX},
}
LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 42 + "E"
KINDS = {
    "spec": {"role": "regulator", "epsilon": 1.0, "vectors": {"Pale_Skin": HEX}, "parents": {}},
    "bundle": {},
    "certificate": {"role": "consumer"},
    "audit": {"role": "auditor"},
    "commitment": {},
    "beacon": {"role": "regulator", "beacon": HEX, "answered": 1},
    "rotation": {"old_key": LINE, "new_key": LINE, "effective": "2026-12-01T00:00:00Z"},
}


def statement(kind, **fields):
    return issue_statement(kind, "reps", HEX, COMMON | KINDS[kind] | fields, "reps")


def forged(kind, change):
    """The payload of a statement after `change` of its JSON, in canonical JSON again."""
    document = json.loads(statement(kind).payload())
    change(document)
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_as_it_was_issued(kind):
    issued = statement(kind)
    assert parse_statement(issued.payload(), "x") == issued
    assert parse_statement(forged(kind, lambda _: None), "x") == issued, "canonical JSON"


@pytest.mark.parametrize("kind", KINDS)
def test_a_statement_is_one_of_in_toto(kind):
    document = json.loads(statement(kind).payload())
    assert document.keys() == {"_type", "subject", "predicateType", "predicate"}
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    # A TypeURI: a URI (RFC 3986) with its scheme in lower case, and a version.
    assert re.fullmatch(r"urn:lassi:[a-z]+:v1", document["predicateType"])
    (subject,) = document["subject"]
    assert list(subject["digest"].values()) == [HEX]
    assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}Z", document["predicate"]["issued"])
    assert document["predicate"]["issued"] == "2026-11-25T12:00:00Z"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", ["outer", "subject", "digest", "predicate"])
def test_an_unknown_or_a_missing_field_is_refused_everywhere(kind, part):
    def parts(document):
        subject = document["subject"][0]
        return {"outer": document, "subject": subject, "digest": subject["digest"]}.get(
            part, document["predicate"]
        )

    def add(document):
        parts(document)["surplus"] = HEX

    with pytest.raises(ArtifactError):
        parse_statement(forged(kind, add), "x")
    for name in list(parts(json.loads(statement(kind).payload()))):
        with pytest.raises(ArtifactError):
            parse_statement(
                forged(kind, lambda document, name=name: parts(document).pop(name)), "x"
            )


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_is_taken_for_another(kind):
    for other in KINDS.keys() - {kind}:
        payload = forged(
            kind, lambda d, other=other: d.update(predicateType=f"urn:lassi:{other}:v1")
        )
        try:
            read = parse_statement(payload, "x")
        except ArtifactError:
            continue
        assert read.kind == other
        assert read.digest == HEX
        assert read.payload() == payload
    for wrong in (
        "urn:lassi:bundle:v2",
        "URN:lassi:bundle:v1",
        "urn:lassi:seed:v1",
        "",
        "\x1b[31m",
    ):
        with pytest.raises(ArtifactError, match="predicateType") as caught:
            parse_statement(forged(kind, lambda d, wrong=wrong: d.update(predicateType=wrong)), "x")
        assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "values"),
    {
        "role": ["Producer", "consumer", "nobody", None, ["producer"]],
        "issuer": ["", "a\nb", "\x1b[31mAcme", "a\u202eb", 5, "x" * 201],
        "serial": [-1, 1.5, "3", True, None, 10**15, 1e300],
        "issued": ["2027-11-25T00:00:00Z", "2026-11-25", "2026-11-25T12:00:00+00:00", 1764072000,
                   "2026-13-25T12:00:00Z", "2026-11-25t12:00:00z", "2026-11-25T12:00:00.5Z",
                   "２026-11-25T12:00:00Z", None],
        "expires": ["2026-11-25T12:00:00Z", "2020-01-01T00:00:00Z", "never", ""],
        "parents": [{}, {"bundle": SHA + HEX}, {"spec": HEX}, {"spec": "md5:" + HEX}, {"spec": SHA + HEX.upper()},
                    {"spec": SHA + HEX, "aunt": SHA + HEX}, []],
    }.items(),
)  # fmt: skip
def test_a_field_that_does_not_fit_is_neither_issued_nor_read(field, values):
    for value in values:
        with pytest.raises(ArtifactError) as caught:
            parse_statement(
                forged("bundle", lambda d, v=value: d["predicate"].update({field: v})), "x"
            )
        assert "\n" not in str(caught.value)
        assert str(caught.value).isprintable()
        if not isinstance(value, datetime):
            with pytest.raises(SettingsError):
                statement("bundle", **{field: value})


def test_a_moment_needs_its_offset():
    with pytest.raises(SettingsError, match=r"issued.*offset"):
        statement("bundle", issued=datetime(2026, 11, 25, 12))
    with pytest.raises(SettingsError, match="issued"):
        statement("bundle", issued=datetime.min.replace(tzinfo=UTC).astimezone(UTC).isoformat())


@pytest.mark.parametrize("epsilon", [0, -1.0, "1", True, float("nan"), float("inf"), None])
def test_epsilon_is_a_positive_number(epsilon):
    with pytest.raises(SettingsError, match="epsilon"):
        statement("spec", epsilon=epsilon)


def test_epsilon_is_read_as_it_is_written_canonically():
    assert b'"epsilon":1,' in statement("spec", epsilon=1.0).payload()
    with pytest.raises(ArtifactError, match="canonical"):
        parse_statement(
            statement("spec").payload().replace(b'"epsilon":1,', b'"epsilon":1.0,'), "x"
        )


def test_only_one_subject_and_only_one_spelling():
    def twice(document):
        document["subject"] *= 2

    for change in (twice, lambda d: d.update(subject=[]), lambda d: d.update(subject={})):
        with pytest.raises(ArtifactError, match="subject"):
            parse_statement(forged("bundle", change), "x")
    payload = statement("bundle").payload()
    for other in (
        payload + b"\n",
        payload.replace(b'"serial":3', b'"serial": 3'),
        payload.replace(b'"serial":3', b'"serial":3.0'),
        payload.replace(b"Acme", b"\\u0041cme"),
        json.dumps(json.loads(payload)).encode(),
    ):
        assert other != payload
        with pytest.raises(ArtifactError, match=r"canonical|serial"):
            parse_statement(other, "x")


def test_keys_in_a_rotation_are_keys():
    for line in ("", "ssh-rsa AAAA", LINE + " comment", LINE + "\n", "ssh-ed25519 é"):
        with pytest.raises(SettingsError, match="new_key"):
            statement("rotation", new_key=line)
