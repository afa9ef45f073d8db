"""A rotation hands over exactly what the old key had: the same role, no longer, and never two heirs."""

import json
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from shared_spec.errors import ArtifactError, ExpiredError, SettingsError
from shared_spec.trust.envelope import decode_envelope, encode_envelope, sign_payload
from shared_spec.trust.rotation import rotate
from shared_spec.trust.settings import Rotation
from shared_spec.trust.signing import write_statement
from shared_spec.trust.statement import issue_statement

NAME = "acme.rotation.sig.json"


@pytest.fixture
def rotation(house):
    """The producer's key taken over by `new` from now on, and a trust file that pins the old one and follows."""
    old, new = house.keys["producer"], house.key_of("new")

    def sign(old=old, new=new, name=NAME, effective=house.now, role="producer", **fields):
        issuance = house.issuance(role, **{"issued": house.now - timedelta(days=1)} | fields)
        if issuance.issued <= effective < issuance.expires:
            handing = Rotation(**issuance.model_dump(), effective=effective)
            return rotate(house.path / name, old, new, role, handing, force=True)
        # What `rotate` refuses, another program may write.
        lines = {"old_key": old.public.line, "new_key": new.public.line, "effective": effective}
        fields = {**issuance.fields(), "role": role, "parents": {}, **lines}
        statement = issue_statement("rotation", "x", new.public.sha256, fields, "x")
        return write_statement(house.path / name, statement, [old, new], force=True)

    def trust(*names, **fields):
        return house.trust(house.pin(old, **fields), rotations=json.dumps(names or [NAME]))

    return SimpleNamespace(old=old, new=new, sign=sign, trust=trust, path=house.path / NAME)


def test_the_new_key_counts_from_its_moment_and_the_old_one_up_to_it(house, rotation):
    rotation.sign()
    second = timedelta(seconds=1)
    later = house.now + timedelta(days=30)
    house.sign(rotation.new, issued=house.now)
    assert house.verify(rotation.trust(), later).fingerprints == (rotation.new.public.fingerprint,)
    house.sign(rotation.new, issued=house.now - second, force=True)
    with pytest.raises(ArtifactError, match="from when key"):
        house.verify(rotation.trust(), later)
    house.sign(rotation.old, issued=house.now - second, force=True)
    house.verify(rotation.trust(), later)
    house.sign(rotation.old, issued=house.now, force=True)
    with pytest.raises(ExpiredError, match="no longer used"):
        house.verify(rotation.trust(), later)


def test_a_key_does_not_take_over_from_itself(rotation):
    with pytest.raises(SettingsError, match="expected a new one"):
        rotation.sign(new=rotation.old)
    assert not rotation.path.exists()


def test_no_key_is_replaced_by_what_it_signs(house, rotation):
    place = house.path / "id_new"
    place.write_text("a private key")
    with pytest.raises(SettingsError, match="is no signature alone, so it is not replaced"):
        rotation.sign(name="id_new")
    assert place.read_text() == "a private key"


def test_without_the_rotation_the_new_key_is_a_stranger(house, rotation):
    house.sign(rotation.new, issued=house.now)
    with pytest.raises(ArtifactError, match="does not pin"):
        house.verify(house.trust())


def test_a_revoked_old_key_takes_its_heir_with_it(house, rotation):
    rotation.sign()
    house.sign(rotation.new, issued=house.now)
    trust = rotation.trust(revoked_at="2026-12-01T00:00:00Z")
    house.verify(trust, datetime.fromisoformat("2026-11-30T23:59:59Z"))
    with pytest.raises(ExpiredError, match=f"{rotation.new.public.fingerprint[:20]}.* was revoked"):
        house.verify(trust, datetime.fromisoformat("2026-12-01T00:00:00Z"))


@pytest.mark.parametrize("pinned", ["2026-12-24T00:00:00Z", "2027-06-01T00:00:00Z"])
def test_a_rotation_buys_no_time(house, rotation, pinned):
    """The new key ends with the old pin, or with the statement, whichever is first."""
    rotation.sign(expires=datetime.fromisoformat("2027-01-31T00:00:00Z"))
    house.sign(rotation.new, issued=house.now)
    link = house.verify(rotation.trust(valid_until=pinned))
    assert str(link.origin).endswith(min(pinned, "2027-01-31T00:00:00Z"))


