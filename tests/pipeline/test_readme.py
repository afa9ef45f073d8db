"""The README's Python runs as it stands, on smaller data and networks, and prints one line per artefact."""

import re
from functools import partial
from pathlib import Path

import pytest

import producer
import regulator

pytestmark = pytest.mark.pipeline

README = (Path(__file__).parents[2] / "README.md").read_text()
(PYTHON,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_readmes_python_is_ten_lines_and_runs(tiny, tmp_path, monkeypatch, capsys):
    assert len([line for line in PYTHON.splitlines() if line.strip()]) <= 10
    small = producer.TrainingSettings(hidden=(24,), dimension=8, epochs=1, batch=64)
    publish = partial(regulator.publish_spec, flow=tiny.flow, cache=tiny.cache)
    fit = partial(producer.fit, training=small, cache=tiny.cache)
    monkeypatch.setattr(regulator, "publish_spec", publish, raising=False)
    monkeypatch.setattr(producer, "fit", fit, raising=False)
    monkeypatch.chdir(tmp_path)
    exec(PYTHON.replace('"portraits"', f'"{tiny.data}"'), {})
    lines = capsys.readouterr().out.strip().splitlines()
    assert [line.split("(")[0] for line in lines[:3]] == ["Spec", "Bundle", "Certificate"]
    assert len(lines) == 3 + 5 + 1
    assert lines[-1].startswith("Verification(")


@pytest.mark.parametrize("package", ["shared_spec", "regulator", "producer", "consumer"])
def test_every_package_has_a_version(package):
    assert re.fullmatch(r"\d+\.\d+\.\d+", __import__(package).__version__)
