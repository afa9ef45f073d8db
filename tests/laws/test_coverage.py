"""How far S(x) covers the truth: the projection is the nearest point, and known truths get their known figures."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from pixel_flow import PixelFlow, Q

from regulator.pictures.coverage import draw_coverage
from regulator.study.coverage import measure_coverage
from regulator.study.known_truth import KnownTruth
from regulator.study.projection import nearest_coefficients
from shared_spec.data import open_source
from shared_spec.errors import DataError, SettingsError
from shared_spec.rng import numpy_generator, torch_generator
from shared_spec.similarity import SimilaritySet, ball_grid


class Truth:
    """Similar individuals differ by -2 ... 2 steps in pixel 0 (`one`) or pixels 0 and 1 (`two`); `none` by nothing."""

    uri = "truth"

    def __init__(self, n=6):
        draw = numpy_generator(0, "truth")
        self.pixels = 8 * draw.integers(4, 28, (n, Q)).astype(np.uint8)

    def sample_ids(self, split):
        return [f"{split}-{row}" for row in range(len(self.pixels))]

    def images(self, split, rows):
        return self.pixels[rows].reshape(-1, 3, 4, 4)

    def similar(self, split, row, attribute):
        moved = np.repeat(self.pixels[row][None], 5, axis=0).astype(np.int64)
        width = {"one": 1, "two": 2, "none": 0}[attribute]
        moved[:, :width] += 8 * np.arange(-2, 3)[:, None]
        return moved.astype(np.uint8).reshape(-1, 3, 4, 4)


STEP = 1 / 32
"""Eight grey levels in the units of x."""


def axes(*rows):
    vectors = torch.zeros(len(rows), Q, dtype=torch.float64)
    for index, row in enumerate(rows):
        vectors[index, row] = STEP
    return vectors


def covered(epsilon, attribute="one", vectors=None, rows=range(6)):
    similarity = SimilaritySet(axes(0) if vectors is None else vectors, epsilon)
    report = measure_coverage(
        Truth(), "test", np.array(list(rows)), PixelFlow(scale=1), similarity, [attribute]
    )
    return report.table[0], report


def brute_force(similarity, u):
    """The least distance over a fine grid of the ball, its sphere included."""
    grid = similarity.epsilon * ball_grid(401, similarity.k)
    return torch.linalg.vector_norm(u - grid @ similarity.vectors, dim=1).min()


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("skew", [0.0, 0.9])
def test_no_point_of_the_ball_is_nearer_than_the_projection(k, skew):
    draw = torch_generator(k, f"projection {skew}")
    vectors = torch.randn(k, 5, generator=draw, dtype=torch.float64)
    # Nearly parallel vectors of different lengths: there, clipping the free projection is wrong.
    vectors = vectors * (1 - skew) + skew * vectors[:1] * torch.tensor([[1.0], [3.0]])[:k]
    similarity = SimilaritySet(vectors, 0.7)
    offsets = 2 * torch.randn(20, 5, generator=draw, dtype=torch.float64)
    t = nearest_coefficients(similarity, offsets)
    assert (t.norm(dim=1) <= 0.7 * (1 + 1e-9)).all(), "a point outside the ball"
    for u, found in zip(offsets, t, strict=True):
        distance = torch.linalg.vector_norm(u - found @ vectors)
        best = brute_force(similarity, u)
        assert distance <= best + 1e-12, "the grid has a nearer point"
        assert distance >= best - 0.02, "nearer than the set itself"


def test_points_of_the_set_are_their_own_projection():
    draw = torch_generator(0, "inside")
    similarity = SimilaritySet(torch.randn(3, 8, generator=draw, dtype=torch.float64), 1.3)
    t = similarity.uniform(200, draw)
    found = nearest_coefficients(similarity, t @ similarity.vectors)
    assert torch.allclose(found, t, atol=1e-9), "a point of S(x) is not its own projection"


def test_one_vector_is_the_clipped_projection():
    draw = torch_generator(1, "line")
    a = torch.randn(1, 6, generator=draw, dtype=torch.float64)
    u = 3 * torch.randn(50, 6, generator=draw, dtype=torch.float64)
    expected = (u @ a[0] / a[0].square().sum()).clamp(-0.4, 0.4)
    found = nearest_coefficients(SimilaritySet(a, 0.4), u)[:, 0]
    assert torch.allclose(found, expected, atol=1e-12)


def test_dependent_vectors_still_have_a_nearest_point():
    a = torch.tensor([[1.0, 0, 0], [1.0, 0, 0]], dtype=torch.float64)
    u = torch.tensor([[0.5, 2.0, 0], [9.0, 1.0, 0]], dtype=torch.float64)
    reached = nearest_coefficients(SimilaritySet(a, 1.0), u) @ a
    # Along both at once the ball reaches as far as sqrt(2).
    assert torch.allclose(reached[:, 0], torch.tensor([0.5, 2**0.5]).double(), atol=1e-6)


def test_coverage_is_zero_where_the_truth_lies_in_the_set():
    row, report = covered(2.0)
    assert row.relative_mean < 1e-7, "a truth inside S(x) is not covered"
    assert row.relative_p90 < 1e-7
    assert row.typical_mean < 1e-7
    assert row.pixel_set == 0.0, "the decoded nearest point is not the true image"
    assert row.truths == 6 * 4, "x itself was counted among its similar individuals"
    assert row.pixel_line == 0.0, "a point along the vector is the true image"
    assert row.pixel_self == pytest.approx(8 * 1.5 / Q), "mean of 1 and 2 steps in one pixel of 48"
    assert (report.examples[0].nearest == report.examples[0].truth).all()


def test_coverage_is_one_where_the_vector_is_orthogonal_to_the_truth():
    row, _ = covered(2.0, vectors=axes(7))
    assert row.relative_mean == pytest.approx(1.0)
    assert row.relative_p90 == pytest.approx(1.0)
    assert row.pixel_set == pytest.approx(row.pixel_self)
    assert row.at_border == 0.0


def test_a_set_that_is_too_short_covers_the_rest_by_half():
    row, _ = covered(1.0)
    # One step away: inside. Two steps away: the set ends half way.
    assert row.relative_mean == pytest.approx((0 + 0.5) / 2)
    assert row.relative_p90 == pytest.approx(0.5)
    assert row.pixel_line == pytest.approx(8 * 0.5 / Q), "what is beyond the end is one step off"
    assert row.at_border == 1.0, "one step lies on the border, two beyond it"
    assert covered(3.0)[0].at_border == 0.0


def test_half_of_a_movement_of_two_pixels_remains():
    row, _ = covered(2.0, attribute="two")
    assert row.relative_mean == pytest.approx(0.5**0.5), "orthogonal parts must add as squares"


def test_typical_distances_are_those_between_individuals():
    row, _ = covered(2.0, vectors=axes(7))
    x = torch.from_numpy(Truth().pixels.astype(np.float64)) / 256
    assert row.typical_mean == pytest.approx(1.5 * STEP / float(torch.pdist(x).median()))


def test_the_table_is_plain_json_and_counts_individuals():
    _, report = covered(2.0)
    assert json.loads(report.table[0].model_dump_json())["individuals"] == 6


def test_progress_counts_individuals_of_all_attributes():
    seen = []
    similarity = SimilaritySet(axes(0, 1), 2.0)
    report = measure_coverage(
        Truth(), "test", np.arange(3), PixelFlow(scale=1), similarity, ["one:no:yes", "two"], 1,
        report=lambda step: seen.append((step.done, step.total)),
    )  # fmt: skip
    assert seen == [(i, 6) for i in range(7)]
    assert [example.attribute for example in report.examples] == ["one:no:yes", "two"]


def test_impossible_questions_are_refused_in_one_line():
    with pytest.raises(DataError, match="choose another attribute"):
        covered(1.0, attribute="none")
    with pytest.raises(SettingsError, match="at least 2"):
        covered(1.0, rows=[0])
    with pytest.raises(SettingsError, match="at least one example"):
        draw_coverage([], "nothing")


def test_the_picture_is_a_png_and_the_same_each_time():
    _, report = covered(1.0)
    first, again = (draw_coverage(report.examples, "Coverage") for _ in range(2))
    assert first == again, "the picture depends on more than its examples"
    width, height = Image.open(io.BytesIO(first)).size
    assert width > 300
    assert height > 300


def test_portraits_know_their_truth():
    portraits = open_source("portraits:train=5,valid=5,test=5", 32)
    assert isinstance(portraits, KnownTruth)
    assert not isinstance(PixelFlow(scale=1), KnownTruth)
