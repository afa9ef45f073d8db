"""Seeds that nobody chose, through the commands: commit, answer, draw, verify, and the ways around it."""

import json
import shutil
from types import SimpleNamespace

import pytest
from forge import restate

from shared_spec import load_bundle, load_certificate
from shared_spec.errors import ArtifactError
from shared_spec.trust.seeds import FREE_SEED, derive_committed_seed

pytestmark = pytest.mark.pipeline

VIEWS = ["--n0", "2000", "--n", "2000", "--tube-vertices", "5", "--shard-rows", "25"]


@pytest.fixture
def protocol(parties, run, fit_words):
    """The steps of a committed bundle and a committed certificate, one function each."""
    root = parties.spec.parent
    bundle, certificate = (root / f"{name}.commitment.sig.json" for name in ("reps", "certificate"))

    def commit_bundle(*further):
        return ["producer", "commit", "--spec", parties.spec, "--model", parties.model, "--data", parties.data,
                "--out", bundle, *VIEWS, *parties.issued("producer"), *further]  # fmt: skip

    def commit_certificate(*further, reps=parties.reps):
        return ["consumer", "commit", "--reps", reps, "--target", "Smiling", "--out", certificate,
                *parties.issued("consumer"), *further]  # fmt: skip

    def answer(commitment, *further):
        return [
            "regulator",
            "answer",
            commitment,
            *parties.issued("regulator"),
            "--answered",
            1,
            *further,
        ]

    def fit(*further):
        words = [parties.out / "reps" if word == parties.reps else word for word in fit_words(parties)]  # fmt: skip
        return [*words, "--commitment", bundle, *further]

    def certify(*further, reps=parties.reps):
        return ["consumer", "certify", "--reps", reps, "--target", "Smiling", "--out", parties.out / "certificate",
                "--commitment", certificate, *further]  # fmt: skip

    def verify(*further, reps=parties.reps):
        return ["consumer", "verify", parties.out / "certificate", "--reps", reps, *further]

    def done(*words):
        assert run(*words) == 0, words

    return SimpleNamespace(
        bundle=bundle, certificate=certificate, commit_bundle=commit_bundle, answer=answer, fit=fit, done=done,
        commit_certificate=commit_certificate, certify=certify, verify=verify, reps=parties.out / "reps",
        issued=parties.out / "certificate",
    )  # fmt: skip


def test_from_two_commitments_to_a_verified_chain(parties, protocol, run, capsys):
    trust = parties.trust()
    for words in (
        protocol.commit_bundle(),
        protocol.answer(protocol.bundle, "--trust", trust),
        protocol.fit(),
        protocol.commit_certificate(reps=protocol.reps),
        protocol.answer(protocol.certificate, "--trust", trust),
        protocol.certify(reps=protocol.reps),
        ["producer", "sign", protocol.reps, *parties.issued("producer")],
        ["consumer", "sign", protocol.issued, *parties.issued("consumer")],
    ):
        protocol.done(*words)
    for document in (
        load_bundle(protocol.reps).manifest,
        load_certificate(protocol.issued).document,
    ):
        committed = document.commitment
        beacon = json.loads(committed.answer.payload)["predicate"]["beacon"]
        assert document.seed == derive_committed_seed(committed.nonce, beacon)
    capsys.readouterr()
    assert run(*protocol.verify("--trust", trust, "--json", reps=protocol.reps)) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verified"]["seed"].startswith("follows from nonce and beacon")
    for link in found["chain"]:
        assert "beacon of regulator City Office, who had answered 1 of them" in link["found"]
        assert "not verified" not in link["found"]
    page = (protocol.issued / "report.html").read_text()
    assert "commitment of consumer Bank of X" in page
    assert FREE_SEED.split("'")[-1] not in page
    assert run(*protocol.verify(reps=protocol.reps)) == 0
    assert "its signatures are not verified" in capsys.readouterr().out


