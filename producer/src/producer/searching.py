"""`producer.search`: which adversarial weight, how much to forget and which noise, tried on validation data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from producer.batches import LabelledLatents
from producer.fitted import Fitting, plan_fitting
from producer.job import open_job
from producer.pictures import draw_search
from producer.plans import validation_step
from producer.rehearsal import (
    Score,
    choose_score,
    enough_epochs,
    pareto_front,
    score_heads,
    train_linear_heads,
)
from producer.settings import BoundSettings, SearchSettings, TrainingSettings
from producer.views.registry import AnyView, choose_views, view_entries
from shared_spec.artifacts.atomic import refuse_existing, write_atomically
from shared_spec.artifacts.kinds import PICTURE, SEARCH
from shared_spec.artifacts.spec import Spec
from shared_spec.chains import own_latents
from shared_spec.class_weights import loss_weights, measured_accuracy
from shared_spec.data.source import Source
from shared_spec.device import to_host
from shared_spec.errors import SettingsError
from shared_spec.progress import Report, onward, silent, stage
from shared_spec.relu_network import ReluNetwork
from shared_spec.rng import torch_generator
from shared_spec.seeds import Seed
from shared_spec.settings import Settings, spelled
from shared_spec.terms import EncoderMethod

__all__ = ["SearchResult", "search"]

_BLOCK = 4096


@dataclass(frozen=True)
class SearchResult:
    """What was tried, and what came of it; all but `out` is in search.json.

    Attributes:
        out: folder of search.json, pareto.png and the encoders.
        spec_digest: of the spec.
        target: the task that was rehearsed.
        split: whose individuals were judged.
        seed: of the search.
        give_up: accuracy that could be given up for certificates.
        measure: `balanced accuracy` where classes were weighed alike, else `accuracy`: of every score.
        scores: per number of directions forgotten, weight, view and noise level, in this order.
        chosen: the best of the first view's, which is the paper's where it was bounded.
    """

    out: Path
    spec_digest: str
    target: str
    split: str = field(default="valid", init=False)
    seed: Seed
    give_up: float
    measure: str
    scores: tuple[Score, ...]
    chosen: Score

    def __repr__(self) -> str:
        best = self.chosen
        return (
            f"SearchResult({self.out}: {self.target}; lambda_2 = {best.lambda_2:g}, {best.forget} forgotten and noise "
            f"{best.sigma_rs:g} of {len(self.scores)} scores; {self.measure} {best.accuracy:.3f}, certified "
            f"{best.certified:.3f} in {best.view})"
        )

    @property
    def heading(self) -> str:
        """What tables and pictures of it show."""
        return f"{self.target}: {self.measure} and certified fairness on validation individuals"

    @property
    def front(self) -> tuple[Score, ...]:
        """The Pareto front of each view."""
        views = dict.fromkeys(score.view for score in self.scores)
        parts = [[score for score in self.scores if score.view == view] for view in views]
        return tuple(score for part in parts for score in pareto_front(part))

    @property
    def encoder(self) -> Path:
        """Folder of the chosen encoder, from which `fit` can go on."""
        return _encoder_folder(self.out, self.chosen.lambda_2, self.chosen.forget)

    def save(self) -> None:
        """Writes search.json and pareto.png."""
        document = {name: value for name, value in asdict(self).items() if name != "out"}
        picture = draw_search(self.scores, self.chosen, self.heading, self.measure)
        write_atomically(_picture(self.out), picture)
        write_atomically(_document(self.out), json.dumps(document, indent=2).encode())


def search(
    spec: Path | str | Spec,
    data: str | Source,
    out: Path | str,
    *,
    target: str,
    training: TrainingSettings | None = None,
    tried: SearchSettings | None = None,
    bound: BoundSettings | None = None,
    views: Sequence[Settings] = (),
    cache: Path | str | None = None,
    seed: Seed = 0,
    device: str = "cpu",
    force: bool = False,
    report: Report = silent,
) -> SearchResult:
    """Tries adversarial weights, directions to forget and noise levels on validation data, and never on test data.

    Trains an encoder per weight and number of directions, and a linear head per noise level. What is found is an
    estimate that guides a choice, never a certificate. The encoders stay in `out`; `fit` takes the chosen one without
    training it again.

    Args:
        spec: the regulator's spec.
        data: individuals with their labels.
        out: folder to write.
        target: the task that is rehearsed.
        training: of every encoder; its `lambda_2`, `forget` and `method` follow from what is tried.
        tried: the grid, and how the choice is made.
        bound: in which views, and whom of the validation individuals.
        views: settings of those views; tubes would be computed for nothing.
        cache: folder of the latent cache; `$LASSI_CACHE` or `~/.cache/lassi` unless given.
        seed: every draw derives from it.
        device: `cpu` or `cuda[:N]`, what encodes, trains the encoders and computes the bounds.
        force: replace what stands at `out`.
        report: told how it goes.

    Raises:
        SettingsError: settings that are impossible or could only abstain, or a search or encoder that stands there.
        ArtifactError, DataError: spec or data are not what they should be.
    """
    out, tried, bound = Path(out), tried or SearchSettings(), bound or BoundSettings()
    bounding = choose_views(bound.view, views)
    if training is not None and training.forget:
        raise SettingsError(
            f"`training.forget` is {training.forget}: a search tries the numbers that its own `forget` names"
        )
    refuse_existing(_document(out), force, kind=SEARCH, inputs=(spec,))
    refuse_existing(_picture(out), force, kind=PICTURE, inputs=(spec,))
    with open_job(
        spec, data, cache=cache, seed=seed, device=device, force=force, report=report
    ) as job:
        view_entries(bounding, job.spec.similarity, ())
        fittings = [
            plan_fitting(
                job, _encoder_folder(out, weight, count), [target], _with(training, weight, count)
            )
            for count, weight in product(sorted(set(tried.forget)), sorted(set(tried.lambda_2)))
        ]
        job.workers.wait()
        latents = job.latents("train")
        to_train = [f.document.training for f in fittings if f.found is None]
        if job.workers.first and to_train:
            # Fewer directions are the first of more: found with the most, they are found once for all.
            job.basis(latents, max(to_train, key=lambda settings: settings.forget))
        scores = [s for f in fittings for s in _rehearse(f, bounding, bound.every, tried.noise)]
        best = choose_score([s for s in scores if s.view == scores[0].view], tried.give_up)
        result = SearchResult(
            out,
            job.spec.digest,
            target,
            seed,
            tried.give_up,
            measured_accuracy((training or TrainingSettings()).class_weights),
            tuple(scores),
            best,
        )
        if job.workers.first:
            result.save()
        return result


def _document(out: Path) -> Path:
    return out / "search.json"


def _picture(out: Path) -> Path:
    return out / "pareto.png"


def _encoder_folder(out: Path, weight: float, count: int) -> Path:
    forgotten = f"-forget-{count}" if count else ""
    return out / f"lambda_2-{spelled(weight)}{forgotten}"


def _with(training: TrainingSettings | None, weight: float, count: int) -> TrainingSettings:
    without = EncoderMethod.PROJECT if count else EncoderMethod.NAIVE
    method = EncoderMethod.LASSI if weight else without
    changes = {"lambda_2": weight, "forget": count, "method": method}
    return (training or TrainingSettings()).model_copy(update=changes)


def _rehearse(
    fitting: Fitting, views: Sequence[AnyView], every: int, noise: Sequence[float]
) -> list[Score]:
    """The scores of one encoder, at every noise level in every view."""
    job = fitting.job
    (target,), made = fitting.document.targets, fitting.document.training
    step = validation_step(job, every)
    folded = fitting.model().folded.to(job.device)
    train, valid = fitting.data("train"), fitting.data("valid")
    classes = len(job.source.check_column(target))
    weights = loss_weights(made.class_weights, train.labels[target], classes)
    heads = train_linear_heads(
        _represent(folded, train), train.labels[target], classes, noise,
        torch_generator(job.seed, "producer.rehearsal"),
        epochs=enough_epochs(len(train.latents)), class_weights=weights,
    )  # fmt: skip
    latents = torch.from_numpy(np.array(valid.latents[::step])).clone()
    codes = valid.labels[target][::step]
    ids = list(job.source.sample_ids("valid"))[::step]
    advance = stage(job.report, "bounding validation individuals", len(ids) * len(views))
    found = []
    for number, view in enumerate(views):
        counted = onward(advance, number * len(ids), view.name)
        bounds = view.bound(folded, latents, ids, job.spec.similarity, job.seed, counted)
        # The certified model takes its decision at the centre, or at R(z).
        points = bounds.representation
        if view.contract.decides_at_centre:
            points = bounds.centre
        elif points is None:
            points = to_host(folded(own_latents(latents)).float())
        marks = score_heads(heads, points, bounds, codes, weights is not None)
        found += [
            Score(made.lambda_2, made.forget, sigma, view.name, *mark)
            for sigma, mark in zip(noise, marks, strict=True)
        ]
    return found


def _represent(folded: ReluNetwork, data: LabelledLatents) -> Tensor:
    rows = range(0, len(data.latents), _BLOCK)
    latents = own_latents(data.latents)
    blocks = (torch.from_numpy(np.array(latents[row : row + _BLOCK])) for row in rows)
    return torch.cat([to_host(folded(block).to(torch.float32)) for block in blocks])
