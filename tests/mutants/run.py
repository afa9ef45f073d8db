"""Tries every mutant of the table: the test that it names must fail, and pass without it.

    python tests/mutants/run.py
    python tests/mutants/run.py --only "midpoints"

Exits with 1 if one survives.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from table import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
PACKAGES = ("shared_spec", "regulator", "producer", "consumer")


def main() -> int:
    """Reads the arguments and tries the mutants, one line each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", default="", help="mutants with these words in their name")
    only = parser.parse_args().only
    survivors = 0
    for mutant in MUTANTS:
        if only in mutant.name:
            killed = try_mutant(mutant)
            survivors += not killed
            print(
                f"{'killed' if killed else 'SURVIVED'}: {mutant.name} [{mutant.killer}]", flush=True
            )
    print(f"{survivors} of {len(MUTANTS)} survived")
    return 1 if survivors else 0


def try_mutant(mutant: Mutant) -> bool:
    """Whether the named test fails on a copy of the sources with this change, and passes on one without."""
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            shutil.copytree(ROOT / package / "src", Path(folder) / package / "src")
        if run(folder, mutant.killer):
            print(f"{mutant.killer} fails without any change", flush=True)
            return False
        path = Path(folder) / mutant.file
        text = path.read_text()
        path.write_text(text.replace(mutant.old, mutant.new))
        return run(folder, mutant.killer) == 1


def run(folder: str, killer: str) -> int:
    """The exit code of pytest: 0 if all pass, 1 if one fails."""
    sources = os.pathsep.join(str(Path(folder) / package / "src") for package in PACKAGES)
    words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", killer]
    environment = {**os.environ, "PYTHONPATH": sources, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True).returncode


if __name__ == "__main__":
    sys.exit(main())
