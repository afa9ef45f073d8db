"""What people get wrong in their first hours: one line each, with what to do, before any work is done."""

import re

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.pipeline

GOOD = "file_name,smiling,age\n" + "".join(f"{n}.png,{n % 2},{n}\n" for n in range(300))


@pytest.fixture
def _no_work(monkeypatch):
    """Fails as soon as a flow is trained, an image encoded or a head fitted."""

    def work(*_, **__):
        raise AssertionError("work was done before the mistake was found")

    for place in (
        "regulator.train.fit_flow", "regulator.publish.encode_split", "producer.job.encode_split",
        "producer.fitted.train_encoder", "consumer.issue.fit_head", "regulator.look.strips_of",
    ):  # fmt: skip
        monkeypatch.setattr(place, work)


def faces(root, metadata):
    """The URI of a folder of images with this `metadata.csv`."""
    folder = root / "faces"
    folder.mkdir(exist_ok=True)
    for n in range(300):
        Image.fromarray(np.full((4, 4, 3), n % 250, dtype=np.uint8)).save(folder / f"{n}.png")
    (folder / "metadata.csv").write_text(metadata)
    return f"folder:{folder}"


PUBLISH = "regulator publish-spec --data portraits --out {new}.safetensors"
FIT = (
    "producer fit --spec {spec} --data {data} --target Smiling --model {new}/model --out {new}/reps"
)
SEARCH = "producer search --spec {spec} --data {data} --target Smiling --out {new}"
CERTIFY = "consumer certify --reps {reps} --target Smiling --out {new}"
EXPORT = "producer export --spec {spec} --data {data} --model {model} --out {new}"
PREDICT = "consumer predict --reps {reps} --head {certificate} --out {new}"

