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

from conftest import ENCODER, make_tiny

from shared_spec import load_bundle, load_certificate
from shared_spec.rng import numpy_generator


def commands(paths, out):
    """Per command its words and whatever checks the artefact that it leaves at `out`."""
    data = ["--spec", paths.spec, "--data", paths.data, "--cache", paths.cache]
    fit = ["producer", "fit", *data, "--target", "Smiling", *ENCODER, "--shard-rows", "25"]
    export = ["producer", "export", *data, "--model", paths.model, "--shard-rows", "4"]
    certify = ["consumer", "certify", "--reps", paths.reps, "--target", "Smiling"]
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
    return {
        "publish-spec": ([*spec, "--cache", paths.cache, "--out", out], lambda place: None),
        "fit": ([*fit, "--model", out.with_name("model"), "--out", out], load_bundle),
        "export": ([*export, "--out", out], load_bundle),
        "certify": ([*certify, "--out", out], load_certificate),
    }


def start(words):
    """The command in a process of its own."""
    command = [Path(sys.executable).parent / words[0], *map(str, words[1:])]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def contents(place):
    """The bytes of every file of an artefact."""
    files = place.iterdir() if place.is_dir() else [place]
    return {path.name: path.read_bytes() for path in files}


def clear(folder):
    """Takes away whatever runs left."""
    shutil.rmtree(folder)
    folder.mkdir()


def campaign(name, paths, root, kills, generator):
    """Kills one command so often; returns how many kills came before it was done, and complaints."""
    folder = root / name
    folder.mkdir()
    words, load = commands(paths, folder / "out")[name]
    out, complaints, early = folder / "out", [], 0
    began = time.monotonic()
    assert start(words).wait() == 0, f"{name} does not run"
    seconds, expected = time.monotonic() - began, contents(out)
    for kill in range(kills):
        clear(folder)
        process = start(words)
        time.sleep(generator.uniform(0.0, seconds))
        process.send_signal(signal.SIGKILL)
        early += process.wait() == -signal.SIGKILL
        if out.exists():
            load(out)
            if contents(out) != expected:
                complaints.append(f"{name}, kill {kill}: another artefact stands there")
        elif kill % 5 == 0 and (start(words).wait() != 0 or contents(out) != expected):
            complaints.append(f"{name}, kill {kill}: the same command does not end as undisturbed")
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
