"""Who counts as similar, in pictures: a strip of people who may be shown, in a certificate that says what it shows."""

import io
import json
import shutil
import zlib

import forge
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from shared_spec import load_certificate
from shared_spec.artifacts.strip import parse_strip, read_strip
from shared_spec.data import open_source
from shared_spec.errors import ArtifactError

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def strip(tiny, run, tmp_path_factory):
    """The strip of the tiny spec."""
    path = tmp_path_factory.mktemp("strip") / "page.png"
    words = [
        "--spec",
        tiny.spec,
        "--data",
        tiny.data,
        "--for-report",
        "--individuals",
        2,
        "--points",
        5,
    ]
    assert run("regulator", "preview", *words, "--out", path) == 0
    return path


@pytest.fixture(scope="module")
def shown(tiny, strip, run, tmp_path_factory):
    """A certificate with that strip."""
    path = tmp_path_factory.mktemp("shown") / "certificate"
    words = ["--reps", tiny.reps, "--target", "Smiling", "--strip", strip, "--out", path]
    assert run("consumer", "certify", *words) == 0
    return path


def png(page, comment, **kwargs):
    """A picture as a stranger makes it."""
    info = PngInfo()
    info.add_text("Software", "LASSI")
    info.add_itxt("lassi", comment)
    file = io.BytesIO()
    Image.fromarray(page).save(file, "PNG", pnginfo=info, **kwargs)
    return file.getvalue()


def comment_of(path):
    return read_strip(path).entry.to_bytes().decode()


def test_a_strip_says_what_it_shows_and_frames_the_individual(strip, tiny):
    entry = read_strip(strip).entry
    assert (entry.shown, entry.licence, entry.steps) == ("drawn", None, 5)
    assert [(row.attributes, row.own) for row in entry.rows] == [(("Pale_Skin",), 2)] * 2
    np.testing.assert_allclose(entry.reach, [-1, -0.5, 0, 0.5, 1])
    page = np.asarray(Image.open(strip))
    cells = page.reshape(2, page.shape[0] // 2, 5, page.shape[1] // 5, 4).swapaxes(1, 2)
    frames = cells[:, :, 0, 0, 3]  # the corner of a cell is opaque where it is framed
    assert (frames > 0).tolist() == [[False, False, True, False, False]] * 2


@pytest.mark.parametrize(
    ("data", "words", "pattern"),
    [
        ("folder", [], "say with --licence"),
        ("folder", ["--licence", "a\x1b[31m"], "no short line of text"),
        ("folder", ["--licence", "x" * 201], "no short line of text"),
        ("portraits", ["--licence", "CC0"], "drawn by a program; leave out --licence"),
        ("fairface", ["--licence", "CC BY 4.0"], "photographs of people whom nobody asked"),
    ],
)  # fmt: skip
def test_only_people_who_may_be_shown_are(data, words, pattern, tiny, fails, tmp_path, monkeypatch):
    source = open_source(tiny.data, 32)
    kinds = {"folder": "licensed", "fairface": None, "portraits": "drawn"}
    monkeypatch.setattr(type(source), "shown", kinds[data])
    out = tmp_path / "page.png"
    fails(2, pattern, "regulator", "preview", "--spec", tiny.spec, "--data", tiny.data, "--for-report", *words,
          "--out", out, nothing_at=out)  # fmt: skip


def test_photographs_are_shown_by_no_reader_but_a_folder():
    from shared_spec.data.celeba import CelebA
    from shared_spec.data.fairface import FairFace
    from shared_spec.data.folder import Folder
    from shared_spec.data.shapes3d import Shapes3D

    assert [reader.shown for reader in (CelebA, FairFace, Folder, Shapes3D)] == [
        None, None, "licensed", "rendered",
    ]  # fmt: skip


def test_a_licence_needs_a_page_and_a_page_needs_a_spec(tiny, fails, tmp_path):
    out = tmp_path / "page.png"
    words = ["regulator", "preview", "--data", tiny.data, "--out", out]
    fails(2, "add --for-report", *words, "--spec", tiny.spec, "--licence", "CC0", nothing_at=out)
    fails(2, "leave out --flow", *words, "--flow", tiny.flow, "--for-report", nothing_at=out)


def test_the_page_shows_the_strip_and_verify_draws_the_page_again(shown, strip, tiny, run):
    page = (shown / "report.html").read_text()
    assert "img-src data:" in page
    assert "nobody was photographed" in page
    assert load_certificate(shown).strip.content == strip.read_bytes()
    assert run("consumer", "verify", shown, "--reps", tiny.reps) == 0


def test_without_a_strip_the_page_allows_no_picture(tiny):
    page = (tiny.certificate / "report.html").read_text()
    assert "<img" not in page
    assert "img-src" not in page


def test_another_picture_is_refused_though_every_digest_is_right(
    shown, strip, tiny, fails, tmp_path
):
    folder = shutil.copytree(shown, tmp_path / "certificate")
    page = np.asarray(Image.open(strip)).copy()
    page[..., :3] //= 2
    (folder / "strip.png").write_bytes(png(page, comment_of(strip)))
    forge.seal(folder)
    fails(3, "is not the page", "consumer", "verify", folder, "--reps", tiny.reps)


def test_a_certificate_says_of_its_strip_what_the_strip_says(shown, fails, tmp_path):
    folder = shutil.copytree(shown, tmp_path / "certificate")
    forge.restate(folder, lambda d: d["strip"].update(shown="rendered"))
    fails(3, "shows other things", "consumer", "inspect", folder)


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        (lambda e: e.update(spec_digest="sha256-content-v1:" + "0" * 64), "it shows the spec"),
        (lambda e: e["rows"][0].update(attributes=["Young"]), "no attribute of the spec"),
        (lambda e: e["rows"][0].update(own=5), "none of the pictures"),
        (lambda e: e.update(rows=e["rows"] * 2), "not as many"),
        (lambda e: e.update(rows=[]), "field rows"),
        (lambda e: e.update(licence="CC0"), "if and only if"),
        (lambda e: e.update(shown="licensed", licence="\u202egnp"), "control characters"),
        (lambda e: e.update(steps=7), "5 steps of t for 7"),
        (lambda e: e.update(more=1), "field more"),
        (lambda e: e.update(media_type="image/png"), "field media_type"),
    ],
)  # fmt: skip
def test_a_strip_that_says_what_cannot_be_is_refused_before_any_work(
    change, pattern, strip, tiny, fails, tmp_path
):
    entry = json.loads(comment_of(strip))
    change(entry)
    path, out = tmp_path / "page.png", tmp_path / "certificate"
    path.write_bytes(png(np.asarray(Image.open(strip)), json.dumps(entry)))
    words = ["--reps", tiny.reps, "--target", "Smiling", "--strip", path, "--out", out]
    fails(3, pattern, "consumer", "certify", *words, nothing_at=out)


