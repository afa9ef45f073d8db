"""A signature is accepted for one reason only, and each reason to refuse it is tried alone."""

import os
from dataclasses import replace
from datetime import timedelta

import pytest

from shared_spec.artifacts.canonical import canonical_json
from shared_spec.errors import ArtifactError, ExpiredError, LassiError, SettingsError
from shared_spec.trust.envelope import (
    MAX_ENVELOPE,
    PAYLOAD_TYPE,
    Envelope,
    decode_envelope,
    encode_envelope,
    sign_payload,
)
from shared_spec.trust.signing import Subject, load_envelope, sign_subject
from shared_spec.trust.statement import issue_statement
from shared_spec.trust.verification import verify_artifact, verify_statement

DAY = timedelta(days=1)


def refused(house, trust, match, error=ArtifactError, **arguments):
    with pytest.raises(error, match=match) as caught:
        house.verify(trust, **arguments)
    assert type(caught.value) is error
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_signature_in_order_is_a_link_of_the_chain(house):
    house.sign()
    link = house.verify(house.trust())
    assert link.fingerprints == (house.keys["producer"].public.fingerprint,)
    assert link.statement.predicate.issuer == "Acme Data"
    assert str(link.origin) == (
        f"signed by producer Acme Data ({link.fingerprints[0]}), serial 3, "
        "issued 2026-11-24T12:00:00Z, valid until 2027-11-25T12:00:00Z"
    )


def test_a_link_ends_with_the_first_thing_that_ends(house):
    house.sign()
    key = house.keys["producer"]
    for fields, end in [
        ({}, "2027-11-25T12:00:00Z"),
        ({"valid_until": "2027-03-01T00:00:00Z"}, "2027-03-01T00:00:00Z"),
        ({"revoked_at": "2026-12-01T00:00:00Z"}, "2026-12-01T00:00:00Z"),
    ]:
        link = house.verify(house.trust(house.pin(key, **fields)))
        assert str(link.origin).endswith(end)


def test_exit_codes():
    assert (SettingsError.exit_code, ArtifactError.exit_code, ExpiredError.exit_code) == (2, 3, 6)


def test_another_key_is_refused_whatever_it_says(house):
    house.sign(house.key_of("thief"))
    refused(house, house.trust(), "does not pin for producer Acme Data; compare fingerprints")


def test_a_key_counts_in_its_role_only(house):
    """The regulator's key signs a bundle, and says that it is the producer."""
    house.sign(house.keys["regulator"])
    path = house.path / "trust.toml"
    both = house.role_text("regulator", [house.pin(house.keys["regulator"])])
    house.trust()
    path.write_text(path.read_text() + both)
    refused(house, house.trust(), "does not pin for producer")


def sign_raw(house, kind, fields, key=None):
    """An envelope whose statement nobody's `sign` would have written beside this artefact."""
    issuance = house.issuance(fields["role"]).fields()
    digest = house.digest_of("reps").split(":")[1]
    statement = issue_statement(kind, "reps", digest, issuance | fields, "x")
    write(house, statement.payload(), key or house.keys["producer"])


def write(house, payload, *keys):
    signatures = tuple(sign_payload(payload, key) for key in keys)
    envelope = Envelope(payload=payload, payloadType=PAYLOAD_TYPE, signatures=signatures)
    house.envelope.write_bytes(encode_envelope(envelope))


def test_a_statement_of_another_kind_is_refused(house):
    """One organisation in all roles with one key: the kind and the role still have to be the right ones."""
    key = house.keys["producer"]
    parents = house.parents | {"bundle": house.digest_of("b")}
    for kind, fields in {
        "certificate": {"role": "consumer", "parents": parents},
        "audit": {"role": "auditor", "parents": parents},
        "commitment": {"role": "producer", "parents": house.parents},
        "beacon": {"role": "producer", "parents": {}, "beacon": "0" * 64, "answered": 1},
        "rotation": {
            "role": "producer",
            "parents": {},
            "old_key": key.public.line,
            "new_key": house.key_of("new").public.line,
            "effective": house.now,
        },
    }.items():
        sign_raw(house, kind, fields)
        refused(house, house.trust(), f"is about a {kind}, expected a bundle")


