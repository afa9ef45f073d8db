"""Rows in Parquet: the same rows, the same leaves, the same bytes of parts and whole, read wherever CSV is."""

import csv
import sys
from types import SimpleNamespace

import pytest
from stored import contents

from consumer import load_certificate_part
from shared_spec import load_bundle, load_certificate
from shared_spec.artifacts import parquet, parquet_layout, tables

pytestmark = pytest.mark.pipeline

DATA = "portraits:train=96,valid=16,test=40"


def export(paths, out, *more):
    return ["producer", "export", "--spec", paths.spec, "--model", paths.model, "--data", DATA, "--split",
            "train", "--split", "test", "--out", out, "--shard-rows", "25", "--cache",
            paths.cache, "--tube-vertices", "5", "--view", "exact", *more]  # fmt: skip


def certify(reps, out, *more):
    return [
        "consumer",
        "certify",
        "--reps",
        reps,
        "--target",
        "Smiling",
        "--noise",
        "1",
        "--out",
        out,
        *more,
    ]


def predicted(path):
    with path.open(newline="") as file:
        return [(row["sample_id"], row["prediction"], row["d_rs"]) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def made(tiny, run, tmp_path_factory):
    """A bundle and a certificate in Parquet, of seven rows per row group, whole and merged, and both in CSV."""
    root = tmp_path_factory.mktemp("parquet")
    names = ("reps", "certificate", "merged", "again", "csv-reps", "csv")
    found = SimpleNamespace(**{name.replace("-", "_"): root / name for name in names})
    parts = [root / f"reps-{index}" for index in (1, 2)]
    shares = [root / f"certificate-{index}" for index in (1, 2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "GROUP_ROWS", 7)
        patch.setattr(parquet_layout, "GROUP_ROWS", 7)
        assert run(*export(tiny, found.csv_reps)) == 0
        assert run(*certify(found.csv_reps, found.csv)) == 0
        patch.setattr(tables, "CSV_ROWS", 39)
        assert run(*export(tiny, found.reps)) == 0
        for index, part in enumerate(parts, 1):
            assert run(*export(tiny, part, "--shard", f"{index}/2")) == 0
        assert run("producer", "merge", *reversed(parts), "--out", found.merged) == 0
        salt = ["--salt", found.csv / "salt.json"]
        assert run(*certify(found.reps, found.certificate, *salt)) == 0
        for index, part in enumerate(shares, 1):
            assert run(*certify(found.reps, part, "--shard", f"{index}/2")) == 0
        words = ["consumer", "merge", *reversed(shares), "--reps", found.reps]
        assert run(*words, "--out", found.again, *salt) == 0
        yield found


def test_large_tables_are_parquet_and_small_ones_csv(made):
    for folder in (made.reps, made.certificate):
        assert "individuals.parquet" in contents(folder)
        assert "individuals.csv" not in contents(folder)
    for folder in (made.csv_reps, made.csv):
        assert "individuals.parquet" not in contents(folder)


def test_what_is_merged_has_the_bytes_of_what_was_made_at_once(made):
    assert contents(made.merged) == contents(made.reps)
    assert contents(made.again) == contents(made.certificate)


def test_the_same_rows_are_the_same_leaves_in_either_format(made):
    rows, table = load_certificate(made.csv), load_certificate(made.certificate)
    assert table.rows_of("exact") == rows.rows_of("exact")
    assert table.document.roots == rows.document.roots
    one, other = load_bundle(made.reps), load_bundle(made.csv_reps)
    for split in ("train", "test"):
        assert one.sample_ids(split) == other.sample_ids(split)
        assert (one.labels(split, "Smiling") == other.labels(split, "Smiling")).all()


def test_whatever_reads_csv_reads_parquet(made, tiny, run, tmp_path, monkeypatch):
    """With the usual limit: what is read is said by the files, not by the rule."""
    monkeypatch.setattr(tables, "CSV_ROWS", 10**6)
    person = load_bundle(made.reps).sample_ids("test")[3]
    for reps, certificate, name in (
        (made.reps, made.certificate, "parquet"),
        (made.csv_reps, made.csv, "csv"),
    ):
        out = tmp_path / name
        out.mkdir()
        for words in (
            ["consumer", "verify", certificate, "--reps", reps],
            ["consumer", "inspect", certificate],
            ["producer", "inspect", reps],
            ["consumer", "predict", "--reps", reps, "--head", certificate, "--out", out / "p.csv"],
            ["consumer", "receipt", certificate, "--individual", person, "--out", out / "receipt.json"],
            ["consumer", "verify-receipt", out / "receipt.json", "--certificate", certificate],
            ["consumer", "evidence", certificate, "--format", "csv", "--out", out / "claims.csv"],
            ["producer", "explain", "--individual", person, "--spec", tiny.spec, "--model", tiny.model, "--data",
             DATA, "--head", certificate, "--out", out / "why.png"],
            ["producer", "audit", reps, "--spec", tiny.spec, "--model", tiny.model, "--data", DATA,
             "--sample", "2", "--out", out / "audit"],
        ):  # fmt: skip
            assert run(*words) == 0, words
    assert predicted(tmp_path / "parquet" / "p.csv") == predicted(tmp_path / "csv" / "p.csv")


def test_parts_stay_csv(made):
    part = load_certificate_part(made.certificate.parent / "certificate-1")
    assert {path.suffix for path in part.path.iterdir()} == {".csv", ".json", ".safetensors"}


@pytest.mark.parametrize("command", ["certify", "export", "verify"])
def test_without_pyarrow_it_is_said_first_how_to_get_it(
    made, tiny, run, tmp_path, monkeypatch, capsys, command
):
    out = tmp_path / "out"
    words = {
        "certify": certify(made.csv_reps, out),
        "export": export(tiny, out),
        "verify": ["consumer", "verify", made.certificate, "--reps", made.reps],
    }[command]
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    assert run(*words) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1, said
    assert "pip install 'lassi-shared-spec[parquet]'" in said[0]
    assert not out.exists()
