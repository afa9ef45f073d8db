"""Every example in a docstring gives what it says it gives."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    ".".join(path.relative_to(ROOT / package / "src").with_suffix("").parts)
    for package in ("shared_spec", "regulator", "producer", "consumer")
    for path in (ROOT / package / "src").rglob("*.py")
    if ">>> " in path.read_text()
)


def test_there_are_examples():
    assert len(MODULES) >= 6


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name):
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried > 0
    assert failed == 0
