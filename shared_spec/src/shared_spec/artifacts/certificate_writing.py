"""Writing certificate/: strip, head, rows and page, and last the document that lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from torch import Tensor

from shared_spec.artifacts.atomic import write_atomically
from shared_spec.artifacts.certificate import DOCUMENT, Certificate
from shared_spec.artifacts.certificate_documents import REPORT, CertificateDocument
from shared_spec.artifacts.directory import list_files, save_directory_document
from shared_spec.artifacts.head_file import save_head
from shared_spec.artifacts.rows import FORM
from shared_spec.artifacts.salt import SALT, RowTrees, Salt, draw_salt
from shared_spec.artifacts.strip import STRIP, Strip
from shared_spec.artifacts.tables import write_lines
from shared_spec.artifacts.tensors import as_arrays

__all__ = ["save_certificate"]


def save_certificate(
    folder: Path,
    draft: CertificateDocument,
    rows: Iterable[tuple[str, Sequence[bytes]]],
    head: Mapping[str, Tensor],
    report: Callable[[CertificateDocument], bytes],
    salt: Salt | None = None,
    strip: Strip | None = None,
) -> Certificate:
    """Writes the certificate into `folder` (a partial directory).

    Args:
        folder: where.
        draft: the document; its head's digest, `roots`, `strip`, `files` and `content_digest` are set here.
        rows: a view and lines of its rows, of all views, written as they come.
        head: the classifier's weights.
        report: draws report.html from the document as it will be, but for its `files` and `content_digest`, which cover
            that page.
        salt: of the rows; a new one unless given.
        strip: of the spec, for the page.

    Raises:
        ArtifactError: the strip is of another spec.
    """
    salt = salt or draw_salt()
    if strip is not None:
        strip.require_of(draft.spec)
        write_atomically(folder / STRIP, strip.content)
    head_digest = save_head(folder, draft.head.kind, head)
    trees = RowTrees(salt)

    def hashed() -> Iterator[Sequence[bytes]]:
        for view, lines in rows:
            trees.add(view, lines)
            yield lines

    write_lines(folder / draft.table, FORM, hashed())
    write_atomically(folder / SALT, salt.to_bytes())
    entry = draft.head.model_copy(update={"digest": head_digest})
    draft = draft.model_copy(
        update={"head": entry, "roots": trees.roots(), "strip": strip and strip.entry}
    )
    write_atomically(folder / REPORT, report(draft))
    complete = draft.model_copy(update={"files": list_files(folder, draft.names)})
    document = save_directory_document(folder, DOCUMENT, complete)
    return Certificate(folder, document, as_arrays(head), salt, strip)
