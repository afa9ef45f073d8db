"""individuals.csv: what is written is read, whatever the order in which labels were named."""

from __future__ import annotations

import pytest

from shared_spec.artifacts.individuals import format_individuals, read_individuals
from shared_spec.errors import ArtifactError

SPLITS = {"train": ["a", "b", "c"], "test": ["d"]}
LABELS = {
    "Young": {"train": ["no", "yes", "no"], "test": ["yes"]},
    "Age": {"train": ["1", "2", "3"], "test": ["4"]},
}


@pytest.mark.parametrize("written", [["Young", "Age"], ["Age", "Young"]])
@pytest.mark.parametrize("read", [["Young", "Age"], ["Age", "Young"]])
def test_every_label_stays_with_its_column(tmp_path, written, read):
    path = tmp_path / "individuals.csv"
    path.write_bytes(format_individuals(SPLITS, {name: LABELS[name] for name in written}, 2))
    found = read_individuals(path, read)
    for split, ids in SPLITS.items():
        rows = found.of(split)
        assert rows.sample_ids == tuple(ids)
        assert rows.labels == {name: tuple(LABELS[name][split]) for name in LABELS}
    assert found.of("train").rows_per_shard == (2, 1)


@pytest.mark.parametrize("names", [["Age"], ["Age", "Young", "Smiling"], ["Age", "Old"]])
def test_other_columns_than_the_manifest_names_are_refused(tmp_path, names):
    path = tmp_path / "individuals.csv"
    path.write_bytes(format_individuals(SPLITS, LABELS, 2))
    with pytest.raises(ArtifactError, match="header is"):
        read_individuals(path, names)
