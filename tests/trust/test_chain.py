"""The chain from spec to certificate through the commands: who signed, what was compared, and what is left open."""

import base64
import csv
import html
import io
import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from forge import document_of, edit_file, edit_shard, restate

import consumer
import producer
import regulator
import shared_spec
from shared_spec.errors import SettingsError
from shared_spec.trust.seeds import FREE_SEED
from shared_spec.trust.verification import ORIGIN_NOT_VERIFIED

pytestmark = pytest.mark.pipeline


def chain_of(run, capsys, *words):
    capsys.readouterr()
    assert run(*words, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    return {link["kind"]: link for link in found["chain"]}, found["not_checked"]


def test_the_chain_says_who_issued_each_artefact(parties, run, capsys):
    parties.sign()
    parties.trust()
    links, left = chain_of(run, capsys, *parties.verify(*parties.with_spec))
    assert list(links) == ["spec", "bundle", "certificate"]
    for role, link in zip(("regulator", "producer", "consumer"), links.values(), strict=True):
        origin = link["origin"]
        assert (origin["role"], origin["issuer"], origin["serial"]) == (
            role,
            parties.identities[role],
            1,
        )
        assert origin["keys"] == [parties.house.keys[role].public.fingerprint]
        assert origin["valid_until"] == f"{parties.long}T00:00:00Z"
        assert abs(datetime.fromisoformat(origin["issued"]) - datetime.now(UTC)) < timedelta(hours=1)  # fmt: skip
    assert "epsilon" in links["spec"]["found"]
    assert all(FREE_SEED in links[kind]["found"] for kind in ("bundle", "certificate"))
    assert len(left) == 2, "the radii and the training"
    assert run(*parties.verify(*parties.with_spec)) == 0
    shown = capsys.readouterr().out.splitlines()
    (line,) = [each for each in shown if each.startswith(f"spec {parties.spec}: ")]
    assert "signed by regulator City Office (SHA256:" in line
    assert any(each.startswith("not checked: that the bundle's radii hold") for each in shown)


def test_without_a_trust_file_all_works_and_says_so(parties, run, capsys):
    parties.sign()
    words = parties.verify()
    links, left = chain_of(run, capsys, *words[: words.index("--trust")])
    assert list(links) == ["bundle", "certificate"]
    assert all(link["origin"] is None for link in links.values())
    assert any(each.startswith("the spec") for each in left)
    assert any("no trust file" in each for each in left)
    assert run(*words[: words.index("--trust")]) == 0
    assert ORIGIN_NOT_VERIFIED in capsys.readouterr().out
    page = html.unescape((parties.certificate / "report.html").read_text())
    assert ORIGIN_NOT_VERIFIED in page
    assert FREE_SEED in page


def test_a_trust_file_without_a_consumer_leaves_the_certificate_open(parties, run, capsys):
    parties.sign("regulator", "producer")
    parties.trust("regulator", "producer")
    links, left = chain_of(run, capsys, *parties.verify())
    assert links["certificate"]["origin"] is None
    assert any("pins no consumer" in each for each in left)


def forge_radii(reps, factor=0.001):
    def shrink(tensors, _):
        for name in list(tensors):
            if name.endswith((".radius", ".lower_bound", ".quantile", ".ball_radius", ".delta")):
                tensors[name] = tensors[name] * factor

    for shard in sorted(reps.glob("test-*.safetensors")):
        edit_shard(reps, shrink, shard.name)


def test_a_resealed_bundle_is_not_what_was_signed(parties, fails):
    parties.sign()
    trust = parties.trust()
    forge_radii(parties.reps)
    out = parties.out / "new"
    words = ["consumer", "certify", "--reps", parties.reps, "--target", "Smiling", "--out", out]
    fails(3, r"reps\.sig\.json: signs the bundle with digest", *words, "--trust", trust, nothing_at=out)  # fmt: skip


def scale_vectors(tensors, document):
    for name in list(tensors):
        if name.startswith("attribute."):
            tensors[name] = tensors[name] * 0.5
    for entry in document["attributes"]:
        entry["norm"] *= 0.5


def shrink_epsilon(document):
    """In a bundle of the exact view alone: the plan of the smoothing view would show it."""
    document["spec"]["epsilon"] = 0.1
    del document["views"]["smoothing"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: edit_file(p.spec, scale_vectors), "spec's digest is"),
        (lambda p: restate(p.reps, shrink_epsilon), "spec's epsilon is 0.1"),
        (lambda p: restate(p.reps, lambda d: d["spec"].update(attributes=["Male"])), "spec's attributes is"),
    ],
)  # fmt: skip
def test_a_spec_that_is_not_the_one_is_found(parties, fails, change, said):
    """No signature needed: bundle and spec contradict each other."""
    change(parties)
    words = ["consumer", "verify", parties.certificate, "--reps", parties.reps, *parties.with_spec]
    fails(3, said, *words)


