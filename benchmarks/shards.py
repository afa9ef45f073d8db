"""`consumer certify --shard`: every part killed at a random moment and decided again, and the bytes of what is merged.

The bundle is that of population.py. The parts are decided one after the other; of each the time and the memory of the
run that ended are counted.

    python benchmarks/shards.py [--individuals 1000000] [--ways 1 2 7] [--folder DIR]
"""

from __future__ import annotations

import argparse
import filecmp
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from population import CONSUMER, watched, write_bundle

from shared_spec.rng import numpy_generator

_WORDS = ["--target", "task", "--noise", "0.25"]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--individuals", type=int, default=1_000_000)
    parser.add_argument("--ways", type=int, nargs="+", default=[1, 2, 7])
    parser.add_argument("--folder", type=Path, help="Where all is written; the system's own.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        write_bundle(folder / "reps", options.individuals, ("exact",))
        once = folder / "once"
        took = measured("at once", consumer("certify", folder, once, *_WORDS))
        for ways in options.ways:
            parts = [folder / f"{index}-of-{ways}" for index in range(1, ways + 1)]
            killed = 0
            for index, part in enumerate(parts, 1):
                command = consumer("certify", folder, part, *_WORDS, "--shard", f"{index}/{ways}")
                moment = numpy_generator(0, "shards", part.name).uniform(0, took / ways)
                killed += kill(command, moment)
                if part.exists():
                    raise SystemExit(f"{part.name} was left by a run that was killed")
                measured(f"part {part.name}", command)
            merged = folder / f"merged-{ways}"
            salt = str(once / "salt.json")
            words = consumer("merge", folder, merged, *map(str, reversed(parts)), "--salt", salt)
            measured(f"merge of {ways}", words)
            names = sorted(path.name for path in once.iterdir())
            if names != sorted(path.name for path in merged.iterdir()) or filecmp.cmpfiles(
                once, merged, names, shallow=False
            ) != (names, [], []):
                raise SystemExit(f"the certificate of {ways} parts has other bytes")
            print(
                f"{ways} parts, {killed} of them killed in their work: the same bytes", flush=True
            )


def consumer(verb: str, folder: Path, out: Path, *words: str) -> list[str]:
    """A command line on the bundle."""
    named = ["--reps", str(folder / "reps"), "--out", str(out)]
    return [
        sys.executable,
        "-c",
        CONSUMER,
        verb,
        *words,
        *named,
    ]


def measured(what: str, command: list[str]) -> float:
    """Runs a command; prints and returns its seconds."""
    start = time.perf_counter()
    _, peak = watched(command)
    wall = time.perf_counter() - start
    print(f"{what}: {wall:.0f} s, peak {peak / 2**30:.3f} GiB beyond the page cache", flush=True)
    return wall


def kill(command: list[str], moment: float) -> bool:
    """Starts a command and kills it after so many seconds; whether it was still at work."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(moment)
    process.kill()
    return process.wait() != 0


if __name__ == "__main__":
    main()
