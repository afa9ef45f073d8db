"""`preview` and `coverage`: pictures of what a flow or a spec says, to be looked at before it is believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from regulator.flow.file import FlowFile, load_flow
from regulator.pictures.coverage import draw_coverage
from regulator.pictures.flow import draw_flow, reconstructions, sample_images
from regulator.pictures.report import draw_for_report
from regulator.pictures.settings import CoverageSettings, PreviewSettings
from regulator.pictures.strips import draw_strips
from regulator.study.coverage import CoverageReport, measure_coverage
from regulator.study.known_truth import KnownTruth
from regulator.study.vectors import known_names
from shared_spec.artifacts.atomic import refuse_existing, write_atomically
from shared_spec.artifacts.kinds import PICTURE
from shared_spec.artifacts.spec import Spec, load_spec
from shared_spec.chains import EditChains
from shared_spec.data import Source, open_source
from shared_spec.data.column import Column
from shared_spec.errors import DataError, SettingsError
from shared_spec.latents import evenly_spread
from shared_spec.progress import Report, silent
from shared_spec.rng import torch_generator
from shared_spec.settings import changed
from shared_spec.similarity import SimilaritySet
from shared_spec.strips import strips_of
from shared_spec.terms import Shown, Similar
from shared_spec.text import is_printable

__all__ = ["Preview", "coverage", "preview"]

_SAMPLES, _RECONSTRUCTIONS = 32, 16
_UNITS = {
    "vector": "lengths of a",
    "unit-vector": "latent units",
    "edit": "edits",
}


@dataclass(frozen=True)
class Preview:
    """A picture that was written: where, and how many rows or images it shows."""

    path: Path
    shown: int


def preview(
    data: str | Source,
    out: Path | str,
    *,
    spec: Spec | Path | str | None = None,
    flow: FlowFile | Path | str | None = None,
    settings: PreviewSettings | None = None,
    for_report: bool = False,
    licence: str | None = None,
    force: bool = False,
) -> Preview:
    """Draws film strips of a spec's similarity sets, or samples of a flow beside images and their reconstructions.

    A strip is one individual moved along one attribute, t from -epsilon to epsilon; with several attributes, joint
    strips follow. Along chains it shows the images themselves.

    Args:
        data: the data set, as `open_source` takes it.
        out: PNG to write.
        spec: the spec to look at; or else
        flow: the flow, before any spec.
        settings: whose images and how many; the split test's unless given.
        for_report: draw the spec's strips for the page of a certificate: pictures alone, and of people alone who may be
            shown to anybody. Those of `portraits` and `shapes3d` were never photographed; those of a folder need
        licence: the words under which its owner lets them be shown. They stand in the picture and on the page.
        force: replace what stands at `out`.

    Raises:
        SettingsError: both or neither of `spec` and `flow` are given, or `out` exists, or the data set's pictures may
            not be shown.
        DataError: an image cannot be read.
    """
    out, settings = Path(out), settings or PreviewSettings()
    refuse_existing(out, force, kind=PICTURE, inputs=(spec, flow))
    if licence is not None and not for_report:
        raise SettingsError("`licence` is stored for a page alone; add `for_report`")
    if for_report and flow is not None:
        raise SettingsError("`for_report` draws a spec: leave out `flow`")
    if flow is not None:
        _require_default(settings, "individuals", "points", where="where a `flow` is drawn")
    if spec is not None and flow is None:
        return _draw_spec(load_spec(spec), data, out, settings, for_report, licence)
    if flow is not None and spec is None:
        return _draw_flow(load_flow(flow), data, out, settings)
    raise SettingsError("nothing to look at, or too much: give either `spec` or `flow`")


def coverage(
    spec: Spec | Path | str,
    data: str | Source,
    out: Path | str,
    *,
    settings: CoverageSettings | None = None,
    force: bool = False,
    report: Report = silent,
) -> CoverageReport:
    """Compares similarity sets with the truth, for data sets that know it: portraits and 3D Shapes (paper, App. F).

    The picture shows each truly similar individual above the nearest point of S(x), as the flow decodes it.

    Args:
        spec: the spec to look at.
        data: the data set, as `open_source` takes it.
        out: PNG to write.
        settings: whose sets and how many; 32 of the split test unless given.
        force: replace what stands at `out`.
        report: told what is done.

    Raises:
        SettingsError: `out` exists, or the spec's similar people are the counterparts themselves.
        DataError: the data set does not know who truly is similar, or knows nobody.
    """
    out, settings = Path(out), settings or CoverageSettings()
    refuse_existing(out, force, kind=PICTURE, inputs=(spec,))
    loaded = load_spec(spec)
    source = open_source(data, loaded.document.flow.size)
    if not isinstance(source, KnownTruth):
        raise DataError(
            f"{source.uri}: does not know who truly is similar; use portraits or shapes3d:FILE.h5"
        )
    similarity = loaded.similarity
    if not isinstance(similarity, SimilaritySet | EditChains):
        raise SettingsError(
            "this spec's similar people are the truth itself; there is nothing to compare"
        )
    stated = [entry.name for entry in loaded.document.attributes]
    names = known_names(source, stated)
    if not names:
        raise DataError(
            f"{source.uri}: has no column of {', '.join(stated)}, so it knows nobody who truly is similar in that way; "
            f"it has {', '.join(source.classes)}"
        )
    rows = evenly_spread(len(source.sample_ids(settings.split)), settings.individuals)
    found = measure_coverage(
        source,
        settings.split,
        rows,
        loaded.flow,
        similarity,
        names,
        settings.examples,
        report,
    )
    heading = f"The truth and S(x), epsilon = {loaded.document.epsilon:g}"
    write_atomically(out, draw_coverage(found.examples, heading))
    return found


def _draw_spec(
    spec: Spec,
    data: str | Source,
    out: Path,
    settings: PreviewSettings,
    for_report: bool,
    licence: str | None,
) -> Preview:
    if spec.entry.similar != Similar.VECTORS:
        _require_default(settings, "points", where="along chains, whose images are all drawn")
    source = open_source(data, spec.document.flow.size)
    shown = _why_shown(source, licence) if for_report else None
    rows = evenly_spread(len(source.sample_ids(settings.split)), settings.individuals)
    entries = spec.document.attributes
    names = [entry.name for entry in entries]
    strips = strips_of(
        spec.flow, spec.similarity, names, source, settings.split, rows, settings.points
    )
    if shown is not None:
        drawn = draw_for_report(strips, spec.digest, spec.entry.similar, shown, licence)
        write_atomically(out, drawn)
        return Preview(out, len(strips))
    labels = [_label(source, settings.split, int(row), names) for row in rows]
    reach = f"|t| <= epsilon = {spec.document.epsilon:g} {_UNITS.get(entries[0].unit)}"
    if spec.entry.similar == Similar.COUNTERPARTS:
        reach = "the images that the data know"
    heading = f"Similarity sets: {', '.join(names)}; {reach}; framed: the individual"
    write_atomically(out, draw_strips(strips, heading, labels * (len(strips) // len(rows))))
    return Preview(out, len(strips))


def _require_default(settings: PreviewSettings, *names: str, where: str) -> None:
    """Raises SettingsError for settings that would change nothing."""
    for name in changed(settings, names):
        raise SettingsError(f"`{name}` has no effect {where}: leave it out")


def _why_shown(source: Source, licence: str | None) -> Shown:
    """Why a source's pictures may stand on a page; raises SettingsError if nobody can say so."""
    if source.shown is None:
        raise SettingsError(
            f"{source.uri}: photographs of people whom nobody asked, so they are on no page; "
            "draw portraits or shapes3d:FILE.h5 with `for_report`, or a folder with `licence`"
        )
    if (source.shown == Shown.LICENSED) != (licence is not None):
        raise SettingsError(
            f"{source.uri}: say with `licence` under which words its owner lets these pictures be shown to anybody"
            if licence is None
            else f"{source.uri}: its pictures are {source.shown} by a program; leave out `licence`"
        )
    if licence is not None and (len(licence) > 200 or not licence or not is_printable(licence)):
        raise SettingsError("`licence` is no short line of text; say it in at most 200 characters")
    return source.shown


def _draw_flow(file: FlowFile, data: str | Source, out: Path, settings: PreviewSettings) -> Preview:
    flow, size = file.flow, file.document.flow.size
    source = open_source(data, size)
    rows = evenly_spread(len(source.sample_ids(settings.split)), _RECONSTRUCTIONS)
    images = source.images(settings.split, rows)
    samples = sample_images(flow, _SAMPLES, torch_generator(0, "regulator.flow-samples"))
    heading = f"Flow at {size} pixels, {file.document.bits_per_dim:.3f} bits/dim held out"
    write_atomically(out, draw_flow(samples, images, reconstructions(flow, images), heading))
    return Preview(out, len(samples) + len(images))


def _label(source: Source, split: str, row: int, names: Sequence[str]) -> str:
    """The individual's own labels of the spec's attributes, where the data set has them."""
    words = []
    for column in (Column.parse(name).name for name in known_names(source, names)):
        code = source.labels(split, column)[row]
        words.append(f"{column}: {source.classes[column][code]}")
    return "\n".join(words)