def chunk(kind, data):
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def parts(content):
    """Where the parts of a PNG begin and end, by kind."""
    at, found = 8, {}
    while at < len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        found.setdefault(content[at + 4 : at + 8], (at, end))
        at = end
    return found


def with_part(content, kind, data):
    begin, end = parts(content)[kind]
    return content[:begin] + chunk(kind, data) + content[end:]


def pixels(content):
    return zlib.decompress(
        b"".join(content[b + 8 : e - 4] for k, (b, e) in parts(content).items() if k == b"IDAT")
    )


FORGERIES = {
    "cut short": lambda c: c[:-1],
    "something after the end": lambda c: c + b"<script>",
    "a chunk that is unknown": lambda c: c[:-12] + chunk(b"tEXt", b"Comment\0hi") + c[-12:],
    "a second comment": lambda c: c[:33] + chunk(b"tEXt", b"Software\0other") + c[33:],
    "a wrong checksum": lambda c: c[:-13] + bytes([c[-13] ^ 1]) + c[-12:],
    "other sides": lambda c: with_part(c, b"IHDR", c[16:20] + (1).to_bytes(4, "big") + c[24:29]),
    "sides without end": lambda c: with_part(c, b"IHDR", b"\x7f\xff\xff\xff" * 2 + c[24:29]),
    "16 bits": lambda c: with_part(c, b"IHDR", c[16:24] + b"\x10" + c[25:29]),
    "interlaced": lambda c: with_part(c, b"IHDR", c[16:28] + b"\x01"),
    "a short header": lambda c: with_part(c, b"IHDR", c[16:28]),
    "pixels that are none": lambda c: with_part(c, b"IDAT", b"no zlib"),
    "a bomb": lambda c: with_part(c, b"IDAT", zlib.compress(bytes(10**8))),
    "an unknown filter": lambda c: with_part(c, b"IDAT", zlib.compress(b"\x05" + pixels(c)[1:])),
    "bytes after the pixels": lambda c: with_part(c, b"IDAT", zlib.compress(pixels(c)) + b"more"),
    "no comment": lambda c: with_part(c, b"iTXt", b"other\0\0\0\0\0{}"),
    "a compressed comment": lambda c: with_part(c, b"iTXt", b"lassi\0\x01\0\0\0" + zlib.compress(b"{}")),
    "a comment that is no JSON": lambda c: with_part(c, b"iTXt", b"lassi\0\0\0\0\0<b>"),
    "a JPEG": lambda c: b"\xff\xd8\xff" + c[3:],
    "nothing": lambda c: b"",
    "3 MiB": lambda c: c + bytes(3 * 2**20),
}  # fmt: skip


@pytest.mark.parametrize("forged", FORGERIES)
def test_a_file_that_is_no_such_picture_is_refused(forged, strip):
    content = FORGERIES[forged](strip.read_bytes())
    with pytest.raises(ArtifactError):
        parse_strip(content, "strip.png")


def test_the_pixels_of_a_strip_come_in_several_parts_or_in_one(strip):
    content = strip.read_bytes()
    begin, end = parts(content)[b"IDAT"]
    packed = zlib.compress(pixels(content))
    split = (
        content[:begin]
        + chunk(b"IDAT", packed[:100])
        + chunk(b"IDAT", packed[100:])
        + content[end:]
    )
    assert parse_strip(split, "strip.png").entry == read_strip(strip).entry


def test_words_of_a_licence_are_shown_and_not_obeyed(tiny, strip, run, tmp_path):
    entry = json.loads(comment_of(strip))
    entry |= {"shown": "licensed", "licence": "<script>alert(1)</script>"}
    path, out = tmp_path / "page.png", tmp_path / "certificate"
    path.write_bytes(png(np.asarray(Image.open(strip)), json.dumps(entry)))
    words = ["--reps", tiny.reps, "--target", "Smiling", "--strip", path, "--out", out]
    assert run("consumer", "certify", *words) == 0
    page = (out / "report.html").read_text()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
