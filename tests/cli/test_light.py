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


LIBRARIES = "import click, pydantic.main, pydantic.types, rich.console, rich.progress, rich.table"
HELP = "import sys; sys.argv[1:] = ['--help']; from {}.cli import main; main()"


def processor_seconds(program):
    """The least that three runs take."""

    def children():
        found = resource.getrusage(resource.RUSAGE_CHILDREN)
        return found.ru_utime + found.ru_stime

    taken = []
    for _ in range(3):
        before = children()
        python("-c", program)
        taken.append(children() - before)
    return min(taken)


@pytest.mark.parametrize("party", PARTIES)
def test_help_takes_less_than_half_a_second_of_processor(party):
    """Or, on a slow processor, less than four times what the libraries take that no command can do without."""
    taken = processor_seconds(HELP.format(party))
    assert taken < 0.5 or taken < 4 * processor_seconds(LIBRARIES)
