"""How groups fare, counted beside certificates: as fairlearn counts, again by whoever verifies, never of a few."""

import csv
import json
import shutil
import warnings
from dataclasses import replace

import forge
import numpy as np
import pytest

from consumer.groups import check_groups, spread
from consumer.report.fares import fares_of
from shared_spec import load_bundle, load_certificate
from shared_spec.artifacts.group_figures import GroupCounts, GroupTable
from shared_spec.data import open_source
from shared_spec.errors import SettingsError
from shared_spec.terms import Statement

pytestmark = pytest.mark.pipeline

GROUPS = ("Pale_Skin", "Wearing_Earrings")


def people_of(certificate, view, data):
    """Of each person of a view prediction, label and certificate, and the group by each label, from the files alone."""
    with (certificate / "individuals.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["view"] == view]
    source = open_source(data, 32)
    place = {name: index for index, name in enumerate(source.sample_ids("test"))}
    chosen = [place[row["sample_id"]] for row in rows]
    groups = {
        name: np.array(source.classes[name])[source.labels("test", name)[chosen]] for name in GROUPS
    }
    return rows, groups


@pytest.mark.parametrize("view", ["exact", "smoothing"])
def test_the_counts_are_those_of_fairlearn(whole, tiny, view):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fairlearn.metrics import MetricFrame, selection_rate
        from sklearn.metrics import accuracy_score

    rows, groups = people_of(whole.certificate, view, tiny.data)
    predicted = np.array([row["prediction"] == "yes" for row in rows])
    right = np.array([row["prediction"] == row["label"] for row in rows])
    certified = np.array([row["status"] == "CERTIFIED" for row in rows])
    document = load_certificate(whole.certificate).document
    for table in document.groups:
        # fairlearn's accuracy takes two sets of classes; whether a decision is right is one.
        frames = {
            name: MetricFrame(metrics=metric, y_true=np.ones(len(rows), dtype=bool), y_pred=found,
                              sensitive_features=groups[table.label])
            for name, metric, found in (
                ("selected", selection_rate, predicted), ("right", accuracy_score, right),
                ("certified", selection_rate, certified),
            )
        }  # fmt: skip
        assert {group.name for group in table.views[view]} <= set(frames["selected"].by_group.index)
        for group in table.views[view]:
            assert group.people == (groups[table.label] == group.name).sum()
            for name, part in (
                ("selected", group.predicted.get("yes", 0)), ("right", group.correct), ("certified", group.certified)
            ):  # fmt: skip
                assert part / group.people == pytest.approx(frames[name].by_group[group.name])
        if not table.few:
            rates = [(group.certified, group.people) for group in table.views[view]]
            assert spread(rates).difference == pytest.approx(frames["certified"].difference())
            assert spread(rates).ratio == pytest.approx(frames["certified"].ratio())


def test_nothing_is_told_of_fewer_than_ten_but_that_they_are_there(whole, tiny):
    _, groups = people_of(whole.certificate, "exact", tiny.data)
    sizes = {name: np.unique(found, return_counts=True) for name, found in groups.items()}
    assert any(counts.min() < 10 for _, counts in sizes.values()), "nobody is few in these data"
    for table in load_certificate(whole.certificate).document.groups:
        names, counts = sizes[table.label]
        told = {group.name for group in table.views["exact"]}
        assert told == {name for name, count in zip(names, counts, strict=True) if count >= 10}
        assert table.few_people == counts[counts < 10].sum()
        assert table.few == (counts < 10).sum()


def test_the_page_says_that_nothing_of_it_is_proved(whole):
    page = " ".join((whole.certificate / "report.html").read_text().split())
    section = page.split('id="groups"')[1].split("</section>")[0]
    assert "nothing here is proved" in section
    assert "decided <bdi>yes</bdi>" in section
    assert "of fewer than 10 people" in section
    assert "consumer certify --groups" not in page


def test_without_groups_the_page_says_so(tiny):
    page = (tiny.certificate / "report.html").read_text()
    assert 'id="groups"' not in page
    assert "consumer certify --groups" in page


def test_verify_counts_again(whole, run):
    assert run("consumer", "verify", whole.certificate, "--reps", whole.reps) == 0


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        (lambda d: d["groups"][0]["views"]["exact"][0].update(correct=0), "groups is"),
        (lambda d: d["groups"][0]["views"]["exact"][0].update(certified=0), "counts other certificates than the exact"),
        (lambda d: d["groups"][0]["views"]["exact"][0].update(predicted={"never": 1}), "which the head has not"),
        (lambda d: d["groups"][0]["views"]["exact"][0].update(people=9), "field groups.0.views.exact.0.people"),
        (lambda d: d["groups"][0]["views"]["exact"][0].update(correct=41, labelled=40), "field groups.0"),
        (lambda d: d["groups"][0]["views"]["exact"].pop(), "Pale_Skin: counts"),
        (lambda d: d["groups"][0]["views"].update(other=[]), "nothing is claimed of"),
        (lambda d: d["groups"][0].update(label="Young"), "a label that the producer shares"),
        (lambda d: d["groups"].append(d["groups"][0]), "each once"),
        (lambda d: d.update(groups=[]), "is not the page"),
    ],
)  # fmt: skip
def test_other_counts_are_refused_though_every_digest_is_right(
    whole, change, pattern, fails, tmp_path
):
    folder = shutil.copytree(whole.certificate, tmp_path / "certificate")
    forge.restate(folder, change)
    fails(3, pattern, "consumer", "verify", folder, "--reps", whole.reps)


