"""Help is there at once: nothing heavy is loaded before it is needed."""

import resource
import subprocess
import sys

import pytest

HEAVY = {"torch", "numpy", "scipy", "matplotlib", "pandas", "PIL", "h5py", "safetensors", "jinja2"}
PARTIES = ("regulator", "producer", "consumer")
SHOW = """
import importlib, sys
from shared_spec.console import execute
group = importlib.import_module(sys.argv[1] + ".cli").group
for name in group.commands:
    assert execute(group, [name, "--help"]) == 0, name
print("LOADED", *{module.partition(".")[0] for module in sys.modules})
"""


def python(*words):
    found = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    return found.stdout


@pytest.mark.parametrize("package", ["shared_spec", *PARTIES])
def test_a_package_is_imported_without_what_computes(package):
    loaded = python("-c", f"import sys, {package}; print(*sys.modules)").split()
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize("party", PARTIES)
def test_the_help_of_every_command_loads_nothing_that_computes(party):
    lines = python("-c", SHOW, party).splitlines()
    assert sum(line.startswith("Usage:") for line in lines) >= 4, "a command showed no help"
    assert not HEAVY & set(lines[-1].split())


@pytest.mark.parametrize("party", PARTIES)
def test_help_takes_less_than_half_a_second_of_processor(party):
    def processor_seconds():
        found = resource.getrusage(resource.RUSAGE_CHILDREN)
        return found.ru_utime + found.ru_stime

    taken = []
    for _ in range(3):
        before = processor_seconds()
        python("-c", f"import sys; sys.argv[1:] = ['--help']; from {party}.cli import main; main()")
        taken.append(processor_seconds() - before)
    assert min(taken) < 0.5
