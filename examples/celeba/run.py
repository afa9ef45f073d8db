"""The paper's Smiling / Pale_Skin on real faces at the paper's 64 pixels: Naive, projection and LASSI.

    python examples/celeba/run.py --data path/to/celeba --out out/celeba

The folder is CelebA as its owners hand it out; examples/celeba/part.py makes one of the images that are at hand. Its
agreement allows non-commercial research: pictures and models stay where they were made.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from compare import Play, perform_on_folder


def play(folder: str) -> Play:
    """The example on this folder."""
    shared = ("--preset", "demo", "--every", "4", "--tube-vertices", "9")
    return Play(
        data=f"celeba:{folder}",
        attributes=["Pale_Skin"],
        target="Smiling",
        flow=["--preset", "fairface-64"],
        fit=dict.fromkeys(["naive", "project", "lassi"], shared),
        # A tenth of the paper's images: five passes give the head nearer to as many steps as the paper's one.
        certify=["--epochs", "5"],
        published={"naive": "86.3 / 0.6", "project": "", "lassi": "85.9 / 98.0"},
    )


if __name__ == "__main__":
    perform_on_folder(__doc__, play, Path("out/celeba"))