def test_the_same_commitment_gives_the_same_bytes_again(protocol, parties):
    """Nothing is left to choose: drawn twice, the bundle has one digest."""
    protocol.done(*protocol.commit_bundle())
    protocol.done(*protocol.answer(protocol.bundle))
    protocol.done(*protocol.fit())
    digest = load_bundle(protocol.reps).digest
    again = parties.out / "again"
    words = [again if word == protocol.reps else word for word in protocol.fit()]
    protocol.done(*words)
    assert load_bundle(again).digest == digest
    assert digest != load_bundle(parties.reps).digest


def test_an_export_keeps_its_commitment_too(protocol, parties, run, fails):
    protocol.done(*protocol.commit_bundle("--split", "test", "--view", "smoothing"))
    protocol.done(*protocol.answer(protocol.bundle))
    export = ["producer", "export", "--spec", parties.spec, "--model", parties.model, "--data", parties.data,
              "--cache", parties.cache, "--out", protocol.reps, "--commitment", protocol.bundle, *VIEWS]  # fmt: skip
    fails(2, "not what was committed to", *export, nothing_at=protocol.reps)
    assert run(*export, "--view", "smoothing") == 0
    assert load_bundle(protocol.reps).manifest.commitment is not None


@pytest.mark.parametrize("other", [["--tube-vertices", "4"], ["--every", "2"], ["--alpha", "0.02"]])
def test_a_bundle_of_other_settings_was_not_committed_to(protocol, parties, run, fails, other):
    protocol.done(*protocol.commit_bundle())
    fails(3, r"answer\.sig\.json: no such file", *protocol.fit(), nothing_at=protocol.reps)
    protocol.done(*protocol.answer(protocol.bundle))
    fails(2, "not what was committed to", *protocol.fit(*other), nothing_at=protocol.reps)


def test_a_commitment_is_to_an_encoder_that_is_there(protocol, parties, fails):
    protocol.done(*protocol.commit_bundle())
    protocol.done(*protocol.answer(protocol.bundle))
    words = protocol.fit()
    words[words.index(parties.model)] = parties.out / "model"
    fails(2, "--commitment is to an encoder, and there is none", *words, nothing_at=protocol.reps)


@pytest.fixture
def drawn(protocol, parties):
    """A committed bundle, so that tests may change it."""
    protocol.done(*protocol.commit_bundle("--view", "smoothing"))
    protocol.done(*protocol.answer(protocol.bundle))
    protocol.done(*protocol.fit("--view", "smoothing"))
    return protocol


def other_commitment(document):
    """A nonce that was never committed to."""
    document["commitment"]["nonce"] = "1f" * 32


def shop(document):
    """Another seed beside the old commitment."""
    document["seed"] = 7


def test_a_bundle_reveals_the_seed_that_it_was_drawn_with(drawn):
    manifest = drawn.reps / "manifest.json"
    original = manifest.read_bytes()
    for change, said in [
        (shop, "not drawn as committed"),
        (other_commitment, "not what was committed to"),
        (lambda d: d["splits"]["test"].update(every=2, individuals=20), "not what was committed to"),
        (lambda d: d["tool"].update(version="9"), "not what was committed to"),
        (lambda d: d["commitment"].update(commitment=d["commitment"]["answer"]), "about a beacon"),
    ]:  # fmt: skip
        restate(drawn.reps, change)
        with pytest.raises(ArtifactError, match=said):
            load_bundle(drawn.reps)
        manifest.write_bytes(original)
    load_bundle(drawn.reps)


def test_a_certificate_of_other_settings_was_not_committed_to(protocol, fails):
    protocol.done(*protocol.commit_certificate())
    protocol.done(*protocol.answer(protocol.certificate))
    for other in (
        "--noise 2",
        "--epochs 2",
        "--head mlp",
        "--view exact",
        "--radius randomized --samples 500",
    ):
        words = protocol.certify(*other.split())
        fails(2, "not what was committed to", *words, nothing_at=protocol.issued)


def test_settings_that_were_committed_to_in_vain_are_still_those(protocol, monkeypatch):
    """Earlier releases committed to samples where nothing is sampled."""
    monkeypatch.setattr("consumer.choices.require_no_sampling", lambda *_: None)
    protocol.done(*protocol.commit_certificate(), "--samples", "500")
    monkeypatch.undo()
    protocol.done(*protocol.answer(protocol.certificate))
    protocol.done(*protocol.certify("--samples", "500"))


