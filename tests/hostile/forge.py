"""How an attacker changes an artefact: every digest is made again, so that only the sense of it can show."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from safetensors.torch import load, save

from shared_spec.artifacts.canonical import canonical_json, digest_document
from shared_spec.artifacts.rows import read_rows
from shared_spec.artifacts.salt import RowTrees, read_salt
from shared_spec.artifacts.tensors import METADATA_KEY, tensor_digest
from shared_spec.errors import ArtifactError
from shared_spec.population import population_statement

DOCUMENTS = {"reps": "manifest.json", "certificate": "certificate.json", "audit": "audit.json"}


def document_of(folder):
    """The document of a directory, as anybody's JSON library reads it."""
    return json.loads((folder / DOCUMENTS.get(folder.name, "part.json")).read_bytes())


def seal_document(folder, document, text=None):
    """Writes the document of a directory with its digest; `text` makes the bytes out of the sealed document."""
    bare = {key: value for key, value in document.items() if key != "content_digest"}
    sealed = {**bare, "content_digest": digest_document(bare, [])}
    (folder / DOCUMENTS.get(folder.name, "part.json")).write_bytes((text or canonical_json)(sealed))


def seal(folder, *further, names=None):
    """Lists the files of a directory as they are now, and those `further` too, or only these `names`."""
    document = document_of(folder)
    listed = names or [entry["name"] for entry in document["files"]]
    document["files"] = [entry_of(folder / name) for name in sorted({*listed, *further})]
    if isinstance(document.get("roots"), dict):
        document["roots"] = roots_of(folder, document["roots"])
    seal_document(folder, document)


def entry_of(path):
    """How a document lists a file."""
    content = path.read_bytes()
    return {
        "name": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
    }


def roots_of(certificate, stated):
    """The Merkle roots of the rows as they are now; the stated ones if those are no rows."""
    try:
        trees = RowTrees(read_salt(certificate / "salt.json"))
        with (certificate / "individuals.csv").open("rb") as stream:
            for rows in read_rows(stream, "individuals.csv"):
                trees.add(rows.view, rows.lines())
        return {**stated, **trees.roots()}
    except (ArtifactError, FileNotFoundError):
        return stated


def restate(folder, change):
    """Changes the document of a directory in place."""
    document = document_of(folder)
    change(document)
    seal_document(folder, document)


def read_file(path):
    """Tensors and document of a safetensors file, unchecked."""
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return load(content), json.loads(header["__metadata__"][METADATA_KEY])


def write_file(path, tensors, document):
    """A safetensors file whose digest is right, whatever it holds."""
    bare = {key: value for key, value in document.items() if key != "content_digest"}
    stored = {**bare, "content_digest": tensor_digest(tensors, bare)}
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    path.write_bytes(save(whole, {METADATA_KEY: canonical_json(stored).decode()}))


def edit_file(path, change):
    """Changes tensors and document of a safetensors file in place; `change` may return other tensors."""
    tensors, document = read_file(path)
    write_file(path, change(tensors, document) or tensors, document)


def edit_shard(reps, change, name="test-00000.safetensors"):
    """Changes a shard, and the manifest with it."""
    edit_file(Path(reps) / name, change)
    seal(reps)


def edit_bytes(folder, name, change):
    """Changes the bytes of a file of a directory, and the document with it."""
    path = folder / name
    path.write_bytes(change(path.read_bytes()))
    seal(folder)


def add_up(claim):
    """Has a claim whose counts were changed say of all people what follows from them."""
    certified, individuals = claim["counts"]["CERTIFIED"], claim["individuals"]
    follows = population_statement(
        individuals,
        certified,
        sum(claim["alpha"].values()),
        claim["population"]["confidence"],
        len(claim["methods_tried"]),
    )
    claim.update(
        certified_fraction=certified / individuals,
        expected_false_certificates=follows.expected_false_certificates,
        false_certificates_bound=follows.false_certificates_bound,
    )
    claim["population"]["fair_at_least"] = follows.fair_at_least
