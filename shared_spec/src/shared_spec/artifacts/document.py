"""What all documents share: frozen fields, nothing unknown, a media type that names kind and version."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared_spec.errors import ArtifactError

__all__ = ["DataEntry", "Document", "Strict", "Tool", "parse_document", "this_tool"]


class Strict(BaseModel):
    """A frozen value whose unknown fields and non-finite numbers are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Document(Strict):
    """The root of an artefact's document."""

    media_type: str
    content_digest: str = ""
    """Set when the artefact is written; checked before anything else is believed."""


class Tool(Strict):
    """The program that wrote an artefact."""

    name: str
    version: str
    torch: str


class DataEntry(Strict):
    """The data set that something was computed from."""

    uri: str
    size: int = Field(gt=0)
    digest: str


def this_tool(name: str) -> Tool:
    """The installed distribution `name` and the torch it runs on."""
    return Tool(name=name, version=version(name), torch=torch.__version__)


AnyDocument = TypeVar("AnyDocument", bound=Document)


def parse_document(model: type[AnyDocument], value: Mapping[str, Any], where: str) -> AnyDocument:
    """The validated document; raises ArtifactError for another kind, another version or an unknown field."""
    expected = model.model_fields["media_type"].default
    found = value.get("media_type")
    if found != expected:
        raise ArtifactError(
            f"{where}: media type is {found!r}, this build reads {expected!r}; "
            "pass the right artefact, or install the release that wrote it"
        )
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ArtifactError(
            f"{where}: field {field}: {first['msg']}; ask its sender for it again"
        ) from error