@pytest.mark.parametrize(
    ("code", "said", "pins", "fields"),
    [
        (6, "was revoked at", {"producer": {"revoked_at": "2026-01-01T00:00:00Z"}}, {}),
        (6, "was valid until", {"producer": {"valid_until": "2026-01-01T00:00:00Z"}}, {}),
        (6, "no longer used", {"producer": {"retired_at": "2026-01-01T00:00:00Z"}}, {}),
        (3, "serial 1 is older than 2", {}, {"minimum_serial": 2}),
        (2, "is never reached", {}, {"threshold": 2}),
    ],
)
@pytest.mark.parametrize("verb", ["verify", "certify", "predict"])
def test_a_signature_that_does_not_count_has_its_exit_code(
    parties, fails, verb, code, said, pins, fields
):
    parties.sign()
    trust, out = parties.trust(pins=pins, **fields), parties.out / "new"
    words = {
        "verify": parties.verify(),
        "certify": ["consumer", "certify", "--reps", parties.reps, "--target", "Smiling", "--out", out,
                    "--trust", trust],
        "predict": ["consumer", "predict", "--reps", parties.reps, "--head", parties.certificate, "--out", out,
                    "--trust", trust],
    }[verb]  # fmt: skip
    fails(code, said, *words, nothing_at=out)


def test_the_producer_asks_who_issued_the_spec(parties, run, fails, fit_words, capsys):
    out, trust = parties.out / "reps", parties.trust()
    words = [out if word == parties.reps else word for word in fit_words(parties)]
    export = ["producer", "export", "--spec", parties.spec, "--model", parties.model, "--data", parties.data,
              "--view", "exact", "--cache", parties.cache, "--out", out]  # fmt: skip
    for command in (words, export):
        fails(3, r"spec\.safetensors\.sig\.json: no such file", *command, "--trust", trust, nothing_at=out)  # fmt: skip
    parties.sign("regulator")
    revoked = parties.trust(pins={"regulator": {"revoked_at": "2026-01-01T00:00:00Z"}})
    for command in (words, export):
        fails(6, "was revoked", *command, "--trust", revoked, nothing_at=out)
    trust = parties.trust()
    capsys.readouterr()
    assert run(*export, "--trust", trust) == 0
    assert "signed by regulator City Office" in capsys.readouterr().err
    assert run(*export, "--force") == 0
    assert ORIGIN_NOT_VERIFIED in capsys.readouterr().err


def test_a_spec_in_memory_has_no_signature_beside_it(parties):
    loaded = shared_spec.load_spec(parties.spec)
    with pytest.raises(SettingsError, match="`trust` needs the path of the spec"):
        producer.export(
            loaded, parties.model, parties.data, parties.out, cache=parties.cache, trust=parties.trust()
        )  # fmt: skip