def lie_about_the_head(document):
    """The head of other settings, passed off as the one that was committed to."""
    document["head"]["settings"]["epochs"] += 1


def test_a_certificate_reveals_the_seed_that_it_was_drawn_with(protocol, fails):
    for words in (
        protocol.commit_certificate(),
        protocol.answer(protocol.certificate),
        protocol.certify(),
        protocol.verify(),
    ):
        protocol.done(*words)
    document = protocol.issued / "certificate.json"
    original = document.read_bytes()
    for change, said in [
        (shop, "not drawn as committed"),
        (other_commitment, "not what was committed to"),
        (lie_about_the_head, "training: .* was committed to, .* was done"),
        (lambda d: d["commitment"]["settings"]["head"].update(epochs=2), "not what was committed to"),
        (lambda d: d["commitment"].update(settings={}), "not what was committed to"),
        (lambda d: d.update(commitment=None), "is not the page of this certificate"),
        (lambda d: d.update(bundle_seed="committed"), "bundle_seed is committed"),
    ]:  # fmt: skip
        restate(protocol.issued, change)
        fails(3, said, *protocol.verify())
        document.write_bytes(original)


def test_parts_are_drawn_with_the_seed_that_was_committed_to(parties, protocol, fails):
    for words in (
        protocol.commit_certificate(),
        protocol.answer(protocol.certificate),
        protocol.certify(),
    ):
        protocol.done(*words)
    once, parts = (
        protocol.issued.rename(parties.out / "once"),
        [parties.out / name for name in "12"],
    )
    for index, part in enumerate(parts, 1):
        protocol.done(*protocol.certify("--out", part, "--shard", f"{index}/2"))
    merge = ["consumer", "merge", *parts, "--reps", parties.reps, "--out", protocol.issued]
    protocol.done(*merge, "--salt", once / "salt.json")
    for path in once.iterdir():
        assert path.read_bytes() == (protocol.issued / path.name).read_bytes(), path.name
    protocol.done(*protocol.verify())
    shutil.rmtree(protocol.issued)
    for change, said in [
        (lambda d: d["plan"].update(seed=f"{7:064x}"), "not drawn as committed"),
        (lambda d: d["plan"]["commitment"]["settings"].update(split="x"), "commitment is"),
    ]:
        originals = [(part / "part.json").read_bytes() for part in parts]
        for part in parts:
            restate(part, change)
        fails(3, said, *merge, nothing_at=protocol.issued)
        for part, original in zip(parts, originals, strict=True):
            (part / "part.json").write_bytes(original)


def test_a_beacon_of_somebody_who_is_not_pinned_counts_for_nothing(parties, protocol, fails):
    stranger = parties.write_key(parties.spec.with_name("id_stranger"), parties.house.key_of("x"))
    protocol.done(*protocol.commit_certificate())
    words = protocol.answer(protocol.certificate)
    words[words.index("--key") + 1] = stranger
    protocol.done(*words)
    protocol.done(*protocol.certify())
    protocol.done(*protocol.verify())
    for role, artefact in (("producer", parties.reps), ("consumer", protocol.issued)):
        protocol.done(role, "sign", artefact, *parties.issued(role))
    verify = protocol.verify("--trust", parties.trust())
    fails(3, "certificate: beacon: signed by .* does not pin for regulator", *verify)


def test_who_answers_sees_whom_it_answers(parties, protocol, fails):
    protocol.done(*protocol.commit_certificate())
    revoked = parties.trust(pins={"consumer": {"revoked_at": "2026-01-01T00:00:00Z"}})
    fails(6, "was revoked", *protocol.answer(protocol.certificate, "--trust", revoked))
    protocol.done(*protocol.answer(protocol.certificate, "--trust", parties.trust()))
    fails(2, "a second beacon would be a choice", *protocol.answer(protocol.certificate))
