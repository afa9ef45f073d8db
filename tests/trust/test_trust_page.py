"""docs/trust.md and docs/format.md are enough for a stranger: the steps work, and the examples belong together."""

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from shared_spec import load_bundle
from shared_spec.trust.envelope import MAX_ENVELOPE, MAX_SIGNATURES
from shared_spec.trust.keys import PASSPHRASE_VARIABLE
from shared_spec.trust.seeds import FREE_SEED
from shared_spec.trust.signing import Subject
from shared_spec.trust.trust_file import load_trust
from shared_spec.trust.verification import ORIGIN_NOT_VERIFIED, verify_artifact

DOCS = Path(__file__).parents[2] / "docs"
PAGE, FORMAT = ((DOCS / name).read_text() for name in ("trust.md", "format.md"))


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


(TRUST,), (SCRIPT,), (ENVELOPE, STATEMENT) = (
    blocks(PAGE, "toml"),
    blocks(FORMAT, "python"),
    blocks(FORMAT, "json"),
)
(LINE,) = re.findall(r"`(ssh-ed25519 AAAA[A-Za-z0-9+/]{60,})`", FORMAT)


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


def test_the_examples_of_the_page_belong_together(tmp_path, house):
    path, statement = tmp_path / "trust.toml", json.loads(STATEMENT)
    pin = house.pin(SimpleNamespace(public=SimpleNamespace(line=LINE)))
    path.write_text(house.role_text("producer", [pin]))
    (tmp_path / "reps.sig.json").write_text(ENVELOPE)
    digest = "sha256-content-v1:" + statement["subject"][0]["digest"]["lassiContentV1"]
    subject = Subject("bundle", tmp_path / "reps", digest, statement["predicate"]["parents"])
    link = verify_artifact(subject, load_trust(path), datetime(2026, 11, 26, tzinfo=UTC))
    assert json.loads(link.statement.payload()) == statement


def test_a_stranger_verifies_with_the_script_of_the_page(tmp_path):
    done = stranger(tmp_path, ENVELOPE, LINE)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(STATEMENT)
    payload = json.loads(ENVELOPE)["payload"]
    other = base64.b64encode(base64.b64decode(payload).replace(b'"serial":3', b'"serial":4'))
    forged = ENVELOPE.replace(payload, other.decode())
    assert forged != ENVELOPE
    done = stranger(tmp_path, forged, LINE)
    assert done.returncode != 0
    assert "InvalidSignature" in done.stderr


def test_the_numbers_of_the_pages_are_those_of_the_library():
    for said in (f"at most {MAX_ENVELOPE:,} bytes", f"1 to {MAX_SIGNATURES} signatures"):
        assert said in FORMAT
    for said in (PASSPHRASE_VARIABLE, f'"{FREE_SEED}"', f'"{ORIGIN_NOT_VERIFIED}"'):
        assert said in PAGE


def this_year(text):
    """The page's dates, as far from today as they are from the year in which it plays."""
    return re.sub(
        r"\b20(2[678])(?=-)", lambda found: str(datetime.now(UTC).year + int(found[1]) - 26), text
    )


@pytest.fixture
def steps(tiny, tmp_path, monkeypatch, run, fit_words, capsys):
    """Performs a block of commands of the page, each in the folder of the organisation that its comment names."""
    for name in ("office", "acme", "bank"):
        (tmp_path / name).mkdir()
    shutil.copy(tiny.spec, tmp_path / "office" / "spec.safetensors")
    words = fit_words(tiny)
    small = words[words.index("--model") + 4 :]  # sizes, and the cache
    monkeypatch.setenv("LASSI_CACHE", str(tiny.cache))

    def perform(block):
        shown = {}
        for line in this_year(block).splitlines():
            if line.startswith("# "):
                monkeypatch.chdir(tmp_path / line[2:])
                continue
            command = shlex.split(line)
            if command[0] in ("cp", "ssh-keygen"):
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                shown[line] = done.stdout
                continue
            # The page's data set in small; of an option that is given twice the last counts.
            command += small if command[1] == "fit" else []
            command += ["--data", tiny.data] if "--data" in command else []
            command += small[small.index("--n0") : -2] if command[1] == "commit" else []
            capsys.readouterr()
            assert run(*command) == 0, (os.getcwd(), command, capsys.readouterr().err)
            shown[line] = capsys.readouterr().out
        return shown

    return perform


def write_trust(folder, text=TRUST):
    """The page's trust file with the keys that were made."""
    text = this_year(text)
    for role, home in (("regulator", "office"), ("producer", "acme"), ("consumer", "bank")):
        line = (folder / home / f"id_{role}.pub").read_text().strip()
        text = re.sub(rf'(\[\[{role}\.keys\]\]\npublic_key = ").*"', rf'\g<1>{line}"', text)
    for home in ("office", "acme", "bank"):
        (folder / home / "trust.toml").write_text(text)


@pytest.mark.pipeline
@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_the_steps_of_the_page(steps, tmp_path, run, capsys):
    keys, signed, verified, committed, rotated = blocks(PAGE, "sh")
    shown = steps(keys)
    write_trust(tmp_path)
    steps(signed)
    (said,) = steps(verified).values()
    lines = dict(line.split(" ", 1) for line in said.splitlines() if "signed by" in line)
    for kind, role in (("spec", "regulator"), ("bundle", "producer"), ("certificate", "consumer")):
        fingerprint = shown[f"ssh-keygen -lf id_{role}.pub"].split()[1]
        assert f"signed by {role} " in lines[kind]
        assert fingerprint in lines[kind], "the one that was compared in a call"
    line = (tmp_path / "acme" / "id_producer.pub").read_text()
    done = stranger(tmp_path, (tmp_path / "bank" / "reps.sig.json").read_text(), line)
    assert done.returncode == 0, done.stderr

    steps(committed)
    assert load_bundle(tmp_path / "acme" / "committed").manifest.commitment is not None

    steps(rotated)
    verify = shlex.split(verified.splitlines()[1])
    followed = TRUST.replace(
        'identity = "Acme Data"', 'identity = "Acme Data"\nrotations = ["acme.rotation.sig.json"]'
    )
    (tmp_path / "office" / "acme.rotation.sig.json").touch()
    write_trust(tmp_path, followed)
    os.chdir(tmp_path / "bank")
    assert run(*verify) == 0
    (pin, _) = load_trust(tmp_path / "bank" / "trust.toml").party("producer").keys
    assert pin.retired_at is not None

    lost = TRUST.replace("[consumer]", "revoked_at = 2026-01-01T00:00:01Z\n\n[consumer]")
    write_trust(tmp_path, lost)
    capsys.readouterr()
    assert run(*verify) == 6
    assert "was revoked at" in capsys.readouterr().err


def test_each_threat_names_a_test_that_there_is():
    rows = re.findall(
        r"^\| (?!attack|---)(.*) \|$", (DOCS / "threats.md").read_text(), re.MULTILINE
    )
    assert len(rows) > 25
    for row in rows:
        cell = row.split("|")[3]
        named = re.findall(r"`([^`]+)`", cell)
        assert named, row
        file = ""
        for name in named:
            path, _, function = name.rpartition("::") if ".py::" in name else ("", "", name)
            if name.endswith(".py"):
                path, function = name, ""
            file = path or file
            text = (DOCS.parent / "tests" / file).read_text()
            assert f"def {function}(" in text or not function, name
