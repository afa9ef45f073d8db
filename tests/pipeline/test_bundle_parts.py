"""Work dealt out to machines that never speak: what is merged has the bytes of what was made at once."""

import json
import shutil
from types import SimpleNamespace

import pytest
from stored import contents

from producer import load_bundle_part, parts, shards
from shared_spec import latents, load_bundle
from shared_spec.artifacts.atomic import partial_directory
from shared_spec.artifacts.directory import list_files, save_directory_document
from shared_spec.artifacts.tensors import load_tensors, save_tensors

pytestmark = pytest.mark.pipeline


def export(paths, out, *more):
    """Seven shards, the last of each split a short one."""
    return ["producer", "export", "--spec", paths.spec, "--model", paths.model, "--data", paths.data, "--split",
            "valid", "--split", "test", "--out", out, "--shard-rows", "20", "--n0", "2000", "--n", "2000",
            "--counterparts", "Pale_Skin", "--cache", paths.cache, *more]  # fmt: skip


def reseal(part, **changes):
    """Gives a part that was tampered with a document that lists what is there."""
    document = load_document(part).model_copy(update=changes)
    names = [path.name for path in part.iterdir() if path.name != "part.json"]
    document = document.model_copy(update={"files": list_files(part, names)})
    save_directory_document(part, "part.json", document)


def load_document(part):
    return parts.load_directory_document(part, "part.json", parts.BundlePartDocument)


