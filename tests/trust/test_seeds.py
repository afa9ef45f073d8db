"""A committed seed is one that neither party could choose, and the artefact reveals what proves it."""

import hashlib
import json
import stat
from datetime import timedelta

import pytest

from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.seeds import check_seed
from shared_spec.trust.commitments import (
    answer,
    answer_path,
    load_committed,
    nonce_path,
    sign_commitment,
)
from shared_spec.trust.envelope import PAYLOAD_TYPE, Envelope, sign_payload
from shared_spec.trust.seed_verification import verify_committed_seed
from shared_spec.trust.seeds import (
    FREE_SEED,
    CommittedSeed,
    commitment_digest,
    derive_committed_seed,
    seed_words,
)
from shared_spec.trust.settings import Answer
from shared_spec.trust.statement import issue_statement
from shared_spec.trust.trust_file import load_trust

NONCE, BEACON = "1f" * 32, "2e" * 32
SETTINGS = {"encoder": "sha256-content-v1:" + "c" * 64, "sigma_cs": 0.65, "n": 10_000, "k": None}


def test_commitment_and_seed_can_be_computed_from_the_description_alone():
    """docs/trust.md, followed with the standard library; these values have one spelling in JSON."""
    parents = {"data": "sha256:" + "7" * 64}
    text = json.dumps(
        {"nonce": NONCE, "settings": SETTINGS, "parents": parents}, sort_keys=True, separators=(",", ":")
    )  # fmt: skip
    expected = hashlib.sha256(b"lassi-commitment-v1\n" + text.encode()).hexdigest()
    assert commitment_digest(NONCE, SETTINGS, parents) == expected
    text = f'{{"beacon":"{BEACON}","nonce":"{NONCE}"}}'
    seed = hashlib.sha256(b"lassi-seed-v1\n" + text.encode()).hexdigest()
    assert derive_committed_seed(NONCE, BEACON) == seed
    assert check_seed(seed) == seed, "a seed of the random streams"


def test_the_two_numbers_are_not_interchangeable_nor_are_the_two_hashes():
    values = {
        derive_committed_seed(NONCE, BEACON),
        derive_committed_seed(BEACON, NONCE),
        commitment_digest(NONCE, {}, {}),
        commitment_digest(BEACON, {}, {}),
    }
    assert len(values) == 4


@pytest.mark.parametrize(
    "bits", ["", "1", "1f" * 31, "1F" * 32, "1f" * 32 + "\n", "0x" + "1f" * 31]
)
def test_both_numbers_have_256_bits(bits):
    with pytest.raises(SettingsError, match="nonce: expected 64"):
        commitment_digest(bits, {}, {})
    with pytest.raises(SettingsError, match="nonce: expected 64"):
        derive_committed_seed(bits, BEACON)
    with pytest.raises(SettingsError, match="beacon: expected 64"):
        derive_committed_seed(NONCE, bits)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**60, "\ud800", object(), {1: 2}])
def test_settings_are_json(value):
    with pytest.raises(SettingsError, match="commitment: not a JSON value"):
        commitment_digest(NONCE, {"value": value}, {})


@pytest.fixture
def envelope(house):
    """An envelope with a statement of that kind, by default the right one of the protocol."""

    def make(kind, *, role, digest=None, key=None, days=-3, issuer=None, parents=None, **fields):
        if digest is None:
            digest = commitment_digest(NONCE, SETTINGS, house.parents)
        issued = house.issuance(role, issued=house.now + timedelta(days=days)).fields()
        issued |= {"issuer": issuer or issued["issuer"]}
        if parents is None:
            parents = house.parents if kind == "commitment" else {}
        said = {**issued, "role": role, "parents": parents, **fields}
        payload = issue_statement(kind, "commitment", digest, said, "x").payload()
        signed = sign_payload(payload, key or house.keys[role])
        return Envelope(payload=payload, payloadType=PAYLOAD_TYPE, signatures=(signed,))

    return make


@pytest.fixture
def committed(envelope):
    """A committed seed in order, but for what it is told; `asked` and `given` go to the two statements."""

    def make(*, nonce=NONCE, asked=None, given=None):
        asked = {"role": "producer"} | (asked or {})
        given = {"role": "regulator", "days": -2, "beacon": BEACON, "answered": 2} | (given or {})
        return CommittedSeed(
            nonce=nonce, commitment=envelope("commitment", **asked), answer=envelope("beacon", **given)
        )  # fmt: skip

    return make


@pytest.fixture
def trust(house):
    """The trust file that pins everybody's key."""
    path = house.path / "trust.toml"
    path.write_text(
        "".join(house.role_text(role, [house.pin(key)]) for role, key in house.keys.items())
    )
    return load_trust(path)


def test_a_seed_follows_from_commitment_and_answer(house, committed, trust):
    found, seed = committed(), derive_committed_seed(NONCE, BEACON)
    assert found.seed == seed
    found.check(seed, SETTINGS, dict(reversed(house.parents.items())))
    day = timedelta(days=1)
    verify_committed_seed(
        found, "producer", house.now - day, house.parents, trust, "reps", house.now
    )
    assert seed_words(found) == (
        "the seed follows from a commitment of producer Acme Data and the beacon of regulator City Office, "
        "who had answered 2 of them with it"
    )
    assert seed_words(None) == FREE_SEED


@pytest.mark.parametrize("seed", [0, "0" * 64, BEACON])
def test_another_seed_was_not_drawn_as_committed(house, committed, seed):
    with pytest.raises(ArtifactError, match="not drawn as committed"):
        committed().check(seed, SETTINGS, house.parents)


