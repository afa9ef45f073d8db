"""A part of a certificate: what one machine decided about some of the individuals, to be merged with the others.

Its rows are decisions. What is claimed of everybody follows from the rows of all parts, when they are merged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Self

from pydantic import model_validator

from consumer.case import Case
from consumer.choices import Choices, chosen_views
from consumer.claims import view_methods
from consumer.head import Head
from shared_spec.artifacts.atomic import writing_atomically
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.bundle_documents import Manifest
from shared_spec.artifacts.certificate import CommittedDraw, certificate_parents
from shared_spec.artifacts.difference import first_difference, shortly
from shared_spec.artifacts.directory import (
    check_directory,
    list_files,
    load_directory_document,
    open_listed,
    save_directory_document,
)
from shared_spec.artifacts.document import Digest, Strict, Tool
from shared_spec.artifacts.head_documents import HeadConfig, HeadEntry, HeadTraining
from shared_spec.artifacts.head_file import HEAD, read_head
from shared_spec.artifacts.parts import PART, PartDocument, Share
from shared_spec.artifacts.rows import Rows, read_rows
from shared_spec.artifacts.tensors import as_tensors
from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.seeds import Seed
from shared_spec.terms import HeadKind, RadiusMethod

__all__ = [
    "CertificatePart",
    "CertificatePartDocument",
    "PartPlan",
    "head_entry",
    "load_certificate_part",
    "named_files",
    "rows_name",
    "seal_part",
]


def rows_name(view: str, method: RadiusMethod) -> str:
    """The file of the decisions in one view by one method."""
    return f"{view}.{method}.csv"


def head_entry(
    config: HeadConfig, choices: Choices, trained_on: int, digest: str = ""
) -> HeadEntry:
    """What documents say of a head that was trained on so many individuals as was chosen."""
    trained = choices.head.model_dump(mode="json", exclude={"head", "hidden"})
    settings = HeadTraining(**trained, training_individuals=trained_on)
    return HeadEntry(**dict(config), digest=digest, settings=settings)


class PartPlan(Strict):
    """All that the decisions follow from, besides the head."""

    bundle_digest: Digest
    choices: Choices
    seed: Seed
    commitment: CommittedDraw | None = None
    """What the seed follows from; null if it was the consumer's free choice."""
    tool: Tool


class CertificatePartDocument(PartDocument):
    """part.json of a certificate's part."""

    media_type: Literal["application/vnd.lassi.certificate-part.v1+json"] = (
        "application/vnd.lassi.certificate-part.v1+json"
    )
    plan: PartPlan
    head: HeadEntry

    @model_validator(mode="after")
    def _has_the_head_that_was_chosen(self) -> Self:
        chosen, head = self.plan.choices.head, self.head
        hidden = chosen.hidden if chosen.head == HeadKind.MLP else ()
        config = HeadConfig(**head.model_dump(include=set(HeadConfig.model_fields)))
        trained_on = head.settings.training_individuals
        if (head.kind, head.hidden) != (chosen.head, hidden) or head != head_entry(
            config, self.plan.choices, trained_on, head.digest
        ):
            raise ValueError("the head was not trained as was chosen")
        return self


