"""Merkle trees as RFC 6962, section 2.1, defines them: one hash that commits to a list, and short proofs of entries.

Everything is computed in one pass over the leaves, in O(log n) memory, so the list may be a stream of any length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

__all__ = ["HASH_BYTES", "Tree", "inclusion_path", "leaf_hash", "root_from_path"]

HASH_BYTES = 32
"""Length of a hash: SHA-256."""


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data); the prefix tells leaves from nodes, so that neither can be shown as the other."""
    return hashlib.sha256(b"\x00" + data).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """The tree over the leaves that were appended so far.

    >>> Tree().root().hex()[:16]  # of no leaves: the hash of nothing
    'e3b0c44298fc1c14'
    """

    def __init__(self) -> None:
        self.size = 0
        # Roots of complete subtrees, largest first: one per bit of `size`.
        self._complete: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Adds a leaf by its hash."""
        self.extend([leaf])

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Adds leaves by their hashes."""
        complete = self._complete
        for node in leaves:
            size = self.size
            while size & 1:
                node = _node_hash(complete.pop(), node)
                size >>= 1
            complete.append(node)
            self.size += 1

    def root(self) -> bytes:
        """The Merkle tree hash."""
        if not self._complete:
            return hashlib.sha256(b"").digest()
        *others, node = self._complete
        for left in reversed(others):
            node = _node_hash(left, node)
        return node


def inclusion_path(leaves: Iterable[bytes], index: int, size: int) -> tuple[bytes, ...]:
    """The audit path of leaf `index`: roots of the subtrees beside it, from the leaf's neighbour up.

    Args:
        leaves: hashes of all leaves, in order.
        index: which, from 0.
        size: how many there are.

    Raises:
        ValueError: `index` is not below `size`, or `leaves` are not as many.
    """
    if not 0 <= index < size:
        raise ValueError(f"index is {index}, expected one of {size} leaves")
    beside: dict[int, tuple[int, Tree]] = {}  # first leaf of each subtree -> its end, its tree
    order: list[int] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            order.append(middle)
            beside[middle] = (end, Tree())
            end = middle
        else:
            order.append(start)
            beside[start] = (middle, Tree())
            start = middle
    count, until, tree = 0, 0, None
    for count, leaf in enumerate(leaves, 1):
        if count - 1 in beside:
            until, tree = beside[count - 1]
        if tree is not None and count <= until:
            tree.append(leaf)
    if count != size:
        raise ValueError(f"{count} leaves, expected {size}")
    return tuple(beside[first][1].root() for first in reversed(order))


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root of the tree of `size` leaves in which `leaf` stands at `index`, if `path` is its audit path.

    Whoever knows the root compares (RFC 9162, section 2.1.3.2).

    Raises:
        ValueError: `index` is not below `size`, or no path of such a leaf has this length.
    """
    if not 0 <= index < size:
        raise ValueError(f"index is {index}, expected one of {size} leaves")
    node, place, last = leaf, index, size - 1
    for sibling in path:
        if last == 0:
            raise ValueError("the path is too long")
        if place & 1 or place == last:
            node = _node_hash(sibling, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = _node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise ValueError("the path is too short")
    return node


def _split(size: int) -> int:
    """The largest power of two below `size`: how many leaves stand left of the root."""
    return 1 << (size - 1).bit_length() - 1
