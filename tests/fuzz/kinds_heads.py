"""Heads at the edges of float64: what was proved of balls and tubes, against exact rational arithmetic."""

import torch
from heads import head_violations


def heads(generator):
    """Some heads of one seed."""
    return head_violations(int(torch.randint(0, 2**31, (1,), generator=generator)))


KINDS = {"heads": heads}
