"""docs/trust.md is enough for a stranger: its examples belong together, and its steps work as they are told."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared_spec.errors import ArtifactError, ExpiredError
from shared_spec.trust.keys import load_signing_key
from shared_spec.trust.rotation import sign_rotation
from shared_spec.trust.seed_verification import verify_seed
from shared_spec.trust.seeds import commit, derive_committed_seed, sign_beacon, sign_commitment
from shared_spec.trust.signing import Issuance, sign_artifact
from shared_spec.trust.trust_file import load_trust
from shared_spec.trust.verification import verify_artifact, verify_statement

PAGE = (Path(__file__).parents[2] / "docs" / "trust.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


(TRUST,), (SCRIPT,), (ENVELOPE, STATEMENT) = blocks("toml"), blocks("python"), blocks("json")


def stranger(folder, envelope, line):
    """Runs the page's own script, isolated from this project."""
    (folder / "x.sig.json").write_text(envelope)
    (folder / "x.pub").write_text(line)
    check = "\nassert not [name for name in sys.modules if name.startswith('shared_spec')]\n"
    (folder / "script.py").write_text(SCRIPT + check)
    return subprocess.run(
        [sys.executable, "-I", "script.py", "x.sig.json", "x.pub"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip


def test_the_examples_of_the_page_belong_together(tmp_path):
    (tmp_path / "trust.toml").write_text(TRUST)
    (tmp_path / "reps.sig.json").write_text(ENVELOPE)
    statement = json.loads(STATEMENT)
    now = datetime(2026, 11, 26, tzinfo=UTC)
    digest = "sha256-content-v1:" + statement["subject"][0]["digest"]["lassiContentV1"]
    link = verify_artifact(
        tmp_path / "reps", digest, "bundle", load_trust(tmp_path / "trust.toml"), now,
        statement["predicate"]["parents"],
    )  # fmt: skip
    assert json.loads(link.statement.payload()) == statement


def test_a_stranger_verifies_with_the_script_of_the_page(tmp_path):
    (line,) = re.findall(r'^public_key = "(.*)"$', TRUST, re.MULTILINE)
    done = stranger(tmp_path, ENVELOPE, line)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(STATEMENT)
    payload = json.loads(ENVELOPE)["payload"]
    other = base64.b64encode(base64.b64decode(payload).replace(b'"serial":3', b'"serial":4'))
    forged = ENVELOPE.replace(payload, other.decode())
    assert forged != ENVELOPE
    done = stranger(tmp_path, forged, line)
    assert done.returncode != 0
    assert "InvalidSignature" in done.stderr


def test_the_numbers_of_the_page_are_those_of_the_library():
    from shared_spec.trust.envelope import MAX_ENVELOPE, MAX_SIGNATURES
    from shared_spec.trust.keys import PASSPHRASE_VARIABLE
    from shared_spec.trust.seeds import FREE_SEED
    from shared_spec.trust.verification import ORIGIN_NOT_VERIFIED

    for said in (
        f"at most {MAX_ENVELOPE:,} bytes",
        f"1 to {MAX_SIGNATURES} signatures",
        PASSPHRASE_VARIABLE,
        f'"{FREE_SEED}"',
        f'"{ORIGIN_NOT_VERIFIED}"',
    ):
        assert said in PAGE


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_the_steps_of_the_page(tmp_path):
    """A producer and a regulator with two folders, and what passes between them, from step 1 to step 8."""
    ours, theirs = tmp_path / "consumer", tmp_path / "producer"
    keys, lines, shown = {}, {}, {}
    for folder in (ours, theirs):
        folder.mkdir()
    # 1, 2: the fingerprint that ssh-keygen shows is the one that the programs name.
    for name in ("producer", "producer_2027", "regulator"):
        path = theirs / f"id_{name}"
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "LASSI", "-f", str(path)]
        subprocess.run(words, check=True)
        keys[name], lines[name] = load_signing_key(path), Path(f"{path}.pub").read_text().strip()
        words = ["ssh-keygen", "-lf", f"{path}.pub"]
        shown[name] = subprocess.run(words, check=True, capture_output=True, text=True).stdout

    # 3
    def trust(**further):
        text = ""
        for role, identity in (("regulator", "City Office"), ("producer", "Acme Data")):
            head, tail = further.get(role, ("", ""))
            text += f'[{role}]\nidentity = "{identity}"\n{head}\n[[{role}.keys]]\npublic_key = "{lines[role]}"\n'
            text += (
                f"valid_from = 2026-01-01T00:00:00Z\nvalid_until = 2028-01-01T00:00:00Z\n{tail}\n"
            )
        (ours / "trust.toml").write_text(text)
        return load_trust(ours / "trust.toml")

    def moment(day):
        return datetime(2026, 11, day, 12, tzinfo=UTC)

    def issuance(issuer, day):
        return Issuance(issuer, 3, moment(day), moment(30))

    # 8, the first half: before the draw.
    nonce, beacon = (hashlib.sha256(name).hexdigest() for name in (b"secret", b"drawn afterwards"))
    settings, parents = {"n": 10_000}, {"spec": "sha256-content-v1:" + "5" * 64}
    paths = [ours / f"reps.{name}.sig.json" for name in ("commitment", "beacon")]
    sign_commitment(
        paths[0], commit(nonce, settings, parents), "producer", keys["producer"], issuance("Acme Data", 1), parents
    )  # fmt: skip
    asked = verify_statement(paths[0], None, "commitment", "producer", trust(), moment(2), None)
    sign_beacon(
        paths[1], asked.statement.digest, beacon, 1, "regulator", keys["regulator"], issuance("City Office", 2)
    )  # fmt: skip

    # 4: the producer signs and hands over; 5: the consumer verifies.
    digest = "sha256-content-v1:" + "b" * 64
    details = {"reveal": {"nonce": nonce, "beacon": beacon}}

    def sign(key, day):
        return sign_artifact(
            theirs / "reps", digest, "bundle", keys[key], issuance("Acme Data", day), parents, details, force=True
        )  # fmt: skip

    def verify(trust, day):
        shutil.copy(theirs / "reps.sig.json", ours)
        return verify_artifact(ours / "reps", digest, "bundle", trust, moment(day), parents)

    assert sign("producer", 3).name == "reps.sig.json"
    link = verify(trust(), 4)
    assert link.fingerprints[0] in shown["producer"]
    assert "Acme Data" in link.text
    done = stranger(theirs, (theirs / "reps.sig.json").read_text(), lines["producer"])
    assert done.returncode == 0, done.stderr

    # 8, the second half.
    seed = verify_seed(link, *paths, "regulator", settings, parents, trust(), moment(4))
    assert seed.seed == derive_committed_seed(nonce, beacon)

    # 6
    sign_rotation(
        ours / "acme.rotation.sig.json", keys["producer"], keys["producer_2027"], "producer",
        issuance("Acme Data", 5), moment(10),
    )  # fmt: skip
    followed = ('rotations = ["acme.rotation.sig.json"]', "")
    assert verify(trust(producer=followed), 12).fingerprints == link.fingerprints
    sign("producer_2027", 11)
    assert verify(trust(producer=followed), 12).fingerprints[0] in shown["producer_2027"]
    with pytest.raises(ArtifactError, match="compare fingerprints"):
        verify(trust(), 12)

    # 7
    sign("producer", 3)
    with pytest.raises(ExpiredError, match="was revoked at 2026-11-12"):
        verify(trust(producer=("", "revoked_at = 2026-11-12T00:00:00Z")), 12)
    with pytest.raises(ExpiredError, match="expired at 2026-11-30"):
        verify(trust(), 30)
