"""Several processes give the bytes that one process gives."""

import pytest
from forked import command, together
from stored import contents

pytestmark = pytest.mark.pipeline


def test_a_fit_by_two_processes_has_the_same_bytes(copies, run, fit_words):
    results = []
    for processes in (1, 2):
        copies.model, copies.reps = copies.out / f"m{processes}", copies.out / f"r{processes}"
        # Each run encodes for itself, so that the shared encoding is compared too.
        copies.cache = copies.out / f"c{processes}"
        if processes == 1:
            assert run(*fit_words(copies)) == 0
        else:
            together(command, *fit_words(copies))
        latents = sorted(path.read_bytes() for path in copies.cache.glob("*.f32"))
        assert latents
        results.append((contents(copies.model), contents(copies.reps), latents))
    for one, two in zip(*results, strict=True):
        assert one == two
