"""The DATA argument of every command."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shared_spec.data import open_source
from shared_spec.errors import DataError, SettingsError

FAIRFACE = Path(
    os.environ.get("LASSI_FAIRFACE_DIR", Path(__file__).parents[3] / "shared/data/fairface")
)


def test_a_folder_is_opened_and_its_place_stays_out_of_the_uri(tmp_path):
    lines = ["file_name,split,tall"]
    for index, split in enumerate(["train", "valid", "test"]):
        Image.fromarray(np.full((8, 8, 3), 40 * index, np.uint8)).save(tmp_path / f"{index}.png")
        lines.append(f"{index}.png,{split},{index % 2}")
    (tmp_path / "metadata.csv").write_text("\n".join(lines) + "\n")
    source = open_source(f"folder:{tmp_path}", 8)
    assert source.images("valid", [0]).shape == (1, 3, 8, 8)
    assert (source.images("valid", [0]) == 40).all()
    assert str(tmp_path) not in source.uri


@pytest.mark.skipif(not FAIRFACE.is_dir(), reason="no FairFace folder; set LASSI_FAIRFACE_DIR")
def test_fairface_is_opened():
    assert open_source(f"fairface:{FAIRFACE}", 32).classes["Age-2"] == ("0-29", "30+")


@pytest.mark.parametrize("uri", ["fairface", "nothing:here", "", "celeba:"])
def test_an_impossible_uri_is_a_setting(uri):
    with pytest.raises(SettingsError, match="data set"):
        open_source(uri, 32)


@pytest.mark.parametrize("kind", ["fairface", "celeba", "shapes3d", "folder"])
def test_a_missing_place_is_a_data_error_that_names_it(kind, tmp_path):
    with pytest.raises(DataError, match="not-there"):
        open_source(f"{kind}:{tmp_path / 'not-there'}", 32)