@pytest.mark.parametrize("names", [["Young"], ["Smiling"], ["Pale_Skin", "Pale_Skin"]])
def test_only_shared_labels_are_groups(whole, names, fails, tmp_path):
    words = [word for name in names for word in ("--groups", name)]
    out = tmp_path / "certificate"
    fails(2, "expected, each once, a label that the producer shares, other than the target; there is Pale_Skin, Wear",
          "consumer", "certify", "--reps", whole.reps, "--target", "Smiling", *words, "--out", out,
          nothing_at=out)  # fmt: skip


def test_the_table_is_printed_and_told_to_machines(whole, run, capsys, tmp_path):
    words = [
        "consumer",
        "certify",
        "--reps",
        whole.reps,
        "--target",
        "Smiling",
        "--groups",
        "Pale_Skin",
        "--out",
    ]
    capsys.readouterr()
    assert run(*words, tmp_path / "a", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)["groups"]
    assert found["label"] == "Pale_Skin"
    assert run(*words, tmp_path / "b") == 0
    assert "Groups by Pale_Skin, exact view; counted, not proved." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rates", "difference", "ratio"),
    [
        ([(1, 2), (1, 4)], 0.25, 0.5),
        ([(0, 5), (0, 9)], 0.0, 1.0),
        ([(3, 3), (0, 0), (1, 2)], 0.5, 0.5),
    ],
)
def test_the_spread_of_rates(rates, difference, ratio):
    found = spread(rates)
    assert (found.difference, found.ratio) == (difference, ratio)


def counts(name, people, **predicted):
    return GroupCounts(
        name=name, people=people, predicted=predicted, labelled=0, correct=0, certified=0
    )


def test_of_more_than_two_classes_each_is_told_where_it_is_decided_least_and_most_often():
    groups = (counts("x", 10, a=1, b=4, c=5), counts("y", 20, a=10, c=8), counts("z", 30, a=9, b=6))
    table = GroupTable(label="age", few=0, few_people=0, views={"exact": groups})
    found = fares_of(table, "exact", ("a", "b", "c"))
    assert found.rates == ("right", "certified")
    assert [each.cells for each in found.decisions] == [
        ("a", "10.0% (x)", "50.0% (y)", "40.0", "0.20"),
        ("b", "0.0% (y)", "40.0% (x)", "40.0", "0.00"),
        ("c", "0.0% (z)", "50.0% (x)", "50.0", "0.00"),
    ]
    two = fares_of(table, "exact", ("a", "b"))
    assert two.rates == ("decided b", "right", "certified")
    assert [each.cells for each in two.decisions] == [each.cells for each in found.decisions[:2]]
    alone = GroupTable(label="age", few=0, few_people=0, views={"exact": groups[:1]})
    assert fares_of(alone, "exact", ("a", "b")).decisions == ()