@dataclass(frozen=True)
class CertificatePart:
    """A part whose document and head are checked; its rows are read, and checked, when they are asked for."""

    path: Path
    document: CertificatePartDocument
    head: Head

    def __repr__(self) -> str:
        shard, choices = self.document.shard, self.document.plan.choices
        return f"CertificatePart({self.path}: {choices.target}; {shard} of {choices.split}; {self.digest})"

    @property
    def digest(self) -> str:
        """Content digest."""
        return self.document.content_digest

    @property
    def methods(self) -> tuple[RadiusMethod, ...]:
        """Those by which everybody was decided in each view."""
        return view_methods(self.head.config, self.document.plan.choices.method)

    def shards_of(self, manifest: Manifest) -> range:
        """Which of the split's shards it decides."""
        return self.document.shard.of_list(manifest.shards_of(self.document.plan.choices.split))

    def rows(self, view: str, method: RadiusMethod) -> Iterator[Rows]:
        """The decisions in one view by one method, some at a time.

        Raises:
            ArtifactError: for what is no row of this view; at the end, if the file was changed.
        """
        name = rows_name(view, method)

        def wanted(found: str) -> bool:
            if found != view:
                raise ArtifactError(f"{self.path / name}: has rows of another view, {found!r:.100}")
            return True

        with open_listed(self.path, self.document.files, name) as stream:
            yield from read_rows(stream, str(self.path / name), wanted)

    def case(self, bundle: Bundle) -> Case:
        """Whom it decides by which head.

        Raises:
            ArtifactError: it is of another bundle, or of what the bundle does not have.
        """
        plan, config = self.document.plan, self.head.config
        choices = plan.choices
        if plan.bundle_digest != bundle.digest:
            raise ArtifactError(
                f"{self.path}: was made from bundle {plan.bundle_digest}, but {bundle.path} has {bundle.digest}; "
                "pass the bundle that it names"
            )
        try:
            views = chosen_views(bundle, choices.views, choices.split)
        except SettingsError as error:
            raise ArtifactError(f"{self.path}: {error}") from None
        shared = bundle.manifest.labels.get(choices.target)
        compared: dict[str, tuple[object, object]] = {
            "views": (choices.views, tuple(views)),
            "input_dim": (config.input_dim, bundle.dimension),
            "classes": (config.classes, shared if choices.whose == "producer" else config.classes),
        }
        if plan.commitment is not None:
            settings = choices.model_dump(mode="json")
            plan.commitment.check(plan.seed, settings, certificate_parents(bundle))
            compared["commitment"] = (plan.commitment.settings, settings)
        for name, (stated, expected) in compared.items():
            if stated != expected:
                raise ArtifactError(f"{self.path}: {name} is {stated}, expected {expected}")
        return Case(bundle, choices.split, self.head, choices.sampling, plan.seed)

    def require(self, plan: PartPlan, share: Share | None = None) -> None:
        """Raises SettingsError unless it was made as planned; and is that share, if one is given."""
        wanted = self.document.shard if share is None else share
        pairs = ((self.document.plan, plan), (self.document.shard, wanted))
        for found, other in pairs:
            different = first_difference(found, other)
            if different is not None:
                name, before, now = different
                raise SettingsError(
                    f"{self.path}: decided before with {name} {shortly(before)}, now {shortly(now)}; "
                    "name another place, or pass the same settings"
                )


def named_files(folder: Path, stack: ExitStack) -> Callable[[str, RadiusMethod], BinaryIO]:
    """Makes the files of a part's rows, which are on disk once the stack is closed."""
    return lambda view, method: stack.enter_context(
        writing_atomically(folder / rows_name(view, method))
    )


def seal_part(
    folder: Path, plan: CertificatePartDocument, methods: tuple[RadiusMethod, ...]
) -> None:
    """Writes part.json beside the head and the rows."""
    complete = plan.model_copy(update={"files": list_files(folder, _files(plan, methods))})
    save_directory_document(folder, PART, complete)


def _files(plan: CertificatePartDocument, methods: tuple[RadiusMethod, ...]) -> list[str]:
    views = plan.plan.choices.views
    return [HEAD, *(rows_name(view, method) for view in views for method in methods)]


def load_certificate_part(path: Path | str | CertificatePart) -> CertificatePart:
    """Opens a part after checking its document, its head, and that its files are there.

    Raises:
        ArtifactError: if anything is missing, changed, unlisted or inconsistent.
    """
    if isinstance(path, CertificatePart):
        return path
    path = Path(path)
    document = load_directory_document(path, PART, CertificatePartDocument)
    if HEAD not in {entry.name for entry in document.files}:
        raise ArtifactError(f"{path / PART}: lists no {HEAD}; ask for the part again")
    head = Head.from_tensors(
        document.head, as_tensors(read_head(path, document.files, document.head))
    )
    part = CertificatePart(path, document, head)
    try:
        methods = part.methods
    except SettingsError as error:
        raise ArtifactError(f"{path}: cannot be so certified: {error}") from None
    check_directory(path, PART, document.files, _files(document, methods))
    return part