MISTAKES = {
    # Names.
    "a typo in an attribute": (
        f"{PUBLISH} --attribute Pale_Skinn", 5, r"Pale_Skinn.*Pale_Skin",
    ),
    "a typo in a column to study": (
        f"{PUBLISH} --attribute Pale_Skin --study Smilling", 5, r"Smilling.*Smiling",
    ),
    "a typo in a target": (
        "producer fit --spec {spec} --data {data} --target Smilling --out {new}", 5, r"Smilling.*Smiling",
    ),
    "a typo in a consumer's target": (
        "consumer certify --reps {reps} --target Smilling --out {new}", 5, r"Smilling.*Smiling",
    ),
    "a threshold with spaces": (
        "regulator publish-spec --data {numbers} --attribute age>=39 --out {new}", 5, "is written NAME>X, as in age>39",
    ),
    "a split that there is not": (f"{EXPORT} --split testing", 5, r"testing.*train, valid, test"),
    "a column of numbers as a target": (
        "regulator publish-spec --data {numbers} --attribute age --out {new}", 5, r"age.*name a threshold, as in age>",
    ),
    "a column of a few numbers as a target": (
        "regulator publish-spec --data {ages} --attribute age --out {new}", 5,
        r"70 classes \(0, 1, .*…, 69\); name a threshold, as in age>35, or the two ends, as in age:0:69",
    ),
    "groups by a label that is not shared": (
        f"{CERTIFY} --groups Young", 2, "--groups 'Young': expected.* ask the producer to export with --share",
    ),
    "a person whom a certificate does not know": (
        "consumer receipt {certificate} --individual test-9 --out {new}", 5, "no individual 'test-9' in split test",
    ),
    "a typo in a policy": (f"{CERTIFY} --policy certifed>=0.9", 2, r"'certifed>=0.9': expected \[VIEW:\]certified>="),
    "a policy about a view that is not certified": (
        f"{CERTIFY} --view exact --policy smoothing:certified>=0.9", 2, "asks for the smoothing view, but exact alone",
    ),
    "a typo in a view": (f"{CERTIFY} --view exakt", 2, "has no exakt view of test; it has exact, smoothing"),
    "a date in words": (f"{CERTIFY} --valid-until soon", 2, "--valid-until is 'soon': .*YYYY-MM-DD"),
    "a typo in a command": ("regulator publish-specs", 2, r"publish-specs.*Did you mean.*publish-spec"),
    "a typo in an option": (f"{PUBLISH} --atribute Pale_Skin", 2, r"--atribute.*--attribute"),
    "a typo in a preset": (f"{PUBLISH} --preset dmo", 2, r"dmo.*demo"),
    "a typo in a settings file": (f"{PUBLISH} --config {{typo}}", 2, r"'stepps'; did you mean 'steps'"),
    "text for a number in a settings file": (
        f"{PUBLISH} --attribute Pale_Skin --config {{text}}", 2, r"text.toml: --steps is '4': .*valid int",
    ),
    # Places.
    "an output that stands there": (CERTIFY.replace("{new}", "{certificate}"), 2, "exists already; .*--force"),
    "an output that is made with other settings": (
        FIT.replace("{new}/reps", "{reps}"), 2, r"exported before with .* now .*another --out",
    ),
    "an output that cannot be written": (CERTIFY.replace("{new}", "/proc/new"), 1, "/proc/new: cannot be written"),
    "a flow that cannot be written": (
        f"{PUBLISH} --attribute Pale_Skin".replace("{new}", "/proc/new"), 1, "/proc/new.safetensors: cannot be written",
    ),
    "a model that cannot be written": (FIT.replace("{new}/model", "/proc/model"), 1, "/proc/model.*cannot be written"),
    "a cache that cannot be written": (f"{FIT} --cache /proc/cache", 1, "/proc/cache.*cannot be written"),
    "an output in place of an input": (f"{FIT} --force".replace("{new}/reps", "{spec}"), 2, "which is read"),
    "--force on something else": (f"{FIT} --force".replace("{new}/reps", "{foreign}"), 2, "is no bundle alone"),
    "--force on somebody's picture": (
        "regulator preview --spec {spec} --data {data} --out {photo} --force", 2, "is no picture drawn by LASSI",
    ),
    "--force on somebody's plot": (SEARCH.replace("{new}", "{plots}") + " --force", 2, "pareto.png: is no picture"),
    "a data folder that is not there": (
        "regulator train-flow --data folder:/nowhere --out {new}", 5, "/nowhere: no such folder; expected",
    ),
    "a data set without its place": ("regulator train-flow --data folder --out {new}", 2, "expected folder:PATH"),
    # Combinations.
    "a device that is not there": (f"{FIT} --device cuda:7", 2, "--device is 'cuda:7': this machine has"),
    "a device for a flow that is not there": (
        f"{PUBLISH} --attribute Pale_Skin --device cuda:7", 2, "--device is 'cuda:7'",
    ),
    "a device where none computes": (f"{CERTIFY} --device cuda", 2, "[Nn]o such option.*--device"),
    "settings of a flow beside a flow": (
        f"{PUBLISH} --attribute Pale_Skin --flow {{flow}} --steps 5", 2, "--flow fixes the flow; leave out --steps",
    ),
    "a preset of a flow beside a flow": (
        f"{PUBLISH} --attribute Pale_Skin --flow {{flow}} --preset paper", 2, "--flow fixes.*; leave out --preset",
    ),
    "samples where nothing is sampled": (f"{CERTIFY} --samples 500", 2, "--samples: --radius auto of this head draws"),
    "samples for a head whose method draws none": (
        f"{PREDICT} --selection-samples 30 --alpha 0.01", 2, "--alpha, --selection-samples: the methods of .* draw no",
    ),
    "a level that no reader takes": (f"{EXPORT} --alpha 1e-13", 2, "smoothing view: alpha is 1e-13 in all"),
    "more neurons than rounding is bounded for": (f"{FIT} --hidden 20000", 2, "20512 neurons, expected at most 20000"),
    "a step beyond all counts": (f"{EXPORT} --every 1000000000", 2, "--every.*less than or equal to 100000000"),
    "a number that JSON does not keep": (f"{EXPORT} --max-cells {10**30}", 2, r"--max-cells has 31 digits: .* 2\^53"),
    "points where a flow is drawn": (
        "regulator preview --flow {flow} --data {data} --points 5 --out {new}.png", 2, "--points has no effect where a",
    ),
    "a picture by the name of another kind": (
        "regulator preview --spec {spec} --data {data} --out {new}.jpg", 2, "expected a name that ends with .png",
    ),
    "a column that is adjusted for twice": (
        f"{PUBLISH} --attribute Pale_Skin --adjust-for Young --adjust-for Young", 2, "name each column once",
    ),
    "noise below 0": (f"{CERTIFY} --noise -1", 2, "--noise is -1.0: .*greater than or equal to 0"),
    "a layer without a neuron": (f"{CERTIFY} --head mlp --hidden 0", 2, "--hidden.*greater than or equal to 1"),
    "a batch of all there could be": (f"{CERTIFY} --batch 100000001", 2, "--batch.*less than or equal to 100000000"),
    "a closed form for a head that has none": (
        f"{CERTIFY} --head mlp --radius closed-form", 2, "--radius is closed-form.*linear heads only",
    ),
    "sampling without noise": (f"{CERTIFY} --radius randomized --noise 0", 2, "needs noise; set --noise above 0"),
    "more components than individuals": (
        f"{FIT} --method project --encoder linear --lambda-1 0 --dimension 2000", 2, "--dimension is 2000: 480 latents",
    ),
    # The wrong artefact.
    "a certificate where a bundle is inspected": (
        "producer inspect {certificate}", 3, "is a certificate, which consumer inspect .*certificate reads",
    ),
    "a bundle where a spec is read": ("regulator inspect {reps}", 3, "is a bundle, which producer inspect"),
    "a model where a certificate is read": ("consumer inspect {model}", 3, "is a model, which producer inspect"),
    "a spec where a bundle is read": (
        CERTIFY.replace("{reps}", "{spec}"), 3,
        "is a spec, which regulator inspect .* reads; expected a directory that holds manifest.json",
    ),
    "a certificate where a bundle is read": (
        CERTIFY.replace("{reps}", "{certificate}"), 3, "is a certificate, which consumer inspect .* reads; expected",
    ),
    "a bundle where a spec is trained on": (FIT.replace("{spec}", "{reps}"), 3, "reps: is a directory; name a file"),
    "a flow where a spec is read": ("regulator inspect {flow}", 3, "is a flow, which regulator preview .*--flow"),
    # One's own data.
    "another name for the image column": (
        "regulator check-data {images}", 5, "problems found: 1, of kinds: 1",
    ),
    "a class with control characters": (
        "regulator publish-spec --data {controls} --attribute smiling --out {new}", 5, "holds control characters",
    ),
    "a column with control characters": (
        "regulator publish-spec --data {colours} --attribute smiling --out {new}", 5, "column name .*control char",
    ),
}  # fmt: skip


