"""Laws of the embedded portraits: purity, shares of labels, correlations, and true similar individuals."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from shared_spec.data import SPLITS, open_source
from shared_spec.data.portraits import Portraits
from shared_spec.data.portraits.draw import draw
from shared_spec.data.portraits.factors import FACTORS, LABELS, correlation_matrix
from shared_spec.errors import DataError, SettingsError

SMALL = "portraits:train=4000,valid=300,test=300"
SENSITIVE = ("Pale_Skin", "Young", "Blond_Hair", "Heavy_Makeup")


@pytest.fixture(scope="module")
def small() -> Portraits:
    return Portraits(SMALL, 32)


@pytest.mark.parametrize("size", [32, 64])
def test_an_image_depends_on_its_row_alone(size):
    source = Portraits(SMALL, size)
    rows = np.array([7, 0, 299, 3, 7, 150])
    # 130 images are more than are drawn at once at either size.
    whole = source.images("test", range(130))
    assert whole.dtype == np.uint8
    assert whole.shape == (130, 3, size, size)
    some = source.images("test", rows)
    for position, row in enumerate(rows):
        alone = source.images("test", [int(row)])[0]
        assert np.array_equal(some[position], alone), f"row {row} changed with the batch around it"
        if row < 130:
            assert np.array_equal(whole[row], alone), f"row {row} changed with the order"
    assert len({image.tobytes() for image in whole}) == 130, "two rows have the same image"
    assert source.images("test", []).shape == (0, 3, size, size)


def test_extreme_faces_are_drawn_without_a_numerical_warning():
    # Warnings are errors here: a division by zero would end in a black or white pixel.
    people = 3 * len(FACTORS)
    for rest in (0.0, 0.5, 1.0):
        faces = {name: np.full(people, rest) for name in FACTORS}
        for j, name in enumerate(FACTORS):
            faces[name][3 * j : 3 * j + 3] = (0.0, 0.5, 1.0)
        images = draw(faces, 32)
        assert images.shape == (people, 3, 32, 32)
        assert (images.std(axis=(1, 2, 3)) > 8).all(), "a face vanished"


def test_a_longer_split_begins_with_the_shorter_one(small):
    longer = Portraits("portraits:test=400,train=1,valid=1", 32)
    assert np.array_equal(longer.images("test", range(20)), small.images("test", range(20)))
    for name in LABELS:
        assert np.array_equal(longer.labels("test", name)[:300], small.labels("test", name))


def test_splits_and_seeds_give_different_people(small):
    first = [small.images(split, [0]).tobytes() for split in SPLITS]
    other = Portraits(SMALL + ",seed=1", 32).images("train", [0]).tobytes()
    assert len({*first, other}) == 4, "an individual appears in two splits or under two seeds"


def test_the_defaults_are_the_documented_ones():
    source = open_source("portraits", 64)
    assert isinstance(source, Portraits)
    assert source.uri == "portraits"
    assert [len(source.sample_ids(split)) for split in SPLITS] == [20_000, 2_000, 2_000]
    assert source.sample_ids("test")[123] == "test-000123"


def test_columns_have_celeba_names_and_binary_classes(small):
    expected = {
        *SENSITIVE,
        "Smiling",
        "Wearing_Earrings",
        "Mouth_Slightly_Open",
        "Wavy_Hair",
        "Arched_Eyebrows",
        "High_Cheekbones",
        "Wearing_Lipstick",
    }
    assert set(small.classes) == expected
    assert set(small.classes.values()) == {("no", "yes")}


def test_shares_of_positives_are_as_stated(small):
    for name, (share, _) in LABELS.items():
        labels = small.labels("train", name)
        assert labels.dtype == np.int64
        assert set(np.unique(labels)) == {0, 1}
        # 4000 draws: five standard errors are below 0.04.
        assert abs(labels.mean() - share) < 0.04, f"{name}: {labels.mean():.3f}, stated {share}"


def test_labels_follow_their_factors_except_near_the_border(small):
    factors = small.factors("train")
    for name, (share, _) in LABELS.items():
        by_factor = (factors[name] > 1 - share).astype(np.int64)
        agree = (by_factor == small.labels("train", name)).mean()
        assert 0.88 < agree < 1, f"{name}: labels agree with the factor for {agree:.3f}"
        far = np.abs(factors[name] - (1 - share)) > 0.35
        assert (by_factor == small.labels("train", name))[far].mean() > 0.99, (
            f"{name} is disputed far from the border"
        )


def test_factors_are_uniform_on_the_unit_interval(small):
    factors = small.factors("train")
    assert tuple(factors) == FACTORS
    for name, values in factors.items():
        assert values.min() >= 0, name
        assert values.max() <= 1, name
        deciles = np.histogram(values, bins=10, range=(0, 1))[0] / len(values)
        # Standard error of a decile's share: 0.0047.
        assert np.abs(deciles - 0.1).max() < 0.027, f"{name} is not uniform: {deciles}"


def test_correlations_have_the_signs_that_make_a_naive_model_discriminate(small):
    assert np.linalg.eigvalsh(correlation_matrix()).min() > 0.01, "no such copula exists"
    labels = {name: small.labels("train", name) for name in LABELS}
    pairs = [("Smiling", name) for name in ("Pale_Skin", "Young", "Blond_Hair", "Heavy_Makeup")]
    pairs += [("Wearing_Earrings", "Heavy_Makeup"), ("Young", "Heavy_Makeup")]
    pairs += [("Smiling", "Mouth_Slightly_Open"), ("Smiling", "High_Cheekbones")]
    for first, second in pairs:
        measured = np.corrcoef(labels[first], labels[second])[0, 1]
        # Five standard errors below the weakest stated correlation would still be positive.
        assert measured > 0.04, f"{first} and {second}: {measured:.3f}"


@pytest.mark.parametrize("attribute", SENSITIVE)
def test_similar_individuals_differ_in_the_attribute_alone(small, attribute):
    for row in range(12):
        own = small.factors("test")[attribute][row]
        image = small.images("test", [row])[0]
        at_own = small.similar("test", row, attribute, [own])
        assert np.array_equal(at_own[0], image), "the person is not similar to itself"
        up = small.similar("test", row, attribute, np.linspace(own, 1, 6))
        down = small.similar("test", row, attribute, np.linspace(own, 0, 6))
        for path in (up, down):
            moved = np.abs(path.astype(int) - image).mean(axis=(1, 2, 3))
            # Rounding to 256 levels hides or inverts the smallest steps.
            assert (np.diff(moved) >= -0.05).all(), f"row {row}: differences {moved}"
        ends = np.abs(up[-1].astype(int) - down[-1]).mean()
        assert ends > 0.5, f"row {row}: {attribute} is hardly visible ({ends:.2f} levels)"


def test_moving_the_attribute_leaves_the_background_alone(small):
    path = small.similar("test", 0, "Heavy_Makeup", 9)
    assert path.shape == (9, 3, 32, 32)
    for first, second in pairwise(path):
        assert np.array_equal(first[:, :, :3], second[:, :, :3]), "make-up reached the background"


def test_factors_and_labels_handed_out_are_copies(small):
    before = small.digest()
    small.factors("test")["Young"][:] = 0
    small.labels("test", "Young")[:] = 0
    assert small.digest() == before


def test_the_digest_tells_data_sets_apart():
    uris = ["portraits:train=9,valid=9,test=9", "portraits:train=8,valid=9,test=9"]
    uris += ["portraits:train=9,valid=9,test=9,seed=1"]
    digests = [Portraits(uri, size).digest() for uri in uris for size in (32, 64)]
    assert len(set(digests)) == 6
    assert all(digest.startswith("sha256:") and len(digest) == 71 for digest in digests)
    assert digests[0] == Portraits(uris[0], 32).digest()


@pytest.mark.parametrize(
    ("uri", "size", "words"),
    [
        ("portraits", 48, "no size 48"),
        ("portraits:colour=3", 32, "bad option 'colour=3'"),
        ("portraits:train=many", 32, "bad option 'train=many'"),
        ("portraits:train=-5", 32, "bad option 'train=-5'"),
        ("portraits:train", 32, "bad option 'train'"),
        ("portraits:train=10000001", 32, "bad option .*; expected NAME=NUMBER, at most 10000000"),
        ("portraits:train=1,valid=1,test=1,seed=20261130,seed=x", 32, "bad option 'seed=x'"),
        (f"portraits:seed={'9' * 5000}", 32, "bad option 'seed=999"),
        ("portraits:test=0", 32, "test holds no individual"),
        ("paintings", 32, "unknown kind 'paintings'"),
        ("folder:", 32, "names no place"),
    ],
)
def test_bad_options_are_one_line_settings_errors(uri, size, words):
    with pytest.raises(SettingsError, match=words) as caught:
        open_source(uri, size)
    assert "\n" not in str(caught.value)


def test_unknown_names_and_rows_are_one_line_data_errors(small):
    cases = [
        lambda: small.sample_ids("dev"),
        lambda: small.images("dev", [0]),
        lambda: small.images("test", [300]),
        lambda: small.images("test", [-1]),
        lambda: small.labels("dev", "Smiling"),
        lambda: small.labels("test", "Male"),
        lambda: small.factors("dev"),
        lambda: small.similar("test", 0, "Male"),
        lambda: small.similar("test", 300, "Young"),
    ]
    for case in cases:
        with pytest.raises(DataError) as caught:
            case()
        assert "\n" not in str(caught.value)
    for values in ([], [1.2], [float("nan")], 0, -1):
        with pytest.raises(SettingsError, match="bad values for Young"):
            small.similar("test", 0, "Young", values)
