"""Makes a CelebA folder of those images that are at hand: their attributes, and a partition by name.

    python examples/celeba/part.py --images img_align_celeba --attributes list_attr_celeba.txt --out path/to/celeba

The official partition needs all 202,599 images. Of a part of them, here, the first 77 % by name train, the next 9 % are
for validation and the rest is for tests; names are ordered at random, but one celebrity may stand on both sides.
"""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["part"]

_TRAIN, _VALID = 0.7725, 0.0858


def part(images: Path, attributes: Path, out: Path) -> tuple[int, int, int]:
    """Writes attributes and partition into `out`, with a link to the images; how many are in each split.

    Raises:
        FileExistsError: `out` holds such a folder already.
    """
    names = sorted(path.name for path in images.glob("*.jpg"))
    text = attributes.read_text()
    lines = text.splitlines()
    header = lines[1] if lines[0].strip().isdigit() else lines[0]
    rows = {line.split()[0]: line for line in lines[lines.index(header) + 1 :] if line.strip()}
    train, valid = round(_TRAIN * len(names)), round(_VALID * len(names))
    splits = [0] * train + [1] * valid + [2] * (len(names) - train - valid)
    out.mkdir(parents=True, exist_ok=True)
    (out / "img_align_celeba").symlink_to(images.resolve(), target_is_directory=True)
    listed = [str(len(names)), header, *(rows[name] for name in names)]
    (out / "list_attr_celeba.txt").write_text("\n".join(listed) + "\n")
    partition = [f"{name} {split}" for name, split in zip(names, splits, strict=True)]
    (out / "list_eval_partition.txt").write_text("\n".join(partition) + "\n")
    return train, valid, len(names) - train - valid


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--attributes", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    print("train {}, valid {}, test {}".format(*part(given.images, given.attributes, given.out)))
