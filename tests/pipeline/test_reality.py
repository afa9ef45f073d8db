"""True counterparts beside the certificates: who gets the decision of all of them, and what a reader refuses."""

import shutil

import numpy as np
import pytest
import torch
from bundled import counterparts_of

import consumer
import producer
from consumer.head import load_head
from consumer.report.reality import interval
from shared_spec import load_spec
from shared_spec.artifacts.bundle import load_bundle
from shared_spec.artifacts.bundle_writing import save_shard, seal_bundle
from shared_spec.artifacts.certificate import Certificate, load_certificate
from shared_spec.artifacts.reality import Alike
from shared_spec.artifacts.shards import COUNTERPART, OWNER, shard_name
from shared_spec.artifacts.tensors import load_tensors
from shared_spec.data import open_source
from shared_spec.errors import ArtifactError
from shared_spec.flow import preprocess
from shared_spec.terms import Status

pytestmark = pytest.mark.pipeline


FEW = [producer.ExactSettings(), producer.SmoothingSettings(n0=2000, n=2000)]


@pytest.fixture(scope="module")
def made(tiny, tmp_path_factory):
    """A bundle with counterparts in two attributes, in shards of 16, and its certificate."""
    root = tmp_path_factory.mktemp("reality")
    bundle = producer.export(
        tiny.spec, tiny.model, tiny.data, root / "reps", cache=tiny.cache, views=FEW,
        export=producer.ExportSettings(counterparts=("Pale_Skin", "Young"), shard_rows=16),
    )  # fmt: skip
    return root, bundle


@pytest.fixture(scope="module")
def certificate(tiny, made):
    """A certificate of a bundle that also holds training individuals."""
    root, _ = made
    few = "portraits:train=96,valid=16,test=40"
    bundle = producer.export(
        tiny.spec, tiny.model, few, root / "all", cache=tiny.cache, views=FEW, splits=("train", "valid", "test"),
        export=producer.ExportSettings(counterparts=("Pale_Skin", "Young"), share=("Smiling",)),
    )  # fmt: skip
    return bundle, consumer.certify(bundle, "Smiling", root / "certificate")


def test_counterparts_are_those_of_the_source_and_never_the_person_itself(tiny, made):
    _, bundle = made
    spec, model = load_spec(tiny.spec), producer.load_encoder(tiny.model)
    source = open_source(tiny.data, 32)
    for attribute in ("Pale_Skin", "Young"):
        points, owners = counterparts_of(bundle, "test")[attribute]
        for row in (0, 17, 39):
            known = source.counterparts("test", row, attribute)
            keep = np.arange(len(known.images)) != (-1 if known.own is None else known.own)
            with torch.no_grad():
                z = spec.flow.encode(
                    preprocess(torch.from_numpy(known.images[keep]), spec.flow.config.bits)
                )
            expected = model.folded(z).float()
            torch.testing.assert_close(points[owners == row], expected, rtol=1e-4, atol=1e-5)


def test_the_counts_are_those_of_a_loop_over_people(certificate):
    bundle, issued = certificate
    head = load_head(issued.path).frozen()
    own = head.predict(bundle.gather("test", ["representation"])["representation"])
    assert {check.attribute for check in issued.document.reality} == {"Pale_Skin", "Young"}
    for check in issued.document.reality:
        points, owners = counterparts_of(bundle, "test")[check.attribute]
        decisions = head.predict(points)
        same = [bool((decisions[owners == i] == own[i]).all()) for i in range(len(own))]
        assert check.everybody == Alike(people=40, alike=sum(same))
        assert 0 < sum(same) < 40, "the case tells nothing"
        for view, mine in check.certified.items():
            rows = issued.rows_of(view)
            who = [i for i, row in enumerate(rows) if row.status == Status.CERTIFIED]
            assert mine == Alike(people=len(who), alike=sum(same[i] for i in who))
            assert check.others(view).people + mine.people == 40


