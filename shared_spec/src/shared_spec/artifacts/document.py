"""What all documents share: frozen fields, nothing unknown, a media type that names kind and version."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from shared_spec.artifacts.canonical import canonical_json
from shared_spec.errors import ArtifactError
from shared_spec.names import Name, printable
from shared_spec.text import visible

__all__ = [
    "Count",
    "DataEntry",
    "Digest",
    "Document",
    "Name",
    "Strict",
    "Tool",
    "Width",
    "first_fault",
    "parse_document",
    "printable",
    "this_tool",
]


Digest: TypeAlias = Annotated[str, Field(pattern=r"^sha256-content-v1:[0-9a-f]{64}$")]
"""A content digest."""

Count: TypeAlias = Annotated[int, Field(ge=0, le=10**8)]
"""How many of something that is listed or drawn one by one."""

Width: TypeAlias = Annotated[int, Field(ge=1, le=2**24)]
"""A dimension, or the width of a layer."""


class Strict(BaseModel):
    """A frozen value whose unknown fields and non-finite numbers are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Document(Strict):
    """The root of an artefact's document."""

    media_type: str
    content_digest: str = ""
    """Set when the artefact is written; checked before anything else is believed."""

    @classmethod
    def names_of_today(cls, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """A stored document whose fields are called as they are now; some releases called a few differently."""
        return value


class Tool(Strict):
    """The program that wrote an artefact."""

    name: Name
    version: Name
    torch: Name


class DataEntry(Strict):
    """The data set that something was computed from."""

    uri: Annotated[str, Field(max_length=4000), AfterValidator(printable)]
    size: Width
    digest: Name


def this_tool(name: str) -> Tool:
    """The installed distribution `name` and the torch it runs on."""
    return Tool(name=name, version=version(name), torch=version("torch"))


AnyDocument = TypeVar("AnyDocument", bound=Document)


def parse_document(model: type[AnyDocument], value: Mapping[str, Any], where: str) -> AnyDocument:
    """The validated document of a JSON value, whose types are taken strictly: a number in quotes is no number.

    Raises:
        ArtifactError: for another kind, another version or an unknown field.
    """
    expected = model.model_fields["media_type"].default
    found = value.get("media_type")
    if found != expected:
        raise ArtifactError(
            f"{where}: media type is {found!r:.200}, this build reads {expected!r}; "
            "pass the right artefact, or install the release that wrote it"
        )
    try:
        return model.model_validate_json(canonical_json(model.names_of_today(value)), strict=True)
    except ValidationError as error:
        raise ArtifactError(
            f"{where}: {first_fault(error)}; ask its sender for it again"
        ) from error


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong with a document, and in which field if it is in one."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    # An unknown field's name is the sender's text.
    field = visible(".".join(map(str, first["loc"]))[:200])
    return f"field {field}: {message}" if field else message
