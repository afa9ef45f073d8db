"""An encoder in a folder, made by these settings and no others: the one that is there, or one trained now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from producer.attack import grid_side
from producer.batches import LabelledLatents
from producer.components import linear_encoder, require_components
from producer.curves import EpochCurve
from producer.encoder import EncoderConfig
from producer.identity import refuse_other
from producer.job import Job
from producer.model import EncoderDocument, Model, load_encoder, model_path, save_encoder
from producer.settings import TrainingSettings
from producer.training import train_encoder
from shared_spec.artifacts.atomic import refuse_existing, require_writable
from shared_spec.artifacts.document import this_tool
from shared_spec.artifacts.kinds import ENCODER
from shared_spec.chains import along_vectors, own_latents
from shared_spec.class_weights import loss_weights
from shared_spec.errors import SettingsError
from shared_spec.progress import remark
from shared_spec.rounding import TERMS

__all__ = ["Fitting", "plan_fitting"]


@dataclass(frozen=True)
class Fitting:
    """One encoder to have, decided and checked before anything is computed.

    Attributes:
        job: see there.
        folder: where it is, or will be.
        document: what it says of itself; of one that is to be trained, all but curves and digest.
        found: the one that is there.
        codes: class codes of the targets for `train` and `valid`.
    """

    job: Job
    folder: Path
    document: EncoderDocument
    found: Model | None
    codes: Mapping[str, Mapping[str, Tensor]]

    def model(self) -> Model:
        """The encoder that is there, or one that the first process trains now."""
        job = self.job
        if self.found is not None:
            remark(
                job.report, f"using the encoder in {self.folder}, trained before with the same settings"
            )  # fmt: skip
            return self.found
        if self.document.training.encoder == "linear":
            latents = job.latents("train")
            if job.workers.first:
                basis = job.basis(latents, self.document.training)
                config = self.document.encoder
                made = linear_encoder(config, own_latents(latents), basis, job.seed, job.report)
                save_encoder(self.folder, self.document, made)
            job.workers.wait()
            return load_encoder(self.folder)
        data = {split: self.data(split) for split in ("train", "valid")}
        if job.workers.first:
            basis = job.basis(data["train"].latents, self.document.training)
            trained = train_encoder(
                data["train"], job.spec.similarity, self.document.training, job.seed,
                validation=data["valid"], basis=basis, device=job.device, report=job.report,
            )  # fmt: skip
            for curve in trained.curves:
                remark(job.report, _words(curve))
            found = {"curves": trained.curves, "chosen_epoch": trained.chosen_epoch}
            save_encoder(self.folder, self.document.model_copy(update=found), trained.encoder)
        job.workers.wait()
        return load_encoder(self.folder)

    def data(self, split: str) -> LabelledLatents:
        """The individuals of `train` or `valid` with their targets, encoded where they were not."""
        return LabelledLatents(self.job.latents(split), self.codes[split])


def plan_fitting(
    job: Job, folder: Path | str, targets: Sequence[str], settings: TrainingSettings
) -> Fitting:
    """The encoder of these settings.

    Raises:
        SettingsError: settings that do not fit together, or another encoder in `folder` that may not be replaced.
        LassiError: nothing can be written there.
        DataError: a target that is unknown, constant or, with balanced class weights, has a class of nobody in train.
    """
    settings = settings.resolved()
    if settings.lambda_1 > 0 and not targets:
        raise SettingsError(
            "no `target`: name one, or set `lambda_1` to 0 and `lambda_3` to 0.1 to train without"
        )
    if settings.attack == "grid":
        vectors = along_vectors(job.spec.similarity, "`attack` grid")
        grid_side(settings.attack_points, vectors.k)
    folder, codes = Path(folder), job.codes(targets)
    for target in targets:
        classes = len(job.source.check_column(target))
        loss_weights(settings.class_weights, codes["train"][target], classes)
    config = EncoderConfig.of(settings, job.spec.similarity)
    neurons = sum(config.widths[1:])
    if neurons > TERMS:
        raise SettingsError(
            f"`hidden` and `dimension` make {neurons} neurons, expected at most {TERMS}, for which rounding is "
            "bounded; take fewer"
        )
    document = EncoderDocument(
        spec_digest=job.spec.digest,
        data=job.data,
        encoder=config,
        method=settings.method,
        targets=tuple(codes["train"]),
        training=settings,
        tool=this_tool("lassi-producer"),
        seed=job.seed,
    )
    place = model_path(folder)
    require_writable(place)
    if job.force:
        refuse_existing(place, force=True, kind=ENCODER)
    if settings.encoder == "linear":
        n, shape = len(job.source.sample_ids("train")), document.encoder
        require_components(shape.output_dim, n, shape.input_dim, shape.projected + settings.forget)
    if job.force or not place.exists():
        return Fitting(job, folder, document, None, codes)
    found = load_encoder(folder)
    may_differ = ("curves", "chosen_epoch", "tool", "content_digest")
    refuse_other(folder, "trained", found.document, document, may_differ)
    return Fitting(job, folder, found.document, found, codes)


def _words(curve: EpochCurve) -> str:
    held_out = curve.validation
    scores = [] if held_out is None else held_out.accuracy.items()
    accuracies = ", ".join(f"{name} {value:.3f}" for name, value in scores) or "none"
    return (
        f"epoch {curve.epoch}: validation accuracy {accuracies}, "
        f"mean adversarial distance {curve.validation_distance:.3f}"
    )
