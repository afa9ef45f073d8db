"""A tiny run of all three parties, made once per session through the commands, for tests that need real artefacts."""

import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from filelock import FileLock

from consumer.cli import group as consumer
from producer.cli import group as producer
from regulator.cli import group as regulator
from shared_spec.console import execute

GROUPS = {"regulator": regulator, "producer": producer, "consumer": consumer}
DATA = "portraits:train=480,valid=96,test=40"
FLOW = ["--steps", "40", "--blocks", "2", "--flows", "2", "--hidden", "8"]
ENCODER = [
    "--hidden",
    "32",
    "--hidden",
    "24",
    "--dimension",
    "16",
    "--epochs",
    "3",
    "--batch",
    "64",
]
CHROMIUM = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=900,1400",
]  # fmt: skip


def fit(paths, model=None, out=None):
    """The words of the fit that made `tiny`; with a model and a bundle of other names."""
    return [
        "producer", "fit", "--spec", paths.spec, "--data", DATA, "--target", "Smiling",
        "--model", model or paths.model, "--out", out or paths.reps, *ENCODER, "--n0", "2000", "--n", "2000",
        "--tube-vertices", "5", "--shard-rows", "25", "--cache", paths.cache,
    ]  # fmt: skip


def command(*words):
    """Runs a command line of one of the parties in this process; returns its exit code."""
    return execute(GROUPS[words[0]], [str(word) for word in words[1:]])


@pytest.fixture(scope="session", autouse=True)
def _few_threads():
    # Tiny tensors: a second thread costs more than it gives, and two runs of the suite should not fight.
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Paths of a spec, a model, a bundle and a certificate; never to be written to: use `copies`.

    Where processes share the tests, one of them makes it and each has a copy of its own, its cache included.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return make_tiny(tmp_path_factory.mktemp("tiny"))
    shared = tmp_path_factory.getbasetemp().parent / "tiny"
    with FileLock(f"{shared}.lock"):
        if not paths_below(shared).certificate.exists():
            make_tiny(shared)
    return paths_below(shutil.copytree(shared, tmp_path_factory.getbasetemp() / "tiny"))


def paths_below(root):
    """Where `make_tiny` puts what it makes."""
    return SimpleNamespace(
        root=root, data=DATA, cache=root / "cache", flow=root / "flow.safetensors", spec=root / "spec.safetensors",
        model=root / "model", reps=root / "reps", certificate=root / "certificate",
    )  # fmt: skip


def make_tiny(root):
    """What `tiny` is, below `root`."""
    root.mkdir(exist_ok=True)
    paths = paths_below(root)
    steps = [
        ["regulator", "train-flow", "--data", DATA, "--out", paths.flow, *FLOW],
        ["regulator", "publish-spec", "--data", DATA, "--flow", paths.flow, "--attribute", "Pale_Skin",
         "--out", paths.spec, "--cache", paths.cache],
        fit(paths),
        ["consumer", "certify", "--reps", paths.reps, "--target", "Smiling", "--out", paths.certificate],
    ]  # fmt: skip
    for words in steps:
        assert command(*words) == 0, words
    return paths


@pytest.fixture(scope="session")
def whole(tiny, tmp_path_factory):
    """A certificate with all that its page can show, from a bundle with labels of groups; never to be written to."""
    root = tmp_path_factory.mktemp("whole")
    found = SimpleNamespace(
        reps=root / "reps", certificate=root / "certificate", strip=root / "strip.png"
    )
    share = [w for name in ("Smiling", "Pale_Skin", "Wearing_Earrings") for w in ("--share", name)]
    steps = [
        # Quicker than an export, which would bound the training individuals too.
        [*fit(tiny, model=root / "model", out=found.reps), *share],
        ["regulator", "preview", "--spec", tiny.spec, "--data", DATA, "--for-report", "--out", found.strip],
        ["consumer", "certify", "--reps", found.reps, "--target", "Smiling", "--strip", found.strip,
         "--groups", "Pale_Skin", "--groups", "Wearing_Earrings", "--out", found.certificate],
    ]  # fmt: skip
    for words in steps:
        assert command(*words) == 0, words
    return found


@pytest.fixture
def copies(tiny, tmp_path):
    """The same artefacts, copied so that a test may damage them."""
    found = SimpleNamespace(**vars(tiny))
    for name in ("spec", "model", "reps", "certificate"):
        source, target = getattr(tiny, name), tmp_path / Path(getattr(tiny, name)).name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, target)
        setattr(found, name, target)
    found.out = tmp_path / "out"
    return found


@pytest.fixture(scope="session")
def run():
    """The function that runs a command line in this process."""
    return command


@pytest.fixture(scope="session")
def fit_words():
    """The function that gives the words of the fit behind `tiny`."""
    return fit


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """Chromium without a window or a network of its own, and what pages write to its console."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    programs = shutil.which("chromium"), shutil.which("chromedriver")
    if None in programs:
        pytest.skip("chromium and chromium-driver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for flag in [*CHROMIUM, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs[1]))
    yield driver
    driver.quit()


@pytest.fixture
def fails(run, capsys):
    """Runs a command that must fail with this code and one line that matches; returns the line."""

    def check(code, pattern, *words, nothing_at=None):
        capsys.readouterr()
        assert run(*words) == code
        captured = capsys.readouterr()
        lines = captured.err.strip().splitlines()
        assert lines[-1].startswith("error: "), lines
        assert re.search(pattern, lines[-1]), lines[-1]
        assert "Traceback" not in captured.err
        if nothing_at is not None:
            assert not nothing_at.exists()
            litter = list(nothing_at.parent.glob(f".{nothing_at.name}*"))
            assert litter == [], "something half-written was left"
        return lines[-1]

    return check