def test_another_issuer_is_refused(house):
    house.sign(issuer="Acme Labs")
    refused(house, house.trust(), "issued by producer Acme Labs, expected producer Acme Data")


def test_the_statement_says_in_which_role_it_was_issued(house):
    """A commitment may come from two roles, and a key may hold both."""
    sign_raw(house, "commitment", {"role": "consumer", "issuer": "Acme Data", "parents": {}})
    with pytest.raises(ArtifactError, match="issued by consumer Acme Data, expected producer"):
        verify_statement(
            load_envelope(house.envelope), "x", None, "commitment", "producer", house.trust(), house.now, None
        )  # fmt: skip


def test_a_role_that_is_not_pinned_is_a_matter_of_settings(house):
    house.sign()
    refused(house, house.trust(role="consumer"), r"pins nobody as producer", SettingsError)


def test_the_signature_of_another_artefact_is_refused(house):
    house.sign()
    refused(house, house.trust(), "and this one has 8b", digest="sha256-content-v1:8b" + "0" * 62)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p | {"spec": "sha256-content-v1:" + "0" * 64}, "as its spec"),
        (lambda p: p | {"data": "sha256-content-v1:" + "7" * 64}, "as its data"),
        (lambda p: {"spec": p["spec"]}, "as its data, expected none"),
        (lambda p: p | {"encoder": p["spec"]}, "names no as its encoder"),
    ],
)
def test_other_parents_are_refused(house, change, said):
    house.sign()
    refused(house, house.trust(), said, parents=change(house.parents))


def test_a_serial_below_the_lowest_is_refused(house):
    house.sign()
    house.verify(house.trust(minimum_serial=3))
    refused(house, house.trust(minimum_serial=4), "serial 3 is older than 4")


def test_a_statement_ends(house):
    house.sign(expires=house.now)
    house.verify(house.trust(), house.now - timedelta(seconds=1))
    refused(house, house.trust(), "expired at 2026-11-25T12:00:00Z", ExpiredError)


def test_a_statement_from_the_future_is_refused(house):
    house.sign(issued=house.now + timedelta(seconds=1))
    refused(house, house.trust(), "expected between")
    house.verify(house.trust(), house.now + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"valid_until": "2026-11-25T12:00:00Z"}, ExpiredError, "was valid until"),
        ({"valid_until": "2026-11-25T12:00:01Z"}, None, ""),
        ({"valid_from": "2026-11-24T12:00:01Z"}, ArtifactError, "from when key"),
        ({"valid_from": "2026-11-24T12:00:00Z"}, None, ""),
        ({"revoked_at": "2026-11-25T12:00:00Z"}, ExpiredError, "was revoked at"),
        ({"revoked_at": "2026-02-01T00:00:00Z"}, ExpiredError, "was revoked at"),
        ({"revoked_at": "2026-11-25T12:00:01Z"}, None, ""),
        ({"retired_at": "2026-11-24T12:00:00Z"}, ExpiredError, "no longer used"),
        ({"retired_at": "2026-11-24T12:00:01Z"}, None, ""),
    ],
)
def test_a_key_counts_from_its_first_moment_to_its_last(house, fields, error, said):
    """Issued on 24 November at 12:00, looked at a day later: to the second, whatever date the thief of a key writes."""
    house.sign()
    trust = house.trust(house.pin(house.keys["producer"], **fields))
    if error is None:
        house.verify(trust)
    else:
        refused(house, trust, said, error)


def test_a_thief_of_an_ended_key_gains_nothing_by_an_older_date(house):
    house.sign(issued=house.now - 200 * DAY)
    for fields in ({"revoked_at": "2026-11-01T00:00:00Z"}, {"valid_until": "2026-11-01T00:00:00Z"}):
        trust = house.trust(house.pin(house.keys["producer"], **fields))
        refused(house, trust, "revoked|valid until", ExpiredError)


