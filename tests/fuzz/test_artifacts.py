"""The fuzzer of artefacts over a few fixed seeds: any seed at all has to find nothing."""

from __future__ import annotations

import artifacts
import pytest

pytestmark = pytest.mark.pipeline

SEEDS = 120


@pytest.mark.parametrize("first", range(0, SEEDS, 60))
def test_whatever_is_changed_is_refused_or_changes_no_claim(first, tiny):
    seeds = range(first, first + 60)
    found = [line for seed in seeds for line in artifacts.artifact_violations(seed, tiny.root)]
    assert not found, "\n".join(found)


def test_the_fuzzer_reports_what_does_not_hold(monkeypatch, tiny):
    """A reader that believes everything, and one that breaks, are found out soon."""

    def broken(*_):
        raise KeyError("no line")

    monkeypatch.setattr(artifacts, "read", lambda paths, kind: [])
    assert any(artifacts.artifact_violations(seed, tiny.root) for seed in range(20))
    monkeypatch.setattr(artifacts, "read", broken)
    assert any("KeyError" in line for line in artifacts.artifact_violations(0, tiny.root))
