"""Kills commands at random moments and looks at what they leave: nothing, or an artefact that is whole.

    python tests/fuzz/kill.py [--kills 50] [--seed 0]

Every command is killed equally often, at a moment drawn evenly over the time that it takes. What then stands at its
place must load and have the bytes of an undisturbed run; the same command must end with those bytes afterwards.
"""

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "oracles"))

from conftest import ENCODER, make_tiny
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from stored import contents

from shared_spec import load_audit, load_bundle, load_certificate, load_spec
from shared_spec.rng import numpy_generator
from shared_spec.trust.envelope import decode_envelope


def commands(paths, out):
    """Per command its words and whatever checks the artefact that it leaves at `out`."""
    data = ["--spec", paths.spec, "--data", paths.data, "--cache", paths.cache]
    fit = ["producer", "fit", *data, "--target", "Smiling", *ENCODER, "--shard-rows", "25"]
    export = ["producer", "export", *data, "--model", paths.model, "--shard-rows", "4"]
    # Without a salt that is given, no two certificates have the same bytes.
    salt = ["--salt", paths.certificate / "salt.json"]
    certify = ["consumer", "certify", "--reps", paths.reps, "--target", "Smiling", *salt]
    spec = [
        "regulator",
        "publish-spec",
        "--data",
        paths.data,
        "--flow",
        paths.flow,
        "--attribute",
        "Young",
    ]
    sign = [
        "producer",
        "sign",
        out.with_name("reps"),
        "--key",
        paths.root / "key",
        "--issuer",
        "Acme",
    ]
    audit = ["producer", "audit", paths.reps, *data[:4], "--model", paths.model, "--sample", "10"]
    return {
        "publish-spec": ([*spec, "--cache", paths.cache, "--out", out], load_spec),
        "fit": ([*fit, "--model", out.with_name("model"), "--out", out], load_bundle),
        "export": ([*export, "--out", out], load_bundle),
        "certify": ([*certify, "--out", out], load_certificate),
        "sign": (
            [*sign, "--serial", "1", "--expires", "2990-01-01"],
            load_signature,
        ),
        "audit": ([*audit, "--auditor-seed", "5e" * 32, "--out", out], load_audit),
    }


def load_signature(path):
    """The envelope, which says what it signs."""
    return decode_envelope(path.read_bytes(), str(path))


def start(words):
    """The command in a process of its own."""
    command = [Path(sys.executable).parent / words[0], *map(str, words[1:])]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def clear(folder, paths):
    """Takes away whatever runs left; what is to be signed stands there again."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copytree(paths.reps, folder / "reps")


def campaign(name, paths, root, kills, generator):
    """Kills one command so often; returns how many kills came before it was done, and complaints."""
    folder = root / name
    clear(folder, paths)
    words, load = commands(paths, folder / "out")[name]
    out = folder / ("reps.sig.json" if name == "sign" else "out")
    complaints, early = [], 0
    # A signature says when it was made, so its bytes are never the same.
    timed = name == "sign"
    began = time.monotonic()
    assert start(words).wait() == 0, f"{name} does not run"
    seconds, expected = time.monotonic() - began, contents(out)
    for kill in range(kills):
        clear(folder, paths)
        process = start(words)
        time.sleep(generator.uniform(0.0, seconds))
        process.send_signal(signal.SIGKILL)
        early += process.wait() == -signal.SIGKILL
        if out.exists():
            load(out)
            if not timed and contents(out) != expected:
                complaints.append(f"{name}, kill {kill}: another artefact stands there")
        elif kill % 5 == 0:
            failed = start(words).wait()
            if not failed:
                load(out)
            if failed or (not timed and contents(out) != expected):
                complaints.append(
                    f"{name}, kill {kill}: the same command does not end as undisturbed"
                )
    return early, complaints


def main():
    """Returns the exit code: 1 if anything half-written was accepted."""
    parser = argparse.ArgumentParser(description="kills commands at random moments")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    generator = numpy_generator(arguments.seed, "fuzz.kill")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tiny").mkdir()
        paths = make_tiny(Path(folder) / "tiny")
        key = Ed25519PrivateKey.generate()
        content = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        (paths.root / "key").write_bytes(content)
        names = list(commands(paths, Path(folder)))
        for name in names:
            kills = -(-arguments.kills // len(names))
            early, complaints = campaign(name, paths, Path(folder), kills, generator)
            print(
                f"{name}: {kills} kills, {early} before the end, {len(complaints)} complaints",
                flush=True,
            )
            for line in complaints:
                print(f"COMPLAINT: {line}", flush=True)
            failed = failed or bool(complaints)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
