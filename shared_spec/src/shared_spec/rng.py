"""Random streams keyed by what they are for, so that no draw depends on batch size, order or process count.

Every draw in the four packages comes from a generator made here; the same key always gives the same stream. What a
statement rests on is drawn from a `stream`, which the full SHA-256 digest of its key selects: two keys never share one
unless the digest collides. Data sets and training draw from generators of 63 bits, of which nothing is claimed.
The pseudo-random generators stand in for true randomness: that is an assumption of every sampled statement.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from shared_spec.seeds import Seed

__all__ = ["derive_seed", "numpy_generator", "stream", "torch_generator"]


def _digest(seed: Seed, purpose: str, sample_id: str) -> bytes:
    # The separator is a byte that no key contains, so no two different keys are written alike.
    return hashlib.sha256("\x1f".join([str(seed), purpose, sample_id]).encode()).digest()


def stream(seed: Seed, purpose: str, sample_id: str) -> np.random.Generator:
    """The stream of one purpose of one individual, for draws on which a statement rests.

    Philox (counter-based): half of the digest is its key, the other half the upper words of its counter, of which no
    stream ever leaves its own.
    """
    words = np.frombuffer(_digest(seed, purpose, sample_id), dtype="<u8")
    counter = np.array([0, 0, words[2], words[3]], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=words[:2], counter=counter))


def derive_seed(seed: Seed, purpose: str, sample_id: str = "") -> int:
    """The 63-bit seed of the generator (`seed`, `purpose`, `sample_id`)."""
    return int.from_bytes(_digest(seed, purpose, sample_id)[:8], "big") >> 1


def numpy_generator(seed: Seed, purpose: str, sample_id: str = "") -> np.random.Generator:
    """A numpy generator for data sets and training."""
    return np.random.Generator(np.random.Philox(derive_seed(seed, purpose, sample_id)))


def torch_generator(seed: Seed, purpose: str, sample_id: str = "") -> torch.Generator:
    """A torch generator on the CPU, for training.

    On CPUs torch uses 32 bits of a seed, so two keys may share a stream: never for what a statement rests on.
    """
    return torch.Generator().manual_seed(derive_seed(seed, purpose, sample_id))
