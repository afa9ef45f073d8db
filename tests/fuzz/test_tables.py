"""The fuzzer of Parquet rows over a few fixed seeds: any seed at all has to find nothing."""

import pytest
import tables

from shared_spec.artifacts import parquet


@pytest.mark.parametrize("first", [0, 200, 400])
def test_whatever_is_changed_is_refused_or_still_rows(first):
    found = [line for seed in range(first, first + 200) for line in tables.table_violations(seed)]
    assert not found, "\n".join(found)


def test_the_fuzzer_reports_what_does_not_hold(monkeypatch):
    """A reader that lets every exception through is found out soon."""
    monkeypatch.setattr(parquet, "_faults", lambda: ())
    assert any(tables.table_violations(seed) for seed in range(20))
