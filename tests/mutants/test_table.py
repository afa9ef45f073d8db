"""The table of mutants is about the code as it stands: each piece occurs once, and its killer exists."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _load():
    found = importlib.util.spec_from_file_location(
        "mutant_table", Path(__file__).parent / "table.py"
    )
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module.MUTANTS


MUTANTS = _load()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_changes_one_piece_and_names_its_killer(mutant):
    assert (ROOT / mutant.file).read_text().count(mutant.old) == 1, "not there, or more than once"
    assert mutant.new != mutant.old
    path, _, test = mutant.killer.partition("::")
    assert (ROOT / path).exists()
    assert not test or f"def {test.partition('[')[0]}(" in (ROOT / path).read_text()


def test_names_are_different():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
