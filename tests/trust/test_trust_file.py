"""trust.toml is read strictly, and what is wrong with it is said in one line that names file and field."""

import os
from datetime import UTC, datetime

import pytest

from shared_spec.errors import SettingsError
from shared_spec.trust.trust_file import load_trust


def test_a_trust_file_says_whose_keys_are_accepted(house):
    path = house.path / "trust.toml"
    path.write_text(
        house.role_text("regulator", [house.pin(house.keys["regulator"])], minimum_serial=2)
        + house.role_text(
            "producer",
            [
                house.pin(house.keys["producer"], revoked_at="2026-12-01T01:00:00+01:00"),
                house.pin(house.key_of("second"), valid_from='"2026-02-01T00:00:00Z"'),
            ],
            threshold=2,
        )
    )
    trust = load_trust(path)
    assert trust.parties.keys() == {"regulator", "producer"}
    regulator, producer = trust.party("regulator"), trust.party("producer")
    assert (regulator.identity, regulator.threshold, regulator.minimum_serial) == ("City Office", 1, 2)  # fmt: skip
    assert [each.public_key for each in producer.keys] == [
        house.keys["producer"].public,
        house.key_of("second").public,
    ]
    assert producer.keys[0].revoked_at == datetime(2026, 12, 1, tzinfo=UTC)
    assert producer.keys[0].ends == datetime(2026, 12, 1, tzinfo=UTC)
    assert producer.keys[1].ends == datetime(2028, 1, 1, tzinfo=UTC)
    with pytest.raises(SettingsError, match=r"trust.toml: pins nobody as auditor"):
        trust.party("auditor")


GOOD = {"valid_from": "2026-01-01T00:00:00Z", "valid_until": "2028-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"valid_from": None}, "producer.keys.0.valid_from"),
        ({"valid_until": None}, "producer.keys.0.valid_until"),
        ({"valid_until": "2026-01-01T00:00:00Z"}, "valid_until: expected a moment after"),
        ({"valid_until": "2028-01-01"}, "producer.keys.0.valid_until.*offset"),
        ({"valid_until": "2028-01-01T00:00:00"}, "producer.keys.0.valid_until.*offset"),
        ({"valid_until": "9999-12-31T23:59:59-01:00"}, "producer.keys.0.valid_until"),
        ({"valid_until": "1893456000"}, "producer.keys.0.valid_until"),
        ({"revoked_at": '"yesterday"'}, "producer.keys.0.revoked_at"),
        ({"revoked_at": '""'}, "producer.keys.0.revoked_at"),
        ({"revoked": "true"}, "producer.keys.0.revoked"),
        ({'"\\u001b[31m"': "1"}, r"producer.keys.0.\\x1b\[31m"),
    ],
)
def test_a_key_has_these_fields_and_no_others(house, fields, named):
    with pytest.raises(SettingsError, match=f"trust.toml: .*{named}") as caught:
        house.trust(house.pin(house.keys["producer"], **GOOD | fields))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"identity": '""'}, "producer.identity"),
        ({"identity": '"a\\u202eb"'}, "producer.identity"),
        ({"identity": "5"}, "producer.identity"),
        ({"threshold": "0"}, "producer.threshold"),
        ({"threshold": "2"}, "threshold: 2 of 1 keys is never reached"),
        ({"threshold": "true"}, "producer.threshold"),
        ({"threshold": '"1"'}, "producer.threshold"),
        ({"threshold": "1.0"}, "producer.threshold"),
        ({"minimum_serial": "-1"}, "producer.minimum_serial"),
        ({"minimum_serial": "nan"}, "producer.minimum_serial"),
        ({"rotations": '["../x.sig.json"]'}, "producer.rotations.0"),
        ({"rotations": '["/etc/passwd"]'}, "producer.rotations.0"),
        ({"serial": "1"}, "producer.serial"),
    ],
)
def test_a_role_has_these_fields_and_no_others(house, fields, named):
    with pytest.raises(SettingsError, match=f"trust.toml: .*{named}"):
        house.trust(**fields)


def test_one_key_is_one_key_however_its_comment_reads(house):
    twice = house.pin(house.keys["producer"])
    other = [line.replace("a comment", "another person") for line in twice]
    with pytest.raises(SettingsError, match="one of them stands twice"):
        house.trust(twice, other, threshold=2)


@pytest.mark.parametrize(
    "text",
    [
        "producer",
        "[producer]\n[producer]\n",
        '[producer]\nidentity = "x"\n',
        '[producer]\nidentity = "x"\nkeys = []\n',
        '[producer]\nidentity = "x"\nkeys = [5]\n',
        '[producer]\nidentity = "x"\n[[producer.keys]]\npublic_key = "ssh-rsa AAAA"\n',
        "[vendor]\nidentity = 1\n",
        "producer = 1\n",
        "x = " + "[" * 5000,
        "x = " + "9" * 5000,
        "# " + "long" * 100_000,
        "producer = \x00",
    ],
)
def test_anything_else_is_one_line(house, text):
    path = house.path / "trust.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"trust.toml: ") as caught:
        load_trust(path)
    assert "\n" not in str(caught.value)


def test_only_a_regular_file_of_utf_8_is_read(house):
    house.trust()
    os.mkfifo(house.path / "pipe")
    (house.path / "link").symlink_to("trust.toml")
    (house.path / "wide").write_bytes((house.path / "trust.toml").read_text().encode("utf-16"))
    for name in ("pipe", "link", "wide", "absent", "."):
        with pytest.raises(SettingsError):
            load_trust(house.path / name)
