"""Similar people that the data set itself knows: published, trained on, certified; and who is refused."""

import numpy as np
import pytest
import torch
from bundled import counterparts_of

import consumer
import producer
import regulator
from regulator.pictures.settings import PreviewSettings
from shared_spec.artifacts.spec import load_spec, save_spec
from shared_spec.artifacts.spec_documents import CounterpartSpecDocument
from shared_spec.artifacts.strip import read_strip
from shared_spec.counterpart_chains import CounterpartChains, counterpart_chain
from shared_spec.data import open_source
from shared_spec.data.counterparts import CounterpartSet
from shared_spec.errors import DataError
from shared_spec.latents import encode_chains
from shared_spec.terms import Similar

pytestmark = pytest.mark.pipeline

SMALL = {"hidden": (24, 16), "dimension": 8, "epochs": 2, "batch": 64}
KNOWN = regulator.VectorSettings(similar=Similar.COUNTERPARTS)
SIZES = (120, 40, 24)
DATA = "portraits:train={},valid={},test={}".format(*SIZES)


@pytest.fixture(scope="module")
def spec(tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("known") / "spec.safetensors"
    return regulator.publish_spec(DATA, ["Pale_Skin"], out, flow=tiny.flow, vectors=KNOWN)


def test_a_spec_says_how_many_there_are_and_how_far(spec, tmp_path):
    assert isinstance(spec.document, CounterpartSpecDocument)
    assert isinstance(spec.similarity, CounterpartChains)
    assert spec.document.length in (9, 10), (
        "nine counterparts, and the individual unless it is one of them"
    )
    entry = spec.document.attributes[0]
    assert entry.counts["counterparts"] >= 8 * sum(SIZES)
    assert entry.norm > 0
    path = tmp_path / "spec.safetensors"
    save_spec(path, spec.document, spec.flow, None)
    assert load_spec(path).digest == spec.digest


def test_the_individual_stands_where_its_factor_is(spec):
    source = open_source(DATA, 32)
    for row in (0, 7, 23):
        chain = counterpart_chain(source, "test", row, "Pale_Skin")
        own = source.images("test", [row])[0]
        (place,) = np.flatnonzero((chain == own).all(axis=(1, 2, 3)))
        at = source.factors("test")["Pale_Skin"][row]
        assert place == int((np.linspace(0, 1, 9) < at).sum())
        latents = encode_chains(spec.flow, spec.similarity, source, "test", np.array([row]))
        assert torch.equal(latents[0, 1 + place], latents[0, 0]), "the chain misses z by a rounding"


def test_a_strip_of_counterparts_numbers_them(spec, tmp_path, monkeypatch):
    """Nobody has a t: each person stands in another column."""
    drawn = []
    monkeypatch.setattr(
        "regulator.pictures.strips.png", lambda figure: drawn.append(figure) or b"x"
    )
    settings = PreviewSettings(individuals=4)
    regulator.preview(DATA, tmp_path / "strip.png", spec=spec, settings=settings)
    (figure,) = drawn
    titles = [axis.get_title() for axis in figure.axes]
    first = [title for title in titles if title]
    assert first == [f"no. {n}" for n in range(1, len(first) + 1)]
    assert figure.get_suptitle().endswith("the images that the data know; framed: the individual")


def test_everything_that_is_known_lies_within_the_ball(tiny, spec, tmp_path):
    bundle = producer.fit(
        spec, DATA, tmp_path / "reps", model=tmp_path / "model", targets=["Smiling"],
        training=producer.TrainingSettings(method="lassi", lambda_2=0.25, **SMALL),
        export=producer.ExportSettings(view=("exact",), counterparts=("Pale_Skin",)), cache=tiny.cache,
    )  # fmt: skip
    points, owners = counterparts_of(bundle, "test")["Pale_Skin"]
    found = bundle.gather("test", ["exact.centre", "exact.radius", "exact.status"])
    away = (points.double() - found["exact.centre"].double()[owners]).norm(dim=1)
    assert (away <= found["exact.radius"][owners] * (1 + 1e-5) + 1e-5).all()
    certificate = consumer.certify(bundle, "Smiling", tmp_path / "certificate")
    assert consumer.verify(certificate, bundle)
    check = certificate.document.reality[0]
    assert check.certified["exact"].alike == check.certified["exact"].people, (
        "certified, and yet told apart"
    )
    assert "the data set itself knows" in certificate.read("report.html").decode()
    person = certificate.rows_of("exact")[0].sample_id
    found = producer.explain(
        person, spec, tmp_path / "model", DATA, certificate, tmp_path / "why.png"
    )
    chain = counterpart_chain(open_source(DATA, 32), "test", 0, "Pale_Skin")
    (decided,) = found.strips
    assert (decided.strip.images[: len(chain)] == chain).all()


def test_a_strip_shows_the_chain(spec, tmp_path):
    assert regulator.preview(DATA, tmp_path / "strip.png", spec=spec).shown == 4
    page = regulator.preview(DATA, tmp_path / "page.png", spec=spec, for_report=True).path
    entry = read_strip(page).entry
    assert (entry.reach, entry.steps) == ((), spec.document.length)


class Unplaced:
    """Knows counterparts, and not where the individual itself stands."""

    uri, counterpart_attributes = "unplaced:", ("tan",)

    def counterpart_rows(self, split, attribute):
        return np.arange(1)

    def counterparts(self, split, row, attribute):
        return CounterpartSet(np.zeros((2, 3, 4, 4), np.uint8), np.arange(2.0), None, None)

    def sample_ids(self, split):
        return ["a"]

    def images(self, split, rows):
        return np.ones((1, 3, 4, 4), np.uint8)


def test_an_individual_that_stands_nowhere_is_refused():
    with pytest.raises(DataError, match="nothing says where it stands"):
        counterpart_chain(Unplaced(), "test", 0, "tan")
    with pytest.raises(DataError, match="knows no counterparts"):
        counterpart_chain(object.__new__(type("None", (), {"uri": "none:"})), "test", 0, "tan")


def test_a_chain_that_is_longer_than_the_spec_knows_is_refused(tiny):
    chains = CounterpartChains(("Pale_Skin",), 4, 32)
    with pytest.raises(DataError, match="at most 4"):
        chains.images_of(open_source(tiny.data, 32), "test", np.array([0]))


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--attribute", "Moustache"], 5, "knows no counterparts in Moustache"),
        (["--attribute", "Pale_Skin", "--method", "linear-boundary"], 2, "leave one out"),
    ],
)  # fmt: skip
def test_what_nobody_knows_is_refused_before_any_work(tiny, words, code, says, fails, tmp_path):
    out = tmp_path / "spec.safetensors"
    fails(code, says, "regulator", "publish-spec", "--data", tiny.data, "--flow", tiny.flow,
          "--similar", "counterparts", *words, "--out", out, nothing_at=out)  # fmt: skip


def test_counterparts_are_not_compared_with_themselves(spec, tmp_path, fails):
    path = tmp_path / "spec.safetensors"
    save_spec(path, spec.document, spec.flow, None)
    fails(
        2,
        "are the truth itself",
        "regulator",
        "coverage",
        "--spec",
        path,
        "--data",
        DATA,
        "--out",
        tmp_path / "c.png",
    )