@pytest.fixture(scope="module")
def whole(tiny, run, tmp_path_factory):
    """The bundle that is exported at once, and the same in three parts; not to be written to."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(*export(tiny, folder / "reps")) == 0
    for index in (1, 2, 3):
        assert run(*export(tiny, folder / f"{index}", "--shard", f"{index}/3")) == 0
    return folder


@pytest.fixture
def three(whole, tmp_path):
    """The three parts, to be damaged."""
    return [shutil.copytree(whole / str(index), tmp_path / str(index)) for index in (1, 2, 3)]


@pytest.mark.parametrize("of", [1, 2, 8])
def test_parts_killed_once_each_and_merged_in_any_order_are_the_bundle(
    tiny, whole, run, monkeypatch, tmp_path, of
):
    made, save = [], shards.save_shard
    for index in range(1, of + 1):
        out = tmp_path / f"part-{index}"
        words = export(tiny, out, "--shard", f"{index}/{of}")

        def killed(*place, once=[]):  # noqa: B006 - remembers its first call
            if not once:
                once.append(1)
                raise KeyboardInterrupt
            save(*place)

        with monkeypatch.context() as patch:
            patch.setattr(shards, "save_shard", killed)
            patch.setattr(parts, "list_files", killed) if not shard_names(of, index) else None
            assert run(*words) == 130
        assert not out.exists()
        assert run(*words) == 0
        assert not partial_directory(out).exists()
        made.append(out)
    merged = tmp_path / "reps"
    assert run("producer", "merge", *reversed(made), made[0], "--out", merged) == 0
    assert contents(merged) == contents(whole / "reps")
    load_bundle(merged).check()


def shard_names(of, index):
    return range(7 * (index - 1) // of, 7 * index // of)


def test_a_part_encodes_its_own_batches_to_the_latents_of_the_whole(
    tiny, run, monkeypatch, tmp_path
):
    monkeypatch.setattr(latents, "ENCODE_BATCH", 16)
    made = []
    for shard, encoded in (("", [40, 96]), ("1/3", [48]), ("2/3", [48]), ("3/3", [16, 40])):
        paths = SimpleNamespace(**vars(tiny) | {"cache": tmp_path / f"cache-{shard[:1]}"})
        made.append(tmp_path / f"part-{shard[:1]}")
        assert run(*export(paths, made[-1], *(["--shard", shard] if shard else []))) == 0
        kept = [json.loads(path.read_text()) for path in paths.cache.glob("*.json")]
        assert sorted(entry["shape"][0] for entry in kept) == encoded
    assert run("producer", "merge", *made[1:], "--out", tmp_path / "reps") == 0
    assert contents(tmp_path / "reps") == contents(made[0])


def test_a_finished_part_is_kept_and_another_share_refused(tiny, whole, run, fails, tmp_path):
    out = shutil.copytree(whole / "2", tmp_path / "2")
    assert run(*export(tiny, out, "--shard", "2/3")) == 0
    assert contents(out) == contents(whole / "2")
    fails(2, r"exported before with shard.index 2, now 3", *export(tiny, out, "--shard", "3/3"))
    fails(2, r"exported before with seed", *export(tiny, out, "--shard", "2/3", "--seed", "5"))
    fails(2, "is no bundle alone", *export(tiny, out))
    fails(2, "is no bundle part alone", *export(tiny, whole / "reps", "--shard", "2/3"))
    assert run(*export(tiny, out, "--shard", "3/3", "--force")) == 0
    assert contents(out) == contents(whole / "3")


def test_what_was_begun_of_another_share_is_not_continued(tiny, run, fails, monkeypatch, tmp_path):
    out = tmp_path / "part"

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shards, "seal_part", killed)
        assert run(*export(tiny, out, "--shard", "1/3")) == 130
    fails(2, "exported before with shard.index 1, now 2", *export(tiny, out, "--shard", "2/3"))
    assert run(*export(tiny, out, "--shard", "1/3")) == 0


@pytest.mark.parametrize(
    "shard", ["0/3", "4/3", "3", "1/0", "-1/3", "1/3/", "a/b", "1/1000000", "１/3"]
)
def test_what_is_no_share_is_refused(tiny, fails, tmp_path, shard):
    fails(2, "expected I/N", *export(tiny, tmp_path / "part", f"--shard={shard}"))


def test_missing_and_foreign_parts_are_refused(tiny, three, run, fails, tmp_path):
    out = tmp_path / "reps"
    merge = ["producer", "merge", "--out", out]
    fails(3, r"no part 1/3, 3/3; make it with --shard 1/3", *merge, three[1], nothing_at=out)
    other = tmp_path / "other"
    assert run(*export(tiny, other, "--shard", "2/2")) == 0
    fails(3, "shard.of is 2, in .* it is 3; export all parts of the same", *merge, *three, other)
    assert run(*export(tiny, other, "--shard", "3/3", "--seed", "5", "--force")) == 0
    fails(3, "manifest.seed is 5", *merge, *three[:2], other, nothing_at=out)
    fails(
        3,
        "is a bundle, which .* expected a directory that holds part.json",
        *merge,
        *three[:2],
        tiny.reps,
        nothing_at=out,
    )
    fails(2, "would be written over", "producer", "merge", *three, "--out", three[0] / "reps")
    fails(
        3, "bundle part, which producer merge --out reps/ .* reads", "producer", "inspect", three[0]
    )


def change_shard(part, change):
    path = next(part.glob("*.safetensors"))
    tensors, document = load_tensors(path)
    document.pop("content_digest")
    change(tensors, document)
    save_tensors(path, tensors, document)
    reseal(part)


def lose_counterparts(part):
    part = part.with_name("3")  # which has all of test
    for path in part.glob("*.safetensors"):
        tensors, document = load_tensors(path)
        document.pop("content_digest")
        kept = {name: found for name, found in tensors.items() if "counterparts" not in name}
        save_tensors(path, kept, document)
    reseal(part)


def swap_rows(part):
    path = part / "individuals.csv"
    header, first, second, *rest = path.read_text().splitlines(keepends=True)
    path.write_text("".join([header, second, first, *rest]))
    reseal(part)


def list_outside(part):
    path = part / "individuals.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(
        "".join(lines[:1]) + lines[1].replace(",valid,0,0", ",valid,9,0") + "".join(lines[2:])
    )
    reseal(part)


def take_a_name(part):
    path = part / "individuals.csv"
    path.write_text(path.read_text().replace("valid-000000", "test-000003"))
    reseal(part)


def hold_another(part):
    shutil.copy(next(part.glob("*.safetensors")), part / "valid-00008.safetensors")
    reseal(part)


def flip_a_byte(part):
    path = next(part.glob("*.safetensors"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "pattern"),
    [
        (lambda part: change_shard(part, lambda _, doc: doc.update(shard=12)), "belongs elsewhere: shard is 12"),
        (lambda part: change_shard(part, lambda _, doc: doc.update(split="test")), "belongs elsewhere: split"),
        (lambda part: change_shard(part, lambda found, _: found["exact.radius"].neg_()), "contradicts itself"),
        (lambda part: change_shard(part, lambda found, _: found.pop("exact.radius")), "is missing"),
        (lose_counterparts, "no shard of test holds counterparts.Pale_Skin"),
        (swap_rows, "out of order"),
        (list_outside, "out of order"),
        (take_a_name, "the parts make no bundle: .*'test-000003' stands twice"),
        (hold_another, "is listed"),
        (flip_a_byte, "SHA-256 is"),
        (lambda part: (part / "individuals.csv").unlink(), "cannot be read"),
        (lambda part: (part / "part.json").write_text("{}"), "media type is None"),
        (lambda part: (part / "extra").write_text(""), "not listed"),
        (lambda part: reseal(part, shard=load_document(part).shard.model_copy(update={"index": 2})), "not those of"),
    ],
)  # fmt: skip
def test_a_part_that_is_not_what_it_says_is_refused(three, fails, tmp_path, damage, pattern):
    damage(three[0])
    out = tmp_path / "reps"
    fails(3, pattern, "producer", "merge", *three, "--out", out, nothing_at=out)


def test_two_parts_that_claim_a_share_with_other_bytes_are_refused(three, fails, tmp_path):
    twin = shutil.copytree(three[0], tmp_path / "twin")
    change_shard(twin, lambda found, _: found["exact.radius"].mul_(2))
    out = tmp_path / "reps"
    fails(
        3,
        "is part 1/3 as .* is, with other bytes",
        "producer",
        "merge",
        *three,
        twin,
        "--out",
        out,
        nothing_at=out,
    )


def test_a_part_says_what_it_is(whole):
    part = load_bundle_part(whole / "2")
    assert "2/3" in repr(part)
    assert [*part.shards] == [("valid", number) for number in (2, 3)]
