"""The examples of docs/scale.md run as they stand, on tiny data, and what they merge is what is made at once."""

import re
import shutil
import subprocess
from pathlib import Path

import forked
import pytest
import yaml
from stored import contents

pytestmark = pytest.mark.pipeline

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()
BLOCKS = re.findall(r"```(bash|yaml)\n(.*?)```", PAGE, re.DOTALL)
LOOP, TORCHRUN, NODES, ARRAY, SUBMITTED, JOB, MERGED = (text for _, text in BLOCKS)
DATA = "portraits:train=40,valid=16,test=12"


@pytest.fixture(scope="module")
def place(tiny, run, tmp_path_factory):
    """Where spec and model are found under the names of the examples."""
    folder = tmp_path_factory.mktemp("place")
    shutil.copy(tiny.spec, folder / "spec.safetensors")
    shutil.copytree(tiny.model, folder / "model")
    return folder


def shell(script, place, **environment):
    """Runs an example on tiny data."""
    known = {"OMP_NUM_THREADS": "1", "LASSI_CACHE": str(place / "cache")}
    forked.shell(script.replace("folder:people/", DATA), place, **known, **environment)


def export(tiny, out, *splits):
    named = [word for split in splits for word in ("--split", split)]
    return ["producer", "export", "--spec", tiny.spec, "--model", tiny.model, "--data", DATA, *named, "--out", out,
            "--cache", out.parent / "cache"]  # fmt: skip


def test_a_loop_of_shards_on_one_machine(tiny, place, run, tmp_path):
    shell(LOOP.replace("N=4", "N=2"), place)
    assert run(*export(tiny, tmp_path / "reps", "train", "valid", "test")) == 0
    assert contents(place / "reps") == contents(tmp_path / "reps")
    words = [
        "--reps",
        tmp_path / "reps",
        "--target",
        "Smiling",
        "--salt",
        place / "certificate" / "salt.json",
    ]
    assert run("consumer", "certify", *words, "--out", tmp_path / "certificate") == 0
    assert contents(place / "certificate") == contents(tmp_path / "certificate")
    # The pods of the indexed job do what the loop did, and are merged in the same way.
    spec = yaml.safe_load(JOB)["spec"]
    (pod,) = spec["template"]["spec"]["containers"]
    assert f"/{spec['completions']} " in pod["args"][0]
    certify = pod["args"][0].replace(f"/{spec['completions']} ", "/2 ")
    again = certify.replace("parts/", "pods/")
    shell(f"mkdir -p pods; {again}", place, JOB_COMPLETION_INDEX="1")
    first, second = (place / "parts" / f"certificate-{index}" for index in (1, 2))
    assert contents(place / "pods" / "certificate-1") == contents(second) != contents(first)
    assert LOOP.endswith(MERGED)


def test_two_processes_under_torchrun_and_an_array_of_jobs(tiny, place, run, tmp_path):
    assert run(*export(tiny, tmp_path / "reps", "test")) == 0
    shell(TORCHRUN.replace("reps/", "spoken/"), place)
    assert contents(place / "spoken") == contents(tmp_path / "reps")
    # Slurm's part is played by the two variables that it sets, and by an srun that runs.
    tasks = 2
    for task in range(1, tasks + 1):
        shell(
            'srun() { "$@"; }\n' + ARRAY.replace("parts/reps", "array"), place,
            SLURM_ARRAY_TASK_ID=str(task), SLURM_ARRAY_TASK_COUNT=str(tasks), SLURM_CPUS_PER_TASK="1",
        )  # fmt: skip
    (after,) = re.findall(r'--wrap="(.*)"', SUBMITTED)
    shell(after.replace("parts/reps", "array").replace("reps/", "submitted/"), place)
    assert contents(place / "submitted") == contents(tmp_path / "reps")
    subprocess.run(["bash", "-n"], input=SUBMITTED + NODES, text=True, check=True)
    launched, local = (text.split("--no-python")[1].split() for text in (NODES, TORCHRUN))
    assert [word for word in local if word not in launched] == ["reps/"]