def test_one_group_differs_from_nobody():
    assert spread([(1, 2), (0, 0)]) is None


def test_groups_of_a_few_are_said_to_be_there_where_nothing_else_is():
    table = GroupTable(label="age", few=2, few_people=8, views={"exact": ()})
    for classes in (("a", "b"), ("a", "b", "c")):
        found = fares_of(table, "exact", classes)
        assert found.lines == []
        assert found.decisions == ()
        assert "2 groups of fewer than 10 people (8 people together)" in found.few
    assert fares_of(table, "smoothing", ("a", "b")) is None


def test_groups_of_a_few_are_open_on_the_page(tiny, run, tmp_path, capsys):
    data = "portraits:train=480,valid=96,test=8"
    words = ["--spec", tiny.spec, "--model", tiny.model, "--data", data, "--cache", tiny.cache]
    export = [
        *words,
        "--out",
        tmp_path / "reps",
        "--share",
        "Smiling",
        "--share",
        "Young",
        "--view",
        "exact",
    ]
    assert (
        run(
            "producer", "export", *export, "--split", "train", "--split", "valid", "--split", "test"
        )
        == 0
    )
    certify = [
        "--reps",
        tmp_path / "reps",
        "--target",
        "Smiling",
        "--groups",
        "Young",
        "--noise",
        "1",
    ]
    capsys.readouterr()
    assert run("consumer", "certify", *certify, "--out", tmp_path / "c") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "people together) not shown" in printed
    assert "decided yes" not in printed, "a head of a table without lines"
    page = (tmp_path / "c" / "report.html").read_text()
    assert "people together) not shown" in page
    assert '<table class="groups">' not in page
    assert "How often groups of people get each decision." in page


def test_ratios_are_not_rounded_across_a_line_nor_differences_to_none():
    groups = (counts("x", 600, a=361, b=239), counts("y", 600, a=300, b=300))
    table = GroupTable(label="age", few=0, few_people=0, views={"exact": groups})
    found = fares_of(table, "exact", ("a", "b"))
    assert (found.ratios[0], found.differences[0]) == ("0.79", "10.2"), (
        "239 of 300 is below four fifths"
    )
    nearly = (counts("x", 9000, a=8999, b=1), counts("y", 9000, a=9000))
    table = GroupTable(label="age", few=0, few_people=0, views={"exact": nearly})
    (first, _) = fares_of(table, "exact", ("a", "b")).decisions
    assert (first.ratio, first.difference) == ("0.99", "0.1")


def test_being_right_is_told_of_ten_and_no_fewer():
    def group(name, labelled):
        return GroupCounts(
            name=name, people=40, predicted={"a": 40}, labelled=labelled, correct=labelled, certified=1
        )  # fmt: skip

    table = GroupTable(
        label="age", few=0, few_people=0, views={"exact": (group("x", 9), group("y", 10))}
    )
    found = fares_of(table, "exact", ("a", "b"))
    assert [rates[1] for _, _, rates in found.groups] == ["unknown", "100.0%"]
    assert found.differences[1] == "–"


def test_no_groups_of_an_encoder_that_nobody_evaluates(whole):
    bundle = load_bundle(whole.reps)
    ideal = {
        name: entry.model_copy(update={"statement": Statement.I})
        for name, entry in bundle.manifest.views.items()
    }
    bundle = replace(bundle, manifest=bundle.manifest.model_copy(update={"views": ideal}))
    with pytest.raises(
        SettingsError, match="statement I is about an encoder that nobody evaluates"
    ):
        check_groups(bundle, ["Pale_Skin"], "Smiling")
