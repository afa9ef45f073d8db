"""Parquet rows changed at random: refused at once and in one line, or rows of the right kinds."""

import torch
from tables import table_violations


def tables(generator):
    """One change of one seed."""
    return table_violations(int(torch.randint(0, 2**31, (1,), generator=generator)))


KINDS = {"tables": tables}
