"""Merkle trees: the vectors of RFC 6962's reference implementation, its recursive definition, and wrong paths."""

import hashlib

import pytest

from shared_spec.artifacts.merkle import Tree, inclusion_path, leaf_hash, root_from_path

INPUTS = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Of the first 1 to 8 inputs: certificate-transparency's merkletree tests, which accompany the RFC."""


def tree_of(leaves):
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
    return tree


def recursive(entries):
    """RFC 6962, 2.1, word by word."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    left, right = recursive(entries[:split]), recursive(entries[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def test_the_vectors_of_the_rfcs_authors():
    entries = [bytes.fromhex(each) for each in INPUTS]
    assert Tree().root() == hashlib.sha256(b"").digest()
    for count, root in enumerate(ROOTS, 1):
        assert tree_of(map(leaf_hash, entries[:count])).root().hex() == root
        assert recursive(entries[:count]).hex() == root


@pytest.mark.parametrize("size", [*range(1, 34), 63, 64, 65, 100])
def test_roots_and_paths_follow_the_definition(size):
    entries = [b"%d" % number for number in range(size)]
    leaves = [leaf_hash(entry) for entry in entries]
    root = recursive(entries)
    assert tree_of(leaves).root() == root
    for index, leaf in enumerate(leaves):
        path = inclusion_path(iter(leaves), index, size)
        assert root_from_path(leaf, index, size, path) == root
        assert len(path) <= (size - 1).bit_length()


def test_no_other_leaf_place_size_or_path_gives_the_root():
    size = 21
    leaves = [leaf_hash(b"%d" % number) for number in range(size)]
    root = tree_of(leaves).root()

    def proves(leaf, index, size, path):
        try:
            return root_from_path(leaf, index, size, path) == root
        except ValueError:
            return False

    for index, leaf in enumerate(leaves):
        path = inclusion_path(leaves, index, size)
        for other in range(-1, size + 1):
            assert proves(leaf, other, size, path) == (other == index)
            if other != index:
                assert not proves(leaves[other % size], index, size, path) or other % size == index
        assert not proves(leaf, index, size, path[1:])
        assert not proves(leaf, index, size, (*path, leaf))
        assert not proves(leaf, index, size, path[:-1])
        for place in range(len(path)):
            changed = [*path]
            changed[place] = bytes(32)
            assert not proves(leaf, index, size, changed)


def test_a_node_is_never_a_leaf():
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    root = tree_of([left, right]).root()
    assert leaf_hash(left + right) != root, "who shows a node as an entry must not be believed"


def test_a_stream_that_ends_early_or_late_has_no_path():
    leaves = [leaf_hash(b"%d" % number) for number in range(5)]
    for count in (4, 6):
        with pytest.raises(ValueError, match="leaves, expected"):
            inclusion_path([*leaves, leaves[0]][:count], 2, 5)
