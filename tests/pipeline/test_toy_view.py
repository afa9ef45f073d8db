"""A view that nobody has built in: registering it is all that fit, export, certify, verify and the report need."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import consumer
import producer
from producer.views.registry import VIEW_TYPES, register
from producer.views.view import View, ViewBounds
from shared_spec import load_bundle, load_spec
from shared_spec.artifacts.bundle_documents import ViewEntry
from shared_spec.data import open_source
from shared_spec.errors import SettingsError
from shared_spec.latents import encode_split
from shared_spec.settings import Settings, setting
from shared_spec.statements import words_of
from shared_spec.terms import BoundStatus, Statement
from shared_spec.views import VIEWS, TensorForm, ViewContract, register_view

pytestmark = pytest.mark.pipeline


class LipschitzSettings(Settings):
    group = "Lipschitz view"

    slack: float = setting(1e-6, "How much larger a radius is made, relatively.", gt=0, le=0.5)


class LipschitzView(View[LipschitzSettings]):
    """Statement X: nobody is further from R(z) than the product of the layers' norms times the longest way in S(x)."""

    contract = ViewContract(
        "lipschitz", "R", decides_at_centre=False, further={"norm": TensorForm(("n", "m"), "F64")}
    )
    settings_type = LipschitzSettings
    cost = 0

    def entry(self, similarity, splits):
        if self.settings.slack > 0.4:
            raise SettingsError("`slack` above 0.4 certifies nobody: expected at most 0.4")
        return ViewEntry(
            statement=Statement.X, sentence=words_of(Statement.X).sentence, alpha={},
            settings=self.settings.model_dump(), splits=tuple(splits),
        )  # fmt: skip

    def bound(
        self, encoder, latents, sample_ids, similarity, seed, advance=lambda done, word: None
    ):
        norms = [torch.linalg.matrix_norm(weight, 2) for weight in encoder.weights]
        way = similarity.epsilon * torch.linalg.matrix_norm(similarity.vectors.double(), 2)
        exact = encoder(latents)
        centre = exact.float()
        reach = way * torch.stack(norms).prod() + (exact - centre.double()).norm(dim=1)
        n = len(sample_ids)
        advance(n, "")
        return ViewBounds(
            centre=centre,
            radius=reach * (1 + self.settings.slack),
            status=torch.full((n,), BoundStatus.BOUNDED, dtype=torch.uint8),
            further={"norm": torch.stack(norms).expand(n, -1)},
        )


@pytest.fixture
def lipschitz():
    """The view's name, while it is registered on both sides."""
    register_view(LipschitzView.contract)
    register(LipschitzView)
    yield LipschitzView.contract.name
    del VIEW_TYPES["lipschitz"], VIEWS["lipschitz"]


def exported(tiny, folder, *views):
    export = producer.ExportSettings(view=views, shard_rows=16)
    return producer.export(
        tiny.spec, tiny.model, tiny.data, folder / "reps", export=export, cache=tiny.cache
    )


def test_export_writes_its_bounds_and_they_hold(tiny, lipschitz, tmp_path):
    bundle = exported(tiny, tmp_path, lipschitz)
    assert set(bundle.manifest.views) == {"lipschitz"}
    assert bundle.manifest.views["lipschitz"].settings == {"slack": 1e-6}
    found = bundle.gather("test", ["lipschitz.centre", "lipschitz.radius", "lipschitz.norm"])
    assert found["lipschitz.norm"].shape == (40, 3)
    spec, encoder = load_spec(tiny.spec), producer.load_encoder(tiny.model).folded
    source = open_source(tiny.data, spec.flow.config.size)
    latents = np.array(encode_split(spec.flow, source, "test", cache=tiny.cache))
    t = torch.linspace(-1, 1, 101, dtype=torch.float64)[:, None] * spec.similarity.epsilon
    moved = encoder(spec.similarity.points(torch.from_numpy(latents)[:, None], t))
    distance = (moved - found["lipschitz.centre"].double()[:, None]).norm(dim=2).amax(1)
    assert (distance <= found["lipschitz.radius"]).all()
    assert (distance > 0).all()


def test_it_stands_beside_the_views_that_are_built_in(tiny, lipschitz, tmp_path):
    bundle = producer.fit(
        tiny.spec, tiny.data, tmp_path / "reps", model=tiny.model, targets=["Smiling"], cache=tiny.cache,
        training=producer.load_encoder(tiny.model).document.training,
        export=producer.ExportSettings(view=("exact", lipschitz), shard_rows=25),
        views=[LipschitzSettings(slack=0.1), producer.ExactSettings(tube_vertices=5)],
    )  # fmt: skip
    splits = {name: entry.splits for name, entry in bundle.manifest.views.items()}
    assert splits == {"exact": ("test",), "lipschitz": ("valid", "test")}, (
        "validation is the cheapest's"
    )
    both = bundle.gather("test", ["exact.radius", "lipschitz.radius"])
    assert (both["lipschitz.radius"] >= both["exact.radius"]).all()
    alone = load_bundle(tiny.reps).gather("test", ["exact.radius"])
    assert torch.equal(both["exact.radius"], alone["exact.radius"]), "the views disturb each other"


def test_certify_verify_and_the_report_read_it(tiny, lipschitz, tmp_path):
    bundle = producer.export(
        tiny.spec, tiny.model, tiny.data, tmp_path / "reps", splits=("train", "valid", "test"), cache=tiny.cache,
        export=producer.ExportSettings(view=(lipschitz,)),
    )  # fmt: skip
    certificate = consumer.certify(bundle, "Smiling", tmp_path / "certificate")
    claim = certificate.document.claims["lipschitz"]
    assert (claim.certified_model, claim.statement, claim.individuals) == ("C∘R∘E", Statement.X, 40)
    assert claim.alpha_per_individual == 0
    checked = consumer.verify(certificate.path, bundle)
    assert any("lipschitz" in check.subject for check in checked.checks)
    assert "lipschitz" in (certificate.path / "report.html").read_text()


def test_what_could_only_abstain_is_refused_by_the_view_itself(tiny, lipschitz, tmp_path):
    with pytest.raises(SettingsError, match="slack"):
        producer.export(
            tiny.spec, tiny.model, tiny.data, tmp_path / "reps", cache=tiny.cache,
            export=producer.ExportSettings(view=(lipschitz,)), views=[LipschitzSettings(slack=0.45)],
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_names_are_taken_once(lipschitz):
    class Impostor(LipschitzView):
        contract = replace(LipschitzView.contract, encoder="R̂")

    with pytest.raises(SettingsError, match="registered already"):
        register(Impostor)
    with pytest.raises(SettingsError, match="registered already"):
        register_view(Impostor.contract)


def test_an_unknown_view_is_refused_naming_those_that_there_are(tiny, tmp_path):
    with pytest.raises(SettingsError, match="'lipschitz': expected some of smoothing, exact"):
        exported(tiny, tmp_path, "lipschitz")
