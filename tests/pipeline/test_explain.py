"""Why not me: one person's strip with the decisions that the certificate's head takes, and where they change."""

import json
import shutil

import forge
import numpy as np
import pytest
import torch
from PIL import Image

import producer
from producer.explaining.decisions import decide_along
from shared_spec import load_bundle, load_certificate
from shared_spec.frozen_head import FrozenHead
from shared_spec.relu_network import ReluNetwork
from shared_spec.statements import row_words
from shared_spec.strips import Strip
from shared_spec.terms import Reason

pytestmark = pytest.mark.pipeline


def words(tiny, person, out, **others):
    given = {
        "individual": person, "spec": tiny.spec, "model": tiny.model, "data": tiny.data, "head": tiny.certificate,
        "out": out, **others,
    }  # fmt: skip
    return [
        "producer",
        "explain",
        *(word for name, value in given.items() for word in (f"--{name}", value)),
    ]


def rows_of(tiny):
    return {row.sample_id: row for row in load_certificate(tiny.certificate).rows_of("exact")}


def explained(tiny, person, tmp_path, run, capsys):
    out = tmp_path / f"{person}.png"
    capsys.readouterr()
    assert run(*words(tiny, person, out), "--json") == 0
    return json.loads(capsys.readouterr().out), out


def test_decisions_are_those_of_the_certificate_and_change_where_it_has_a_witness(
    tiny, run, capsys, tmp_path
):
    rows = rows_of(tiny)
    unfair = [row for row in rows.values() if row.reason == Reason.WITNESS]
    fair = [row for row in rows.values() if row.status == "CERTIFIED"]
    assert unfair
    for row in [*unfair, *fair[:2]]:
        found, _ = explained(tiny, row.sample_id, tmp_path, run, capsys)
        (strip,) = found["strips"]
        assert found["decision"] == row.prediction == strip["decisions"][len(strip["t"]) // 2]
        assert found["contradiction"] is None
        assert strip["t"][:: len(strip["t"]) // 2] == [-1, 0, 1], (
            "the middle is the person, exactly"
        )
        assert bool(strip["changes"]) == (row in unfair)
        if (
            row in unfair
        ):  # the first change on the way to the witness lies no further than the witness itself
            side = [abs(t) for t in strip["changes"] if t * row.witness > 0]
            assert side
            assert min(side) <= abs(row.witness) + 1e-6
            assert (
                "somebody who counts as similar gets another decision"
                in found["certificate"]["exact"]
            )


def test_the_picture_shows_the_flip_and_says_whom_it_is_for(tiny, run, capsys, tmp_path):
    row = next(row for row in rows_of(tiny).values() if row.reason == Reason.WITNESS)
    assert run(*words(tiny, row.sample_id, tmp_path / "why.png")) == 0
    text = capsys.readouterr().out
    assert "show them to nobody who may not see that person's image" in text
    assert "changes at t = " in text
    page = np.asarray(Image.open(tmp_path / "why.png").convert("RGB")).astype(int)
    orange = (abs(page - [0xC0, 0x4A, 0x00]).sum(-1) < 40).sum()
    assert orange > 200, "no other decision is marked"


def line(weights, biases):
    """A network of these layers."""
    tensors = [torch.tensor(each, dtype=torch.float64) for each in (*weights, *biases)]
    return ReluNetwork(tuple(tensors[: len(weights)]), tuple(tensors[len(weights) :]))


def strip_of(t, own):
    """A strip through latents that are the coefficients themselves."""
    t = np.array(t)
    images = np.zeros((len(t), 3, 2, 2), dtype=np.uint8)
    return Strip("x", ("a",), t, torch.from_numpy(t)[:, None], images, own)


def head_of(weight, bias):
    return FrozenHead.of({
        "layers.0.weight": torch.tensor(weight), "layers.0.bias": torch.tensor(bias),
    })  # fmt: skip


def test_every_change_along_a_strip_is_found_and_spans_fill_it():
    """R is the identity on a line, C changes at 0.3: between the pictures at 0 and 1, a third of the way."""
    decided = decide_along(
        strip_of([-1.0, 0.0, 1.0], 1), line([[[1.0]]], [[0.0]]), head_of([[0.0], [1.0]], [0.0, -0.3])
    )  # fmt: skip
    assert decided.at_pictures.tolist() == [0, 0, 1]
    assert decided.own == 0
    (flip,) = decided.flips
    assert decided.t_at(flip) == pytest.approx(0.3, abs=1e-6)
    assert decided.spans == ((0.0, flip, 0), (flip, 2.0, 1))


@pytest.mark.parametrize("width", [1e-2, 1e-4])
def test_a_flip_and_back_between_two_pictures_is_found(width):
    """R is a hat over 0.3, width wide and 1 high; C gives another class above one half: on the middle half of it."""
    hat = line(
        [[[1.0], [1.0], [1.0]], [[2 / width, -4 / width, 2 / width]]],
        [[width / 2 - 0.3, -0.3, -width / 2 - 0.3], [0.0]],
    )
    decided = decide_along(strip_of([0.0, 1.0], 0), hat, head_of([[0.0], [1.0]], [0.0, -0.5]))
    assert decided.at_pictures.tolist() == [0, 0]
    assert [code for *_, code in decided.spans] == [0, 1, 0]
    assert decided.flips == pytest.approx([0.3 - width / 4, 0.3 + width / 4], abs=1e-6)


def test_a_class_that_wins_between_two_others_is_found():
    """Of three lines the middle one is on top from 0.45 to 0.55 only."""
    head = head_of([[-1.0], [0.0], [1.0]], [0.5, 0.05, -0.5])
    decided = decide_along(strip_of([0.0, 1.0], 0), line([[[1.0]]], [[0.0]]), head)
    assert [code for *_, code in decided.spans] == [0, 1, 2]
    assert decided.flips == pytest.approx([0.45, 0.55], abs=1e-6)


def test_decisions_between_changes_are_those_of_every_place():
    """Random networks, against a fine grid."""
    draws = torch.Generator().manual_seed(7)
    shapes = [(20, 4), (12, 20), (3, 12)]
    encoder = ReluNetwork(
        tuple(torch.randn(shape, generator=draws, dtype=torch.float64) for shape in shapes),
        tuple(torch.randn(rows, generator=draws, dtype=torch.float64) for rows, _ in shapes),
    )
    tensors = {}
    for layer, (rows, columns) in enumerate([(9, 3), (4, 9)]):
        tensors[f"layers.{layer}.weight"] = torch.randn(rows, columns, generator=draws)
        tensors[f"layers.{layer}.bias"] = torch.randn(rows, generator=draws)
    head, flips = FrozenHead.of(tensors), 0
    for _ in range(20):
        latents = 3 * torch.randn(3, 4, generator=draws, dtype=torch.float64)
        images = np.zeros((3, 3, 2, 2), dtype=np.uint8)
        decided = decide_along(
            Strip("x", ("a",), np.arange(3.0), latents, images, 0), encoder, head
        )
        flips += len(decided.flips)
        place = torch.arange(0.0005, 2.0, 0.001, dtype=torch.float64)
        before = place.floor().to(torch.int64)
        points = torch.lerp(latents[before], latents[before + 1], (place - before)[:, None])
        actual = head.predict(encoder(points).to(torch.float32).to(torch.float64)).numpy()
        said = np.searchsorted([end for _, end, _ in decided.spans], place.numpy(), side="right")
        codes = np.array([code for *_, code in decided.spans])[said]
        close = np.abs(place.numpy()[:, None] - [[-1.0, *decided.flips]]).min(1) < 1e-5
        assert (codes == actual)[~close].all()
    assert flips > 20


def test_what_the_pictures_contradict_is_said(tiny, run, capsys, tmp_path):
    """A certificate that calls an unfair decision certified, all digests right."""
    row = next(row for row in rows_of(tiny).values() if row.reason == Reason.WITNESS)
    (tmp_path / "forged").mkdir()
    folder = shutil.copytree(tiny.certificate, tmp_path / "forged" / "certificate")
    table = folder / "individuals.csv"
    table.write_text("".join(
        line.replace("NOT_CERTIFIED", "CERTIFIED").replace(Reason.WITNESS, "")
        if line.startswith(f"{row.sample_id},exact,") else line
        for line in table.read_text().splitlines(keepends=True)
    ))  # fmt: skip
    forge.seal(folder)

    def one_more(document):
        claim = document["claims"]["exact"]
        claim["counts"]["CERTIFIED"] += 1
        claim["counts"]["NOT_CERTIFIED"] -= 1
        forge.add_up(claim)

    forge.restate(folder, one_more)
    capsys.readouterr()
    assert run(*words(tiny, row.sample_id, tmp_path / "why.png", head=folder), "--json") == 0
    assert "here somebody gets another" in json.loads(capsys.readouterr().out)["contradiction"]


def test_whoever_the_certificate_leaves_out_can_be_explained_too(tiny, run, capsys, tmp_path):
    assert run(*words(tiny, "valid-000003", tmp_path / "a.png", split="valid"), "--json") == 0
    assert json.loads(capsys.readouterr().out)["certificate"] == {}


def test_what_does_not_belong_together_is_refused(tiny, fails, tmp_path, copies):
    out = tmp_path / "why.png"
    fails(
        5,
        "nobody in the split test is called 'nobody'",
        *words(tiny, "nobody", out),
        nothing_at=out,
    )
    forge.restate(
        copies.certificate, lambda d: d.update(encoder_digest="sha256-content-v1:" + "0" * 64)
    )
    person = load_bundle(tiny.reps).sample_ids("test")[0]
    fails(
        3,
        "the certificate is of the encoder",
        *words(tiny, person, out, head=copies.certificate),
        nothing_at=out,
    )
    out.write_bytes(b"mine")
    fails(2, "exists", *words(tiny, person, out))
    fails(2, "is no picture drawn by LASSI", *words(tiny, person, out), "--force")


def test_a_witness_is_a_statement_about_a_person(tiny):
    claims = load_certificate(tiny.certificate).document.claims
    for row in rows_of(tiny).values():
        said = row_words(row, claims["exact"])
        assert ("No statement" in said) == (
            row.status != "CERTIFIED" and row.reason != Reason.WITNESS
        )
        assert ("gets another decision" in said) == (row.reason == Reason.WITNESS)


def test_it_is_a_function_too(tiny, tmp_path):
    person = load_bundle(tiny.reps).sample_ids("test")[0]
    found = producer.explain(
        person, tiny.spec, tiny.model, tiny.data, tiny.certificate, tmp_path / "a.png"
    )
    assert repr(found).startswith(f"Explanation({tmp_path / 'a.png'}: {person}; decided ")


def test_a_namesake_in_other_data_is_not_taken_for_the_person(tiny, run, capsys, tmp_path):
    person = load_bundle(tiny.reps).sample_ids("test")[0]
    for data, other in ((tiny.data, False), (f"{tiny.data},seed=7", True)):
        words_ = words(tiny, person, tmp_path / f"{other}.png")
        capsys.readouterr()
        assert run(*[data if word == tiny.data else word for word in words_], "--json") == 0
        said = json.loads(capsys.readouterr().out)["certificate"]
        assert said
        assert all(
            ("these are other data than the encoder's" in text) == other for text in said.values()
        )
