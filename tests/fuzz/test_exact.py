"""The fuzzer of the exact view and of heads for some seconds: any case at all has to hold."""

import subprocess
import sys
from pathlib import Path

import kinds_exact
import kinds_heads
import pytest

RUN = Path(__file__).with_name("run.py")


def fuzz(*words):
    return subprocess.run([sys.executable, RUN, *words], capture_output=True, text=True)


def test_nothing_that_is_certified_is_refuted():
    # What artefacts and files are read for is drawn beside this.
    kinds = [*kinds_exact.KINDS, *kinds_heads.KINDS]
    words = [word for kind in kinds for word in ("--kind", kind)]
    done = fuzz("--seconds", "8", "--seed", "1", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = {line.split(":")[0]: int(line.split()[1]) for line in done.stdout.splitlines()}
    assert counts.keys() == set(kinds)
    assert all(counts.values()), "a kind was never drawn"


@pytest.mark.parametrize("words", [["--kind", "nothing"]])
def test_a_kind_that_there_is_not_is_refused(words):
    assert fuzz(*words).returncode == 2