def test_the_certificate_says_who_had_signed_the_bundle(parties, run, fails, capsys):
    parties.sign("producer")
    trust, out = parties.trust("producer"), parties.out / "certificate"
    words = ["consumer", "certify", "--reps", parties.reps, "--target", "Smiling", "--out", out]
    capsys.readouterr()
    assert run(*words, "--trust", trust, "--json") == 0
    origin = json.loads(capsys.readouterr().out)["origin"]
    assert "signed by producer Acme Data" in origin
    assert f"{origin}</bdi>, as the consumer found" in (out / "report.html").read_text()
    verify = ["consumer", "verify", out, "--reps", parties.reps]
    _, left = chain_of(run, capsys, *verify)
    assert any("signed as the certificate says" in each for each in left)
    _, left = chain_of(run, capsys, *verify, "--trust", trust)
    assert not any("signed as the certificate says" in each for each in left)
    quoted = document_of(out)["origin"]
    for change, said in (
        (
            {"issuer": "Somebody Else"},
            "says that producer Somebody Else signed the bundle; producer Acme Data did",
        ),
        ({"role": "auditor"}, "says that auditor Acme Data signed the bundle"),
        ({"serial": 999}, "serial 999 of .*, that is no earlier one"),
        ({"valid_until": "2099-01-01T00:00:00Z"}, "that is no earlier one"),
    ):
        restate(out, lambda document, change=change: document.update(origin=quoted | change))
        fails(3, said, *verify, "--trust", trust)
    earlier = quoted | {"issued": "2020-01-01T00:00:00Z"}
    restate(out, lambda document: document.update(origin=earlier))
    fails(3, "is not the page of this certificate", *verify, "--trust", trust)
    restate(out, lambda document: document.update(origin=quoted))
    restate(out, lambda document: document.update(origin=None))
    fails(3, "is not the page of this certificate", *verify)


def test_predictions_say_whose_bundle_they_are_about(parties, run):
    parties.sign("producer")
    out = parties.out / "predictions.csv"
    found = consumer.predict(
        parties.reps, parties.certificate, out, trust=parties.trust("producer")
    )
    assert "signed by producer Acme Data" in repr(found)
    found = consumer.predict(parties.reps, parties.certificate, out, force=True)
    assert found.origin is None
    assert ORIGIN_NOT_VERIFIED in repr(found)
    assert list(csv.DictReader(io.StringIO(out.read_text())))


def test_each_party_signs_what_it_issues_and_nothing_else(parties, fails):
    fails(3, "audit.json", "regulator", "sign", parties.reps, *parties.issued("regulator"))
    others = {"producer": parties.spec, "consumer": parties.spec}
    for role, other in others.items():
        fails(2, "which the command can sign", role, "sign", other, *parties.issued(role))
    fails(3, "manifest.json", "producer", "sign", parties.certificate, *parties.issued("producer"))
    fails(3, "no such artefact", "producer", "sign", parties.out, *parties.issued("producer"))


def test_a_broken_artefact_is_not_signed(parties, fails):
    shard = parties.reps / "test-00000.safetensors"
    content = shard.read_bytes()
    shard.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    fails(3, "test-00000", "producer", "sign", parties.reps, *parties.issued("producer"),
          nothing_at=parties.reps.with_name("reps.sig.json"))  # fmt: skip


@pytest.mark.parametrize("left_out", ["--issuer", "--serial", "--expires", "--key"])
def test_a_statement_needs_all_of_its_fields(parties, fails, left_out):
    words = list(map(str, parties.issued("producer")))
    at = words.index(left_out)
    fails(2, left_out, "producer", "sign", parties.reps, *words[:at], *words[at + 2 :])


def test_two_keys_reach_a_threshold(parties, run, fails):
    house = parties.house
    second = house.key_of("second")
    pins = [house.pin(key, valid_from="2000-01-01T00:00:00Z", valid_until="2999-01-01T00:00:00Z")
            for key in (house.keys["producer"], second)]  # fmt: skip
    path = parties.spec.with_name("trust.toml")
    path.write_text(house.role_text("producer", pins, threshold=2))
    parties.sign("producer")
    fails(3, "signed by 1 of the keys of Acme Data, expected 2", *parties.verify())
    other = parties.write_key(parties.spec.with_name("id_second"), second)
    words = ["producer", "sign", parties.reps, *parties.issued("producer")]
    words[words.index("--key") + 1] = other
    assert run(*words) == 0
    assert run(*parties.verify()) == 0
    fails(2, "signs another statement", *words[:-1], "2991-01-01")


def test_a_key_with_a_passphrase_is_one_line_where_nobody_can_be_asked(parties, fails):
    pytest.importorskip("bcrypt")
    content = parties.house.keys["producer"].private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.BestAvailableEncryption(b"secret"),
    )
    parties.keys["producer"].write_bytes(content)
    words = ["producer", "sign", parties.reps, *parties.issued("producer")]
    fails(2, "put it into LASSI_KEY_PASSPHRASE", *words)


