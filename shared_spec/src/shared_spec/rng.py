"""Random streams keyed by what they are for, so that no draw depends on batch size, order or process count.

Every draw in the four packages comes from a generator made here. Two streams with different purposes or different
sample ids are independent (their seeds are SHA-256 digests of different keys); the same key always gives the same
stream. The pseudo-random generators stand in for true randomness: that is an assumption of every sampled statement.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch

__all__ = ["derive_seed", "numpy_generator", "torch_generator"]


def derive_seed(seed: int, purpose: str, sample_id: str = "") -> int:
    """The 63-bit seed of the stream (`seed`, `purpose`, `sample_id`)."""
    # The separator is a byte that no key contains, so no two different keys are written alike.
    key = "\x1f".join([str(int(seed)), purpose, sample_id]).encode()
    return int.from_bytes(hashlib.sha256(key).digest()[:8], "big") >> 1


def numpy_generator(seed: int, purpose: str, sample_id: str = "") -> np.random.Generator:
    """A counter-based numpy generator for this stream."""
    return np.random.Generator(np.random.Philox(derive_seed(seed, purpose, sample_id)))


def torch_generator(
    seed: int, purpose: str, sample_id: str = "", device: torch.device | str = "cpu"
) -> torch.Generator:
    """A torch generator for this stream; equal streams are guaranteed per device type only."""
    return torch.Generator(device=device).manual_seed(derive_seed(seed, purpose, sample_id))