def test_keys_follow_one_another_in_a_chain(house, rotation):
    third = house.key_of("third")
    rotation.sign()
    week = house.now + timedelta(days=7)
    rotation.sign(rotation.new, third, "b.sig.json", week, issued=week)
    house.sign(third, issued=week)
    house.verify(rotation.trust(NAME, "b.sig.json"), week)
    with pytest.raises(ArtifactError, match=r"b\.sig\.json: not signed by a key that is pinned"):
        rotation.trust("b.sig.json", NAME)
    rotation.sign(rotation.new, third, "b.sig.json", week, issued=house.now - timedelta(seconds=1))
    with pytest.raises(ArtifactError, match="in this order"):
        rotation.trust(NAME, "b.sig.json")


def test_one_key_of_a_threshold_cannot_become_two(house, rotation):
    """Whoever steals one of three keys rotates it to two of his own."""
    rotation.sign()
    rotation.sign(new=house.key_of("other"), name="b.sig.json")
    with pytest.raises(ArtifactError, match="rotated before"):
        rotation.trust(NAME, "b.sig.json")
    second = house.key_of("second")
    rotation.sign(new=second)
    path = house.path / "trust.toml"
    path.unlink()
    with pytest.raises(ArtifactError, match="pinned already"):
        house.trust(
            house.pin(rotation.old), house.pin(second), threshold=2, rotations=json.dumps([NAME])
        )


def test_both_keys_sign(house, rotation):
    rotation.sign()
    good = decode_envelope(rotation.path.read_bytes(), "x")
    assert len(good.signatures) == 2
    for signatures, said in [
        (good.signatures[:1], "not signed by both keys"),
        (good.signatures[1:], "not signed by a key that is pinned"),
        ((good.signatures[0], sign_payload(good.payload, house.key_of("x"))), "not signed by both"),
    ]:
        forged = good.model_copy(update={"signatures": signatures})
        rotation.path.write_bytes(encode_envelope(forged))
        with pytest.raises(ArtifactError, match=said):
            rotation.trust()


def test_a_pinned_key_cannot_be_rotated_by_another_pinned_key(house, rotation):
    """The thief of one key writes that the other one is replaced by his."""
    second, thief = house.key_of("second"), house.key_of("thief")
    fields = house.issuance().fields() | {
        "role": "producer",
        "parents": {},
        "old_key": second.public.line,
        "new_key": thief.public.line,
        "effective": house.now,
    }
    statement = issue_statement("rotation", "x", thief.public.sha256, fields, "x")
    write_statement(rotation.path, statement, [rotation.old, thief])
    with pytest.raises(ArtifactError, match="not signed by both"):
        house.trust(house.pin(rotation.old), house.pin(second), rotations=json.dumps([NAME]))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"role": "consumer"}, "is of consumer Bank of X, expected producer Acme Data"),
        ({"issuer": "Acme Labs"}, "is of producer Acme Labs"),
        ({"effective": datetime.fromisoformat("2026-11-24T11:59:59Z")}, "in this order"),
        ({"effective": datetime.fromisoformat("2028-01-01T00:00:00Z")}, "in this order"),
        ({"expires": datetime.fromisoformat("2026-11-25T12:00:00Z")}, "in this order"),
        ({"issued": datetime.fromisoformat("2025-12-31T23:59:59Z")}, "in this order"),
    ],
)
def test_a_rotation_fits_the_pin(rotation, fields, said):
    rotation.sign(**fields)
    with pytest.raises(ArtifactError, match=said):
        rotation.trust()


def test_only_a_rotation_is_followed(house, rotation):
    house.sign().path.rename(rotation.path)
    with pytest.raises(ArtifactError, match="is about a bundle, expected a rotation"):
        rotation.trust()
    rotation.path.unlink()
    with pytest.raises(ArtifactError, match="no such file"):
        rotation.trust()


def test_a_changed_rotation_is_refused(rotation):
    rotation.sign()
    content = rotation.path.read_bytes()
    rotation.trust()
    for position in range(0, len(content) - 1, 7):
        forged = bytearray(content)
        forged[position] ^= 1
        rotation.path.write_bytes(bytes(forged))
        with pytest.raises(ArtifactError):
            rotation.trust()


def test_another_rotation_is_not_written_over_unasked(house, rotation):
    rotation.sign()
    handing = Rotation(**house.issuance().model_dump(), effective=house.now)
    with pytest.raises(SettingsError, match="--force"):
        rotate(rotation.path, rotation.old, house.key_of("x"), "producer", handing)


@pytest.mark.parametrize("days", [-2, 365])
def test_a_rotation_takes_effect_between_now_and_its_end(house, rotation, days):
    moment = house.now + timedelta(days=days)
    handing = Rotation(**house.issuance().model_dump(), effective=moment)
    with pytest.raises(SettingsError, match=r"`effective` is .* expected a moment from now"):
        rotate(rotation.path, rotation.old, rotation.new, "producer", handing)
    assert not rotation.path.exists()
