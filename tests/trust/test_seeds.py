"""A committed seed is one that neither party could choose, and the artefact reveals what proves it."""

import hashlib
import json
from datetime import timedelta

import pytest

from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.rng import check_seed
from shared_spec.trust.seed_verification import verify_seed
from shared_spec.trust.seeds import (
    FREE_SEED,
    commit,
    derive_committed_seed,
    open_commitment,
    sign_beacon,
    sign_commitment,
)
from shared_spec.trust.statement import Reveal
from shared_spec.trust.trust_file import load_trust
from shared_spec.trust.verification import verify_statement

NONCE, BEACON = "1f" * 32, "2e" * 32
SETTINGS = {"encoder": "sha256-content-v1:" + "c" * 64, "sigma_cs": 0.65, "n": 10_000, "k": None}


def test_commitment_and_seed_can_be_computed_from_the_description_alone():
    """docs/trust.md, followed with the standard library; these values have one spelling in JSON."""
    parents = {"data": "sha256:" + "7" * 64}
    text = json.dumps(
        {"nonce": NONCE, "settings": SETTINGS, "parents": parents}, sort_keys=True, separators=(",", ":")
    )  # fmt: skip
    expected = hashlib.sha256(b"lassi-commitment-v1\n" + text.encode()).hexdigest()
    assert commit(NONCE, SETTINGS, parents) == expected
    text = f'{{"beacon":"{BEACON}","nonce":"{NONCE}"}}'
    seed = hashlib.sha256(b"lassi-seed-v1\n" + text.encode()).hexdigest()
    assert derive_committed_seed(NONCE, BEACON) == seed
    assert check_seed(seed) == seed, "a seed of the random streams"


def test_a_commitment_opens_to_what_was_committed_and_to_nothing_else():
    parents = {"spec": "a", "data": "b"}
    reveal = Reveal(nonce=NONCE, beacon=BEACON)
    commitment = commit(NONCE, SETTINGS, parents)
    seed = open_commitment(commitment, reveal, SETTINGS, dict(reversed(parents.items())))
    assert seed == derive_committed_seed(NONCE, BEACON)
    for nonce, settings, others in [
        (BEACON, SETTINGS, parents),
        (NONCE, SETTINGS | {"n": 10_001}, parents),
        (NONCE, SETTINGS | {"more": None}, parents),
        (NONCE, SETTINGS, {"spec": "b", "data": "a"}),
        (NONCE, SETTINGS, {"spec": "a"}),
        (NONCE, {**SETTINGS, "parents": parents}, {}),
    ]:
        with pytest.raises(ArtifactError, match="not what was committed to"):
            open_commitment(commitment, Reveal(nonce=nonce, beacon=BEACON), settings, others)


def test_the_two_numbers_are_not_interchangeable_nor_are_the_two_hashes():
    values = {
        derive_committed_seed(NONCE, BEACON),
        derive_committed_seed(BEACON, NONCE),
        commit(NONCE, {}, {}),
        commit(BEACON, {}, {}),
    }
    assert len(values) == 4


@pytest.mark.parametrize(
    "bits", ["", "1", "1f" * 31, "1F" * 32, "1f" * 32 + "\n", "0x" + "1f" * 31]
)
def test_both_numbers_have_256_bits(bits):
    with pytest.raises(SettingsError, match="nonce: expected 64"):
        commit(bits, {}, {})
    with pytest.raises(SettingsError, match="nonce: expected 64"):
        derive_committed_seed(bits, BEACON)
    with pytest.raises(SettingsError, match="beacon: expected 64"):
        derive_committed_seed(NONCE, bits)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**60, "\ud800", object(), {1: 2}])
def test_settings_are_json(value):
    with pytest.raises(SettingsError, match="commitment: not a JSON value"):
        commit(NONCE, {"value": value}, {})


