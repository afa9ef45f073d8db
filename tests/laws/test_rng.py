"""Streams: what a statement rests on is drawn from streams that no two keys share."""

import ast
from pathlib import Path

import numpy as np
import pytest

from shared_spec.errors import SettingsError
from shared_spec.rng import _digest as digest
from shared_spec.rng import stream
from shared_spec.seeds import check_seed

ROOT = Path(__file__).parents[2]
PURPOSES = ("smoothing.centre", "smoothing.check", "smoothing.radius", "smoothing.query-centre",
            "smoothing.query-check", "consumer.select", "consumer.test")  # fmt: skip


def place(generator):
    """Where a stream starts: key and counter, of which equal ones would give equal draws."""
    state = generator.bit_generator.state["state"]
    return bytes(state["key"].tobytes() + state["counter"].tobytes())


def test_a_million_keys_have_a_million_streams():
    seen = {
        digest(seed, purpose, f"test-{number:06d}")
        for seed in (0, 1, "ab" * 32)
        for purpose in PURPOSES
        for number in range(48_000)
    }
    assert len(seen) == 3 * len(PURPOSES) * 48_000 >= 10**6


def test_all_of_the_digest_selects_the_stream():
    for seed in (0, 7, "ab" * 32):
        state = stream(seed, "consumer.test", "a").bit_generator.state["state"]
        words = [*state["key"].tolist(), *state["counter"].tolist()[2:]]
        assert b"".join(word.to_bytes(8, "little") for word in words) == digest(
            seed, "consumer.test", "a"
        )


def test_streams_start_in_places_that_none_of_them_reaches():
    """The lower two words of the counter are the stream's own: 2^128 blocks of draws."""
    for purpose in PURPOSES:
        counter = stream(0, purpose, "a").bit_generator.state["state"]["counter"]
        assert counter[0] == counter[1] == 0


def test_every_purpose_of_a_person_and_every_person_of_a_purpose_differ():
    drawn = [stream(0, purpose, person).standard_normal(64) for purpose in PURPOSES for person in "abc"]  # fmt: skip
    correlations = np.abs(np.corrcoef(drawn) - np.eye(len(drawn)))
    assert correlations.max() < 0.6, "two streams go together"
    assert len({tuple(one) for one in drawn}) == len(drawn)
    again = stream(0, PURPOSES[0], "a").standard_normal(64)
    assert np.array_equal(again, drawn[0]), "the same key must give the same stream"


def test_seeds_of_256_bits_and_whole_numbers_are_taken_and_nothing_else():
    assert check_seed("17") == 17
    assert check_seed("0f" * 32) == "0f" * 32
    assert place(stream(check_seed("17"), "p", "a")) == place(stream(17, "p", "a"))
    for wrong in ("-1", "1.5", "", "0F" * 32, "ab" * 31, str(2**53), "seven", "١"):
        with pytest.raises(SettingsError):
            check_seed(wrong)


@pytest.mark.parametrize("folder", ["producer/src/producer/views", "consumer/src/consumer/radius"])
def test_what_is_certified_is_drawn_from_streams_alone(folder):
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "shared_spec.rng":
                names = {alias.name for alias in node.names}
                assert names <= {"stream", "Seed"}, f"{path} draws from {names}"