@pytest.fixture
def places(copies, tmp_path):
    """Where the words of a mistake point to."""
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("years of work")
    photo = tmp_path / "photo.png"
    Image.new("RGB", (4, 4)).save(photo)
    plots = tmp_path / "plots"
    plots.mkdir()
    (plots / "pareto.png").write_bytes(photo.read_bytes())
    typo = tmp_path / "typo.toml"
    typo.write_text("stepps = 4\n")
    (tmp_path / "text.toml").write_text('steps = "4"\n')
    found = {
        **vars(copies),
        "text": tmp_path / "text.toml",
        "new": tmp_path / "new",
        "foreign": foreign,
        "photo": photo,
        "plots": plots,
        "typo": typo,
    }
    return found


@pytest.fixture
def sets(tmp_path):
    """The URIs of somebody's own data, by what is special about them."""
    kinds = {
        "numbers": GOOD,
        "ages": "file_name,age\n" + "".join(f"{n}.png,{n % 70}\n" for n in range(300)),
        "images": GOOD.replace("file_name", "image"),
        "controls": GOOD.replace(",1,", ",a\x1b[2J,").replace(",0,", ",b,"),
        "colours": GOOD.replace("age", "age\u202e"),
    }
    return lambda name: faces(tmp_path, kinds[name]) if name in kinds else None


@pytest.mark.usefixtures("_no_work")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_costs_one_line(mistake, places, sets, fails):
    line, code, words = MISTAKES[mistake]
    for name in re.findall(r"{(\w+)}", line):
        places.setdefault(name, sets(name))
    before = {path: path.stat().st_mtime_ns for path in places["foreign"].parent.rglob("*")}
    fails(code, words, *(word.format(**places) for word in line.split()))
    assert not places["new"].exists()
    assert before == {path: path.stat().st_mtime_ns for path in places["foreign"].parent.rglob("*")}


def test_a_mended_example_is_one_that_is_taken(sets, places, run, capsys, tmp_path):
    """What `check-data` shows in place of a class that it refuses is a table that it reads."""
    data = sets("controls")
    capsys.readouterr()
    assert run("regulator", "check-data", data) == 5
    shown = capsys.readouterr().err.split("for example:\n")[1].split("error:")[0]
    assert "\\x1b" not in shown
    example = "\n".join(line.strip() for line in shown.strip().splitlines()) + "\n"
    (tmp_path / "faces" / "metadata.csv").write_text(example)
    run("regulator", "check-data", data)
    assert "metadata.csv:" not in capsys.readouterr().err