@pytest.fixture
def drawn(house):
    """Runs the protocol; any step can be told to go otherwise. Returns the function that verifies its outcome."""

    def run(
        *, beacon_role="regulator", beacon_key=None, beacon_issuer=None, commitment=None, beacon=BEACON,
        revealed=(NONCE, BEACON), settings=SETTINGS, parents=None, days=(-3, -2, -1), committer="producer",
        giver="regulator",
    ):  # fmt: skip
        committed, answered, issued = (house.now + timedelta(days=day) for day in days)
        digest = commit(NONCE, SETTINGS, house.parents)
        paths = [house.path / f"reps.{name}.sig.json" for name in ("commitment", "beacon")]
        sign_commitment(
            paths[0], digest, committer, house.keys[committer], house.issuance(committer, issued=committed),
            house.parents, force=True,
        )  # fmt: skip
        answer = house.issuance(beacon_role, issued=answered)
        if beacon_issuer:
            answer = house.issuance(beacon_role, issued=answered, issuer=beacon_issuer)
        sign_beacon(
            paths[1], commitment or digest, beacon, 2, beacon_role, beacon_key or house.keys[beacon_role], answer,
            force=True,
        )  # fmt: skip
        reveal = dict(zip(("nonce", "beacon"), revealed, strict=True)) if revealed else None
        house.sign(details={"reveal": reveal}, issued=issued, force=True)
        path = house.path / "trust.toml"
        text = "".join(house.role_text(role, [house.pin(key)]) for role, key in house.keys.items())
        if beacon_issuer:
            text = text.replace("City Office", beacon_issuer)
        path.write_text(text)
        trust = load_trust(path)
        link = house.verify(trust)
        return verify_seed(
            link, *paths, giver, settings, house.parents if parents is None else parents, trust, house.now
        )  # fmt: skip

    return run


def test_a_seed_is_verified_from_commitment_to_reveal(drawn):
    seed = drawn()
    assert seed.seed == derive_committed_seed(NONCE, BEACON)
    assert seed.answered == 2
    assert seed.text == (
        "seed: producer Acme Data committed at 2026-11-22T12:00:00Z, before regulator City Office gave the beacon "
        "at 2026-11-23T12:00:00Z; commitment 2 of Acme Data that was answered"
    )


@pytest.mark.parametrize(
    ("otherwise", "said"),
    {
        "no commitment": ({"revealed": None}, FREE_SEED),
        "another nonce": ({"revealed": (BEACON, BEACON)}, "not what was committed to"),
        "a beacon of one's own": ({"revealed": (NONCE, NONCE)}, "another beacon than the artefact reveals"),
        "another draw": ({"settings": SETTINGS | {"n": 1}}, "not what was committed to"),
        "from something else": ({"parents": {}}, "as its data"),
        "beacon for another commitment": ({"commitment": "0" * 64}, "expected"),
        "answered by the issuer": ({"beacon_role": "producer"}, "does not pin for regulator"),
        "answered by the issuer in both roles": (
            {"beacon_role": "producer", "giver": "producer"}, "answered itself"),
        "answered by the issuer under two hats": ({"beacon_issuer": "Acme Data"}, "answered itself"),
        "beacon before commitment": ({"days": (-2, -3, -1)}, "in this order"),
        "artefact before beacon": ({"days": (-3, -1, -2)}, "in this order"),
        "somebody else's commitment": ({"committer": "consumer"}, "does not pin for producer"),
    }.values(),
)  # fmt: skip
def test_a_seed_that_could_be_chosen_is_refused(drawn, otherwise, said):
    with pytest.raises(ArtifactError, match=said):
        drawn(**otherwise)


def test_who_answers_learns_the_commitment_from_its_signature(house, drawn):
    drawn()
    link = verify_statement(
        house.path / "reps.commitment.sig.json", None, "commitment", "producer",
        load_trust(house.path / "trust.toml"), house.now, None,
    )  # fmt: skip
    assert link.statement.digest == commit(NONCE, SETTINGS, house.parents)
    assert NONCE.encode() not in link.statement.payload()


def test_a_beacon_says_how_often_its_issuer_has_asked(house):
    for answered in (0, -1):
        with pytest.raises(SettingsError, match="answered"):
            sign_beacon(
                house.path / "b.sig.json", "0" * 64, BEACON, answered, "regulator",
                house.keys["regulator"], house.issuance("regulator"),
            )  # fmt: skip
