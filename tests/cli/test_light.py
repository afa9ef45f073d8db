"""Help is there at once: nothing heavy is loaded before it is needed."""

import importlib
import resource
import subprocess
import sys
from importlib.metadata import version

import click
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

HEAVY = {
    "torch",
    "numpy",
    "scipy",
    "matplotlib",
    "pandas",
    "PIL",
    "h5py",
    "pyarrow",
    "safetensors",
    "jinja2",
}
PARTIES = ("regulator", "producer", "consumer")
SHOW = """
import importlib, sys
from shared_spec.console import execute
group = importlib.import_module(sys.argv[1] + ".cli").group
for name in group.commands:
    assert execute(group, [name, "--help"]) == 0, name
print("LOADED", *{module.partition(".")[0] for module in sys.modules})
"""


HELP = "import sys; sys.argv[1:] = {}; from {}.cli import main; main()"


def python(*words):
    found = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    return found.stdout


@pytest.mark.parametrize("package", ["shared_spec", *PARTIES])
def test_a_package_is_imported_without_what_computes_and_names_its_version(package):
    code = f"import sys, {package}; print(*sys.modules, {package}.__version__)"
    *loaded, named = python("-c", code).split()
    assert not (HEAVY | {"click"}) & set(loaded)
    assert named == version(f"lassi-{package.replace('_', '-')}")


@pytest.mark.parametrize("package", ["shared_spec", *PARTIES])
def test_every_name_that_a_package_lists_is_there(package):
    found = importlib.import_module(package)
    for name in found.__all__:
        assert getattr(found, name) is not None


@pytest.mark.parametrize("party", PARTIES)
def test_the_help_of_every_command_loads_nothing_that_computes(party):
    lines = python("-c", SHOW, party).splitlines()
    assert sum(line.startswith("Usage:") for line in lines) >= 4, "a command showed no help"
    assert not HEAVY & set(lines[-1].split())


@pytest.mark.parametrize("party", PARTIES)
def test_the_list_of_commands_loads_none_of_them(party):
    code = HELP.format(["--help"], party)
    loaded = python(
        "-c", f"import atexit, sys; atexit.register(lambda: print(*sys.modules)); {code}"
    )
    modules = set(loaded.splitlines()[-1].split())
    assert not {"pydantic", "rich", "shared_spec.settings"} & modules
    assert not {name for name in modules if name.startswith(f"{party}.cli.")}


@pytest.mark.parametrize("party", PARTIES)
def test_the_list_says_of_each_command_what_its_help_says_first(party):
    group = importlib.import_module(f"{party}.cli").group
    for item in group.shell_complete(click.Context(group), ""):
        if not item.value.startswith("-"):
            assert item.help == group.commands[item.value].get_short_help_str(1000)
    assert [item.value for item in group.shell_complete(click.Context(group), "insp")] == [
        "inspect"
    ]


TRAIN = """
import sys, torch
from consumer.training import train_head
from shared_spec.artifacts.head_documents import HeadConfig
config = HeadConfig(kind="linear", input_dim=2, hidden=(), classes=("a", "b"), sigma_rs=0.5)
train_head(torch.ones(4, 2), torch.tensor([0, 1, 0, 1]), config, torch.Generator())
print(*sys.modules)
"""


def test_training_a_head_does_not_load_the_compiler():
    """It costs as much as torch itself, in every `certify`."""
    assert not {"torch._dynamo", "sympy"} & set(python("-c", TRAIN).split())


LIBRARIES = "import click, pydantic.main, pydantic.types, rich.console, rich.progress, rich.table"


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


@pytest.mark.parametrize(
    ("party", "words"),
    [("regulator", ["publish-spec"]), ("producer", ["fit"]), ("consumer", ["certify"])],
)
def test_help_takes_less_than_half_a_second_of_processor(party, words):
    """Or, on a slow processor, less than twice what the libraries take that no command can do without."""
    taken = processor_seconds(HELP.format([*words, "--help"], party))
    assert taken < 0.5 or taken < 2 * processor_seconds(LIBRARIES)


WATCHED = "import atexit, sys; atexit.register(lambda: print(*sys.modules)); sys.argv[1:] = {}; {}"


def openssh_key(path):
    """A private key, as ssh-keygen writes it."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    )
    path.write_bytes(pem)
    path.chmod(0o600)
    return path


ISSUANCE = ["--issuer", "Office", "--serial", "1", "--expires", "2099-01-01"]


@pytest.mark.pipeline
@pytest.mark.parametrize(
    ("party", "command", "artifact"),
    [
        ("regulator", "sign", "spec"),
        ("producer", "sign", "reps"),
        ("consumer", "sign", "certificate"),
        ("consumer", "inspect", "certificate"),
        ("consumer", "receipt", "certificate"),
    ],
)
def test_what_computes_no_bound_starts_without_torch(copies, party, command, artifact):
    """To load torch takes a few seconds, more than all that such a command does."""
    further = {
        "sign": ["--key", str(openssh_key(copies.out.with_name("id"))), *ISSUANCE],
        "receipt": ["--individual", "test-000000", "--out", str(copies.out)],
    }
    words = [command, str(getattr(copies, artifact)), *further.get(command, [])]
    code = WATCHED.format(words, f"from {party}.cli import main; main()")
    loaded = set(python("-c", code).splitlines()[-1].split())
    assert f"{party}.cli" in loaded
    assert "torch" not in loaded


@pytest.mark.pipeline
def test_an_encoder_and_a_head_are_built_without_symbolic_algebra(tiny):
    """Which takes a second to load, and which torch loads for ways of building a layer that look harmless."""
    code = "import sys, producer, consumer; producer.load_encoder({!r}); consumer.load_head({!r}); print(*sys.modules)"
    loaded = set(python("-c", code.format(str(tiny.model), str(tiny.certificate))).split())
    assert "torch" in loaded
    assert "sympy" not in loaded
