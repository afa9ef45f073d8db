"""Draws cases at the edges until the time is up, and checks what is claimed about them in exact arithmetic.

    python tests/fuzz/run.py [--seconds 600] [--seed 0] [--kind NAME] [--case N]

A kind is a function that draws one case from a generator, checks it, and returns a line per violation; the entries of
`KINDS` in the files kinds_*.py of this folder are all that is run. A refusal (LassiError) is counted, any other
exception is a violation. A case depends on the seed, its kind and its number alone: `--kind` and `--case` repeat it.
"""

import argparse
import importlib
import sys
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

import torch

from shared_spec.errors import LassiError
from shared_spec.rng import torch_generator

FOLDER = Path(__file__).parent
sys.path += [str(FOLDER.parent / "oracles"), str(FOLDER.parent / "hostile")]


def all_kinds():
    """Name and function of every kind."""
    found = {}
    for path in sorted(FOLDER.glob("kinds_*.py")):
        for name, kind in importlib.import_module(path.stem).KINDS.items():
            assert name not in found, f"two kinds are called {name}"
            found[name] = kind
    return found


def run_case(kind, name, seed, case):
    """Violations of one case, or None where it was refused."""
    try:
        return kind(torch_generator(seed, f"fuzz {name}", str(case)))
    except LassiError as error:
        return None if "\n" not in str(error) else [f"a refusal of several lines: {error}"]
    except Exception:
        return [traceback.format_exc(limit=-3)]


def fuzz(kinds, seed, seconds):
    """Runs the kinds in turn, the one that has had least time first, each at least once; returns whether all held."""
    cases, refused, violations, spent = Counter(), Counter(), Counter(), dict.fromkeys(kinds, 0.0)
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(cases) < len(kinds):
        name = min(spent, key=spent.__getitem__)
        start, case = time.monotonic(), cases[name]
        found = run_case(kinds[name], name, seed, case)
        spent[name] += time.monotonic() - start
        cases[name] += 1
        refused[name] += found is None
        violations[name] += bool(found)
        for line in found or []:
            print(f"VIOLATION --seed {seed} --kind {name} --case {case}: {line}", flush=True)
    for name in kinds:
        print(f"{name}: {cases[name]} cases, {refused[name]} refused, {violations[name]} violated")
    return not violations.total()


def main():
    """Returns the exit code: 1 if anything was violated."""
    parser = argparse.ArgumentParser(description="checks bounds in exact arithmetic")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", action="append", help="only this kind (repeatable)")
    parser.add_argument("--case", type=int, help="only this case of the kinds")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("error")
    kinds = {n: k for n, k in all_kinds().items() if not arguments.kind or n in arguments.kind}
    if not kinds:
        parser.error(f"no such kind; there are {', '.join(all_kinds())}")
    if arguments.case is None:
        return 0 if fuzz(kinds, arguments.seed, arguments.seconds) else 1
    found = {n: run_case(k, n, arguments.seed, arguments.case) for n, k in kinds.items()}
    print("\n".join(f"{name}: {lines}" for name, lines in found.items()))
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
