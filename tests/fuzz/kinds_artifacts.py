"""Artefacts changed at random and sealed again: refused at once and in one line, or no claim is changed."""

import atexit
import contextlib
import importlib.util
import io
import shutil
import tempfile
from functools import cache
from pathlib import Path

import torch
from artifacts import artifact_violations


@cache
def tiny():
    """The artefacts that the tests have, made once."""
    path = Path(__file__).parents[1] / "conftest.py"
    spec = importlib.util.spec_from_file_location("tiny_artefacts", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    root = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, root)
    silence = io.StringIO()
    with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
        return module.make_tiny(root).root


def artifacts(generator):
    """One change of one seed."""
    return artifact_violations(int(torch.randint(0, 2**31, (1,), generator=generator)), tiny())


KINDS = {"artifacts": artifacts}
