"""Data sets and settings changed at random: refused at once and in one line, or known to be others."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import torch
from files import file_violations, make_sets


@cache
def sets():
    """One small example of each, made once."""
    root = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, root)
    return make_sets(root)


def files(generator):
    """One change of one seed."""
    return file_violations(int(torch.randint(0, 2**31, (1,), generator=generator)), sets())


KINDS = {"files": files}
