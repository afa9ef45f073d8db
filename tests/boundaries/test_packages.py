"""Each organisation installs its own package and the contract, and nothing of the others."""

import ast
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTIES = ("regulator", "producer", "consumer")
DISTRIBUTION = {"PIL": "pillow"}
EXTRAS = {"h5py", "pyarrow"}


def project(package):
    return tomllib.loads((ROOT / package / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("package", ["shared_spec", *PARTIES])
def test_a_package_declares_what_it_imports_and_no_more(package):
    declared = {re.split(r"[<>=!~ ]", item)[0].lower() for item in project(package)["dependencies"]}
    used = set()
    for path in (ROOT / package / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            used |= {name.split(".")[0] for name in names}
    used -= set(sys.stdlib_module_names) | {package} | EXTRAS
    used = {DISTRIBUTION.get(name, name) for name in used}
    used = {"lassi-shared-spec" if name == "shared_spec" else name for name in used}
    assert used == declared


def test_versions_move_in_lockstep():
    assert len({project(package)["version"] for package in ["shared_spec", *PARTIES]}) == 1
    for party in PARTIES:
        assert f"lassi-shared-spec=={project(party)['version']}" in project(party)["dependencies"]


IMPORT_ALL = """
import importlib, importlib.util, pkgutil, sys
sys.path[:] = [p for p in sys.path if "site-packages" not in p] + {paths!r}
party = importlib.import_module({party!r})
for found in pkgutil.walk_packages(party.__path__, {party!r} + "."):
    importlib.import_module(found.name)
for other in {others!r}:
    assert importlib.util.find_spec(other) is None, other + " is here"
    assert other not in sys.modules
from importlib.metadata import entry_points
script = [e for e in entry_points(group="console_scripts") if e.name == {party!r}]
assert len(script) == 1 and callable(script[0].load()), script
print(party.__file__)
"""


@pytest.mark.parametrize("party", PARTIES)
def test_a_party_installs_and_imports_with_the_contract_alone(party, tmp_path):
    """Built and installed by pip into an empty folder; only third-party libraries are shared with this environment."""
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
    ]
    install += [
        "--disable-pip-version-check",
        "--target",
        str(tmp_path),
        str(ROOT / "shared_spec"),
        str(ROOT / party),
    ]
    subprocess.run(install, check=True, cwd=tmp_path)
    others = [name for name in PARTIES if name != party]
    paths = [str(tmp_path), sysconfig.get_paths()["purelib"]]
    code = IMPORT_ALL.format(party=party, others=others, paths=paths)
    # -S: the path files of this environment, which point at all four packages, are not read.
    done = subprocess.run(
        [sys.executable, "-P", "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith(str(tmp_path))


def test_type_information_is_shipped():
    for package in ("shared_spec", *PARTIES):
        assert (ROOT / package / "src" / package / "py.typed").exists()
        assert not (ROOT / package / "__init__.py").exists(), "would shadow the package"