def test_verify_counts_again_and_the_page_shows_it(certificate):
    bundle, issued = certificate
    found = consumer.verify(issued, bundle)
    assert (
        "counted again" in {check.subject: check.finding for check in found.checks}["reality check"]
    )
    page = issued.read("report.html").decode()
    assert "Reality check" in page
    assert "It is a count and no proof" in page


def test_a_bundle_without_counterparts_has_no_reality_check(tiny):
    issued = load_certificate(tiny.certificate)
    assert issued.document.reality == ()
    assert "Reality check" not in issued.read("report.html").decode()


def _resealed(bundle, change, out):
    """The bundle with other counterparts in its first shard, and digests that are right."""
    shutil.copytree(bundle.path, out)
    tensors, _ = load_tensors(out / shard_name("test", 0))
    change(tensors)
    save_shard(out, bundle.manifest, "test", 0, tensors)
    seal_bundle(out, bundle.individuals.cells(), bundle.manifest)
    return load_bundle(out)


POINTS, OWNERS = COUNTERPART.format("Young"), OWNER.format("Young")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.pop(OWNERS), "without owners"),
        (lambda t: t.pop(POINTS), "without counterparts"),
        (lambda t: t.update({OWNERS: t[OWNERS] + 9}), "somebody else"),
        (lambda t: t.update({OWNERS: t[OWNERS] - 1}), "somebody else"),
        (lambda t: t.update({OWNERS: t[OWNERS].flip(0)}), "order of their owners"),
        (lambda t: t.update({OWNERS: t[OWNERS][1:].clone()}), "without owners"),
        (lambda t: t.update({"counterparts.Smile.owner": t[OWNERS].clone()}), "no such tensor"),
    ],
)  # fmt: skip
def test_counterparts_that_contradict_themselves_are_refused(made, change, says, tmp_path):
    with pytest.raises(ArtifactError, match=says):
        _resealed(made[1], change, tmp_path / "reps").check()


@pytest.mark.parametrize("splits", [(), ("test",)])
def test_counterparts_that_nobody_holds_are_not_claimed(tiny, splits, tmp_path):
    """A manifest that speaks of counterparts in an attribute, or in no split, has to have some."""
    shutil.copytree(tiny.reps, tmp_path / "reps")
    bundle = load_bundle(tiny.reps)
    manifest = bundle.manifest.model_copy(update={"counterparts": {"Young": splits}})
    seal_bundle(tmp_path / "reps", bundle.individuals.cells(), manifest)
    with pytest.raises(ArtifactError, match="counterparts"):
        load_bundle(tmp_path / "reps").check()


def test_counterparts_that_were_exchanged_change_the_count(certificate, tmp_path):
    """Verified against the bundle that a certificate names, a count that is not its own is refused."""
    bundle, issued = certificate
    check = issued.document.reality[0]
    forged = check.model_copy(update={"everybody": Alike(people=40, alike=40)})
    document = issued.document.model_copy(
        update={"reality": (forged, *issued.document.reality[1:])}
    )
    with pytest.raises(ArtifactError, match="reality"):
        consumer.verify(Certificate(issued.path, document, issued.weights), bundle)


def test_who_knows_no_counterparts_says_so(tiny, fails, tmp_path):
    words = ["producer", "export", "--spec", tiny.spec, "--model", tiny.model, "--data", tiny.data]
    words += ["--out", tmp_path / "reps", "--cache", tiny.cache, "--counterparts", "Moustache"]
    fails(
        5,
        "knows no counterparts in 'Moustache'; it knows .*Pale_Skin",
        *words,
        nothing_at=tmp_path / "reps",
    )


@pytest.mark.parametrize(
    ("alike", "people", "text"),
    [(0, 0, ""), (10, 10, "100.0% (69.1 to 100.0)"), (0, 10, "0.0% (0.0 to 30.9)"), (5, 10, "50.0% (18.7 to 81.3)")],
)  # fmt: skip
def test_intervals_are_clopper_pearson_rounded_outwards(alike, people, text):
    """0.6915 and 0.3085 are the known values for 10 of 10; 0.1871 and 0.8129 those for 5 of 10."""
    assert interval(Alike(people=people, alike=alike)) == text
