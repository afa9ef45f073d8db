"""What decides people tells how many are decided: a few at a time where each takes long, in every view and method."""

import pytest

import consumer
from consumer import claims
from consumer.settings import HeadSettings

pytestmark = pytest.mark.pipeline


def counts_of(told, stage):
    found = [progress for progress in told if progress.stage == stage]
    assert {progress.total for progress in found} == {found[0].total}
    return [progress.done for progress in found], found[0].total


def test_whom_it_takes_together_changes_nothing_but_how_often_it_tells(tiny, tmp_path, monkeypatch):
    issued, again, predicted = [], [], []
    head = HeadSettings(head="mlp", hidden=(8,), noise=0.25)
    certificate = consumer.certify(
        tiny.reps, "Smiling", tmp_path / "out", head=head, report=issued.append
    )
    monkeypatch.setattr(claims, "_TOGETHER", 7)
    consumer.verify(certificate, tiny.reps, report=again.append)
    out = tmp_path / "predictions.csv"
    found = consumer.predict(tiny.reps, certificate, out, report=predicted.append)
    for view, claim in certificate.document.claims.items():
        assert found.counts[view] == claim.counts
    for told, stage in [(issued, "deciding"), (again, "deciding again"), (predicted, "deciding")]:
        done, total = counts_of(told, stage)
        assert done == sorted(done)
        assert (done[0], done[-1]) == (0, total)
        if told is not issued:
            assert len(set(done)) > 2 * total // 7, "seven are decided at a time, in two views"