def test_a_threshold_counts_different_keys(house):
    first, second, third = house.keys["producer"], house.key_of("second"), house.key_of("third")
    pins = [house.pin(first), house.pin(second), house.pin(third)]
    house.sign(first)
    house.verify(house.trust(*pins, threshold=1))
    refused(
        house, house.trust(*pins, threshold=2), "signed by 1 of the keys of Acme Data, expected 2"
    )
    house.sign(third)
    link = house.verify(house.trust(*pins, threshold=2))
    assert link.fingerprints == (first.public.fingerprint, third.public.fingerprint)
    refused(house, house.trust(*pins, threshold=3), "signed by 2")
    house.sign(house.key_of("stranger"))
    refused(house, house.trust(*pins, threshold=3), "signed by 2")


def test_a_key_that_signs_twice_counts_once(house):
    first = house.keys["producer"]
    house.sign(first)
    envelope = decode_envelope(house.envelope.read_bytes(), "x")
    twice = envelope.model_copy(update={"signatures": envelope.signatures * 2})
    house.envelope.write_bytes(encode_envelope(twice))
    pins = [house.pin(first), house.pin(house.key_of("second"))]
    refused(house, house.trust(*pins, threshold=2), "signed by 1")
    house.verify(house.trust(*pins, threshold=1))


def test_a_key_that_has_ended_does_not_count_towards_a_threshold(house):
    first, second = house.keys["producer"], house.key_of("second")
    house.sign(first)
    house.sign(second)
    pins = [house.pin(first), house.pin(second, revoked_at="2026-11-01T00:00:00Z")]
    refused(house, house.trust(*pins, threshold=2), "revoked", ExpiredError)
    assert house.verify(house.trust(*pins, threshold=1)).fingerprints == (first.public.fingerprint,)


def test_nothing_is_parsed_that_no_pinned_key_has_signed(house):
    """A payload that would be refused by the parser is refused for its signature before."""
    write(house, b"\xff not a statement", house.key_of("thief"))
    refused(house, house.trust(), "does not pin")
    write(house, b"\xff not a statement", house.keys["producer"])
    refused(house, house.trust(), "not valid JSON")
    write(house, canonical_json({"a": 1}), house.keys["producer"])
    refused(house, house.trust(), "reps.sig.json: ")


@pytest.mark.parametrize("what", ["absent", "link", "pipe", "directory", "long"])
def test_only_a_regular_file_of_a_sane_size_is_read(house, what):
    house.sign()
    trust = house.trust()
    content = house.envelope.read_bytes()
    house.envelope.unlink()
    if what == "link":
        (house.path / "real").write_bytes(content)
        house.envelope.symlink_to("real")
    elif what == "pipe":
        os.mkfifo(house.envelope)
    elif what == "directory":
        house.envelope.mkdir()
    elif what == "long":
        house.envelope.write_bytes(content + b" " * MAX_ENVELOPE)
    with pytest.raises(ArtifactError, match=r"reps\.sig\.json: "):
        house.verify(trust)


def test_no_byte_of_the_file_can_be_flipped_unseen(house):
    """One bit of every byte but the last, a newline; the file has no white space beside it."""
    house.sign()
    trust = house.trust()
    content = house.envelope.read_bytes()
    for position in range(len(content) - 1):
        forged = bytearray(content)
        forged[position] ^= 1 << (position % 8)
        house.envelope.write_bytes(bytes(forged))
        with pytest.raises(LassiError):
            house.verify(trust)


def test_what_a_signature_says_of_a_spec_is_what_the_spec_holds(house):
    """A regulator's own signature over a digest and an epsilon that do not belong together."""
    details = {"epsilon": 0.5, "vectors": {"Pale_Skin": "0" * 64}}
    subject = Subject("spec", house.path / "reps", house.digest_of("spec"), {}, details)
    sign_subject(subject, [house.keys["regulator"]], house.issuance("regulator"))
    trust = house.trust(role="regulator")
    verify_artifact(subject, trust, house.now)
    for other in ({"epsilon": 0.25}, {"vectors": {"Pale_Skin": "1" * 64}}):
        with pytest.raises(ArtifactError, match=f"signs that {next(iter(other))} is"):
            verify_artifact(replace(subject, details=details | other), trust, house.now)