def test_the_verbs_are_functions(parties, capsys):
    issuance = shared_spec.Issuance(issuer="City Office", serial=1, expires=parties.long)
    signed = regulator.sign(parties.spec, parties.keys["regulator"], issuance)
    assert repr(signed).startswith(f"Signed({parties.spec}.sig.json: spec by City Office; SHA256:")
    again = shared_spec.sign(parties.spec, parties.keys["regulator"], issuance, kinds=["spec"])
    assert again.statement == signed.statement
    issuance = issuance.model_copy(update={"issuer": "Acme Data"})
    producer.sign(parties.reps, parties.keys["producer"], issuance)
    trust = shared_spec.load_trust(parties.trust("regulator", "producer"))
    found = consumer.verify(parties.certificate, parties.reps, spec=parties.spec, trust=trust)
    assert "spec signed by regulator City Office" in repr(found)
    assert capsys.readouterr().out == ""


def test_an_audit_is_a_link_that_its_auditor_signs(parties, tiny, run, capsys, fails, tmp_path):
    tmp_path = tmp_path / "audited"
    tmp_path.mkdir()
    audit, certificate = tmp_path / "audit", tmp_path / "certificate"
    producer.audit(
        tiny.reps,
        tiny.spec,
        tiny.model,
        tiny.data,
        audit,
        settings=producer.AuditSettings(sample=5),
    )
    consumer.certify(tiny.reps, "Smiling", certificate, audit=audit)
    words = ["consumer", "verify", certificate, "--reps", tiny.reps]
    links, left = chain_of(run, capsys, *words, "--audit", audit)
    assert links["audit"]["origin"] is None
    assert "5 of 40 checked" in links["audit"]["found"]
    assert not any("bundle's radii hold" in each for each in left)
    key = parties.house.keys["auditor"]
    trust = tmp_path / "trust.toml"
    pinned = [
        parties.house.role_text("producer", [parties.house.pin(parties.house.keys["producer"])]),
        parties.house.role_text("auditor", [parties.house.pin(key)]),
    ]
    trust.write_text("".join(pinned))
    shutil.copytree(tiny.reps, tmp_path / "reps")
    producer.sign(
        tmp_path / "reps", parties.house.keys["producer"], parties.house.issuance("producer")
    )
    words = [
        "consumer",
        "verify",
        certificate,
        "--reps",
        tmp_path / "reps",
        "--audit",
        audit,
        "--trust",
        trust,
    ]
    fails(3, "audit.sig.json", *words)
    regulator.sign(audit, key, parties.house.issuance("auditor"))
    links, _ = chain_of(run, capsys, *words)
    assert links["audit"]["origin"]["issuer"] == "Proof & Sons"
    signed = json.loads(
        base64.b64decode(json.loads((tmp_path / "audit.sig.json").read_text())["payload"])
    )
    assert set(signed["predicate"]["parents"]) == {"spec", "bundle", "encoder", "data"}


def test_the_next_command_verifies_with_what_was_given(parties, run, capsys, tmp_path):
    parties.sign("producer")
    out, trust = tmp_path / "c", parties.trust("producer")
    words = ["--reps", parties.reps, "--target", "Smiling", "--trust", trust, "--out", out]
    assert run("consumer", "certify", *words) == 0
    assert f"consumer verify {out} --reps {parties.reps} --trust {trust}" in capsys.readouterr().out


def test_a_document_that_was_renamed_keeps_its_signature(parties, run, fails, tmp_path):
    parties.sign("consumer")
    person = (parties.certificate / "individuals.csv").read_text().splitlines()[1].split(",")[0]
    receipt, alone = tmp_path / "receipt.json", tmp_path / "sent" / "Certificate Bank.json"
    words = ["--individual", person, "--out", receipt]
    assert run("consumer", "receipt", parties.certificate, *words) == 0
    alone.parent.mkdir()
    shutil.copy(parties.certificate / "certificate.json", alone)
    words = [
        "verify-receipt",
        receipt,
        "--certificate",
        alone,
        "--trust",
        parties.trust("consumer"),
    ]
    fails(3, "sent.sig.json: no such file; ask whoever signed", "consumer", *words)
    shutil.copy(parties.certificate.with_name("certificate.sig.json"), alone.parent)
    assert run("consumer", *words) == 0