@pytest.mark.parametrize(
    ("otherwise", "said"),
    {
        "another nonce": ({"nonce": BEACON}, "not what was committed to"),
        "a beacon for another commitment": ({"given": {"digest": "0" * 64}}, "answers commitment 0000"),
        "answered by the issuer": (
            {"given": {"role": "producer"}}, "answered itself"),
        "answered by the issuer under two hats": (
            {"given": {"issuer": "Acme Data"}}, "answered itself"),
        "beacon before commitment": ({"given": {"days": -4}}, "after the beacon"),
        "other parents in the statement": ({"asked": {"parents": {}}}, "made from something else"),
    }.values(),
)  # fmt: skip
def test_a_seed_that_could_be_chosen_is_refused(house, committed, otherwise, said):
    with pytest.raises(ArtifactError, match=said):
        committed(**otherwise).open(SETTINGS, house.parents)


@pytest.mark.parametrize(
    "settings",
    [SETTINGS | {"n": 10_001}, SETTINGS | {"more": None}, {}],
)
def test_a_commitment_opens_to_what_was_committed_and_to_nothing_else(house, committed, settings):
    with pytest.raises(ArtifactError, match="not what was committed to"):
        committed().open(settings, house.parents)
    for parents in ({}, {"spec": house.parents["spec"]}, house.parents | {"spec": "b"}):
        with pytest.raises(ArtifactError, match="not what was committed to"):
            committed().open(SETTINGS, parents)


def test_the_two_statements_are_not_interchangeable(committed):
    found = committed()
    swapped = CommittedSeed(nonce=NONCE, commitment=found.answer, answer=found.commitment)
    with pytest.raises(ArtifactError, match="commitment: holds a statement about a beacon"):
        swapped.open(SETTINGS, {})


@pytest.mark.parametrize(
    ("otherwise", "said"),
    {
        "a stranger's commitment": ({"asked": {"key": "thief"}}, "commitment: signed by .* not pin for producer"),
        "a stranger's beacon": ({"given": {"key": "thief"}}, "beacon: signed by .* not pin for regulator"),
        "the issuer's key on the beacon": ({"given": {"key": "producer"}}, "beacon: signed by .* not pin"),
        "another commitment": ({"asked": {"issuer": "Acme Labs"}}, "issued by producer Acme Labs"),
        "artefact before beacon": ({"given": {"days": -1}}, "issued before the beacon"),
    }.values(),
)  # fmt: skip
def test_who_committed_and_who_answered_must_be_pinned(house, committed, trust, otherwise, said):
    for fields in otherwise.values():
        if "key" in fields:
            fields["key"] = house.keys.get(fields["key"]) or house.key_of(fields["key"])
    issued = house.now - timedelta(hours=36)
    with pytest.raises(ArtifactError, match=said):
        verify_committed_seed(
            committed(**otherwise), "producer", issued, house.parents, trust, "reps", house.now
        )


@pytest.fixture
def asked(house):
    """A commitment that a producer wrote, today."""
    path = house.path / "reps.commitment.sig.json"
    house.issued = {"issuer": "Acme Data", "serial": 1, "expires": "9999-01-01"}
    sign_commitment(
        path, SETTINGS, house.parents, "producer", house.keys["producer"], Answer(**house.issued, answered=1)
    )  # fmt: skip
    return path


def reply(house, path, **arguments):
    issued = {"issuer": "City Office", "serial": 1, "expires": "9999-01-01", "answered": 3}
    return answer(path, house.keys["regulator"], Answer(**issued), **arguments)


def test_three_files_make_a_committed_seed(house, asked):
    assert reply(house, asked).path == answer_path(asked)
    found = load_committed(asked)
    found.open(SETTINGS, house.parents)
    assert found.beacon.answered == 3
    nonce = nonce_path(asked)
    assert found.nonce == nonce.read_text().strip()
    assert stat.S_IMODE(nonce.stat().st_mode) == 0o600, "nobody else may read it"
    assert found.nonce.encode() not in found.commitment.payload
    assert b"10000" not in found.commitment.payload, "settings are hidden"


def test_nothing_is_committed_or_answered_twice_unasked(house, asked):
    nonce, first = nonce_path(asked).read_bytes(), asked.read_bytes()
    arguments = [SETTINGS, house.parents, "producer", house.keys["producer"]]
    with pytest.raises(SettingsError, match="exists already"):
        sign_commitment(asked, *arguments, Answer(**house.issued, answered=1))
    assert (nonce_path(asked).read_bytes(), asked.read_bytes()) == (nonce, first)
    reply(house, asked)
    with pytest.raises(SettingsError, match="a second beacon would be a choice"):
        reply(house, asked)
    sign_commitment(asked, *arguments, Answer(**house.issued, answered=1), force=True)
    assert nonce_path(asked).read_bytes() != nonce, "a nonce is fresh"


def test_only_a_commitment_of_another_party_is_answered(house, asked):
    with pytest.raises(SettingsError, match="answered by another party"):
        reply(house, asked, role="producer")
    house.sign()
    with pytest.raises(ArtifactError, match="is about a bundle, expected a commitment"):
        reply(house, house.envelope)
    path = house.path / "trust.toml"
    path.write_text(house.role_text("producer", [house.pin(house.key_of("x"))]))
    with pytest.raises(ArtifactError, match="does not pin for producer"):
        reply(house, asked, trust=path)
    assert not answer_path(asked).exists()


def test_a_missing_or_malformed_part_is_one_line(house, asked):
    with pytest.raises(ArtifactError, match=r"answer\.sig\.json: no such file"):
        load_committed(asked)
    reply(house, asked)
    nonce_path(asked).write_text("1f" * 31)
    with pytest.raises(SettingsError, match="expected 64 hexadecimal"):
        load_committed(asked)
    with pytest.raises(SettingsError, match="expected a name that ends with"):
        nonce_path(asked.with_name("commitment.json"))
