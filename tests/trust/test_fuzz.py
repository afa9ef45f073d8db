"""Whatever stands in a signature or a trust file: read, or refused in one line; never anything else."""

import json
from copy import deepcopy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared_spec.errors import ArtifactError, ExpiredError, LassiError, SettingsError
from shared_spec.text import is_printable
from shared_spec.trust.envelope import (
    PAYLOAD_TYPE,
    Envelope,
    decode_envelope,
    encode_envelope,
    sign_payload,
)
from shared_spec.trust.keys import parse_public_key
from shared_spec.trust.statement import parse_statement
from shared_spec.trust.trust_file import load_trust

FUZZ = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["\ud800", "\x1b[31m", "ab" * 32, "sha256-content-v1:" + "ab" * 32, "urn:lassi:spec:v1",
                       "2026-11-25T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "A" * 5000])
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(document, path=()):
    """All paths into a JSON document."""
    yield path
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for name, value in items:
        if isinstance(value, dict | list):
            yield from places(value, (*path, name))
        else:
            yield (*path, name)


@st.composite
def mutations(draw, document):
    """`document` with up to three of its places replaced, removed, or given a further field."""
    mutant = {"root": deepcopy(document)}
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(mutant))[1:]))
        parent = mutant
        for name in path[:-1]:
            parent = parent[name]
        what = draw(st.sampled_from(["replace", "remove", "add"]))
        if what == "replace" or path == ("root",):
            parent[path[-1]] = draw(values)
        elif what == "remove":
            del parent[path[-1]]
        elif isinstance(parent, dict):
            parent[draw(st.text(max_size=6))] = draw(values)
        else:
            parent.append(draw(values))
        if not isinstance(mutant["root"], dict | list):
            break
    return mutant["root"]


def one_line(error):
    assert type(error) in (ArtifactError, ExpiredError, SettingsError)
    assert is_printable(str(error))
    assert len(str(error)) < 1000


@pytest.fixture
def signed(house):
    """The house with a signature in order and the trust that accepts it."""
    house.sign()
    house.content = house.envelope.read_bytes()
    house.accepted = house.trust()
    return house


@FUZZ
@given(st.binary(max_size=200))
def test_bytes(content):
    for read in (decode_envelope, parse_statement):
        with pytest.raises(ArtifactError) as caught:
            read(content, "x")
        one_line(caught.value)


@FUZZ
@given(st.text(max_size=120))
def test_key_lines(line):
    with pytest.raises(ValueError, match="ssh-keygen"):
        parse_public_key("ssh-ed25519 " + line)


@FUZZ
@given(data=st.data())
def test_envelopes(signed, data):
    mutant = data.draw(mutations(json.loads(signed.content)))
    signed.envelope.write_text(json.dumps(mutant))
    try:
        link = signed.verify(signed.accepted)
    except LassiError as error:
        one_line(error)
    else:
        assert link.statement.digest == signed.digest_of("reps").split(":")[1]


@FUZZ
@given(data=st.data())
def test_statements_that_the_right_key_has_signed(signed, data):
    """The issuer itself is the attacker: what it signs is read as what it says, or refused."""
    original = decode_envelope(signed.content, "x").payload
    mutant = data.draw(mutations(json.loads(original)))
    payload = json.dumps(mutant, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    payload = payload.encode("utf-8", "surrogatepass")
    envelope = Envelope(
        payload=payload,
        payloadType=PAYLOAD_TYPE,
        signatures=(sign_payload(payload, signed.keys["producer"]),),
    )
    signed.envelope.write_bytes(encode_envelope(envelope))
    try:
        link = signed.verify(signed.accepted)
    except LassiError as error:
        one_line(error)
    else:
        assert link.statement.payload() == payload


@FUZZ
@given(
    data=st.data(),
    text=st.text(st.characters(codec="utf-8"), max_size=30)
    | st.sampled_from(["[", "]", '"', "\n", "=", "inf", "0x", "[["]),
)  # fmt: skip
def test_trust_files(house, data, text):
    house.trust()
    path = house.path / "trust.toml"
    good = path.read_text()
    at = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(at, min(len(good), at + 40)))
    path.write_text(good[:at] + text + good[end:])
    try:
        load_trust(path)
    except SettingsError as error:
        one_line(error)
