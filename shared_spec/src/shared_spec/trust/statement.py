"""What is signed: an in-toto Statement v1 that names an artefact by its digest, and says who issues it until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, Field, StrictFloat, model_validator

from shared_spec.artifacts.canonical import canonical_json, parse_json
from shared_spec.artifacts.document import Name, Strict
from shared_spec.errors import ArtifactError, LassiError, SettingsError
from shared_spec.trust.fields import Count, Digest, Hex256, Instant, validate
from shared_spec.trust.keys import parse_public_key

__all__ = [
    "ARTIFACT_ROLES",
    "ArtifactKind",
    "BeaconPredicate",
    "Kind",
    "Predicate",
    "Role",
    "RotationPredicate",
    "SpecPredicate",
    "Statement",
    "issue_statement",
    "parse_statement",
]

Role: TypeAlias = Literal["regulator", "producer", "consumer", "auditor"]
ArtifactKind: TypeAlias = Literal["spec", "bundle", "certificate", "audit"]
Kind: TypeAlias = Literal[
    "spec", "bundle", "certificate", "audit", "commitment", "beacon", "rotation"
]
_Parent: TypeAlias = Literal["spec", "bundle", "audit", "data", "encoder", "flow", "head"]

ARTIFACT_ROLES: Mapping[ArtifactKind, Role] = {
    "spec": "regulator",
    "bundle": "producer",
    "certificate": "consumer",
    "audit": "auditor",
}
"""Who issues what."""

_STATEMENT_TYPE = "https://in-toto.io/Statement/v1"


def _key_line(value: str) -> str:
    if parse_public_key(value).line != value:
        raise ValueError("expected a line without comment")
    return value


_KeyLine = Annotated[str, AfterValidator(_key_line)]


class Predicate(Strict):
    """What every statement says; most say no more."""

    role: Role
    issuer: Name
    """The identity under which trust files know the issuer."""
    serial: Count
    """Grows with each release of an issuer, so that an old one can be told from the current one."""
    issued: Instant
    expires: Instant
    parents: dict[_Parent, Digest]
    """Digests of what it was made from, as the artefact itself quotes them."""

    @model_validator(mode="after")
    def _lasts(self) -> Predicate:
        if not self.issued < self.expires:
            raise ValueError("expires: expected a moment after that of issue")
        return self


class SpecPredicate(Predicate):
    """What a regulator's signature also says, for those who do not hold the spec."""

    epsilon: Annotated[StrictFloat, Field(gt=0)]
    vectors: dict[Name, Hex256] = Field(max_length=1000)
    """Per attribute the SHA-256 of the bytes of its vector or edit, float32, little-endian; none if there are none."""


class BeaconPredicate(Predicate):
    """The number that another party adds to a commitment."""

    beacon: Hex256
    answered: Annotated[Count, Field(ge=1)]
    """How many commitments of that issuer the party has answered, this one included: who asks often, shops."""


class RotationPredicate(Predicate):
    """One key taking over from another."""

    old_key: _KeyLine
    new_key: _KeyLine
    """Lines `ssh-ed25519 AAAA…` without comments."""
    effective: Instant
    """The new key signs from this moment on, and the old one no longer does."""


@dataclass(frozen=True)
class _Form:
    predicate: type[Predicate]
    roles: tuple[Role, ...]
    algorithm: str = "lassiContentV1"
    parents: frozenset[str] = frozenset()
    """Those that may not be missing."""


_ANY_ROLE: tuple[Role, ...] = get_args(Role)
_FORMS: Mapping[Kind, _Form] = {
    "spec": _Form(SpecPredicate, ("regulator",)),
    "bundle": _Form(Predicate, ("producer",), parents=frozenset({"spec"})),
    "certificate": _Form(Predicate, ("consumer",), parents=frozenset({"spec", "bundle"})),
    "audit": _Form(Predicate, ("auditor",), parents=frozenset({"spec", "bundle"})),
    "commitment": _Form(Predicate, ("producer", "consumer"), "lassiCommitmentV1"),
    "beacon": _Form(BeaconPredicate, _ANY_ROLE, "lassiCommitmentV1"),
    "rotation": _Form(RotationPredicate, _ANY_ROLE, "sha256"),
}
_KINDS: Mapping[str, Kind] = {f"urn:lassi:{kind}:v1": kind for kind in _FORMS}


class _Subject(Strict):
    name: Name
    digest: dict[str, str]


class _Named(Strict):
    name: Name
    digest: Hex256


class _Outer(Strict):
    type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: tuple[_Subject]
    predicateType: str
    predicate: dict[str, Any]


@dataclass(frozen=True)
class Statement:
    """A statement about one subject; made by `issue_statement` and `parse_statement` only."""

    kind: Kind
    name: str
    """What the subject is called; says nothing about what it is."""
    digest: str
    """64 hexadecimal digits: the subject's content digest without its prefix, the commitment, or the new key's."""
    predicate: Predicate

    def payload(self) -> bytes:
        """The canonical JSON (RFC 8785) that is signed."""
        return canonical_json(
            {
                "_type": _STATEMENT_TYPE,
                "subject": [
                    {"name": self.name, "digest": {_FORMS[self.kind].algorithm: self.digest}}
                ],
                "predicateType": f"urn:lassi:{self.kind}:v1",
                "predicate": self.predicate.model_dump(mode="json"),
            }
        )


def issue_statement(
    kind: Kind, name: str, digest: str, predicate: Mapping[str, Any], where: str
) -> Statement:
    """The statement with this content.

    Args:
        kind: what the subject is.
        name: what the subject is called.
        digest: 64 hexadecimal digits, as in `Statement`.
        predicate: the fields of the kind's predicate.
        where: what messages name.

    Raises:
        SettingsError: if a field does not fit, a parent is missing, or the role does not issue this kind.
    """
    return _build(kind, {"name": name, "digest": digest}, predicate, where, SettingsError)


def parse_statement(payload: bytes, where: str) -> Statement:
    """The statement in a payload, which must be canonical JSON with exactly the fields of its kind.

    Raises:
        ArtifactError: otherwise, and for a predicate type that is unknown.
    """
    outer = validate(_Outer, parse_json(payload, where), where, ArtifactError)
    kind = _KINDS.get(outer.predicateType)
    if kind is None:
        raise ArtifactError(
            f"{where}: predicateType is {outer.predicateType[:100]!a}, expected one of {', '.join(_KINDS)}"
        )
    subject = outer.subject[0]
    named = {"name": subject.name, "digest": subject.digest.get(_FORMS[kind].algorithm)}
    statement = _build(kind, named, outer.predicate, where, ArtifactError)
    if statement.payload() != payload:
        raise ArtifactError(
            f"{where}: the statement is not canonical JSON (RFC 8785) with the fields of docs/format.md"
        )
    return statement


def _build(
    kind: Kind,
    named: Mapping[str, Any],
    fields: Mapping[str, Any],
    where: str,
    error: type[LassiError],
) -> Statement:
    form = _FORMS[kind]
    subject = validate(_Named, named, where, error)
    predicate = validate(form.predicate, fields, where, error)
    if predicate.role not in form.roles:
        raise error(
            f"{where}: a {kind} is issued by a {' or '.join(form.roles)}, not by a {predicate.role}"
        )
    for parent in sorted(form.parents - predicate.parents.keys()):
        raise error(
            f"{where}: parents.{parent}: missing; a {kind} names the {parent} it belongs to"
        )
    return Statement(kind, subject.name, subject.digest, predicate)
