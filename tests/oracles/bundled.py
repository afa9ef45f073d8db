"""The counterparts of a bundle, all shards together."""

import torch

from shared_spec.artifacts.shards import COUNTERPART, OWNER


def counterparts_of(bundle, split):
    """Per attribute the representations [m, d] of true counterparts, and of which individual each is [m]."""
    found = {name: [] for name, splits in bundle.manifest.counterparts.items() if split in splits}
    start = 0
    for tensors in bundle.shards(split):
        for name, parts in found.items():
            if COUNTERPART.format(name) in tensors:
                owners = tensors[OWNER.format(name)] + start
                parts.append((tensors[COUNTERPART.format(name)], owners))
        start += len(tensors["representation"])
    return {name: tuple(map(torch.cat, zip(*parts, strict=True))) for name, parts in found.items()}
