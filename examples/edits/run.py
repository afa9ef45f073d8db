"""Similar people as edited images: three organisations, the embedded portraits, chains in place of a vector.

The regulator needs no pairs of images: its edit is the difference of two groups' mean images. What is certified is then
said of images that can be stored, and the reality check shows how many people get the decision of all their true
counterparts.

    python examples/edits/run.py --out out/edits
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from compare import Play, perform

FORGET = ["--forget", "2048"]
"""Of 3,072 directions; chosen on another draw of the portraits, on its validation people (docs/meaning.md)."""

PLAY = Play(
    data="portraits",
    attributes=["Pale_Skin"],
    target="Smiling",
    flow=["--preset", "demo"],
    publish=["--similar", "edits"],
    fit={
        method: ["--preset", "demo", "--every", "4", "--tube-vertices", "9", "--view", "exact",
                 "--counterparts", "Pale_Skin", *forget]
        for method, forget in {"naive": [], "project": FORGET, "lassi": FORGET}.items()
    },
)  # fmt: skip

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("out/edits"))
    perform(PLAY, parser.parse_args().out)
