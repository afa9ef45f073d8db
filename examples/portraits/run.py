"""The demo: three organisations, the embedded portraits, Naive and projection beside LASSI.

python examples/portraits/run.py --out out/portraits
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from compare import Play, perform

PLAY = Play(
    data="portraits",
    attributes=["Pale_Skin"],
    target="Smiling",
    # Two thirds of the preset's steps: the wait is shorter, and the figures hardly differ.
    flow=["--preset", "demo", "--steps", "700"],
    # Tubes show the consumer in which direction skin tone moves a representation: this producer agrees to that.
    fit={
        method: [
            "--preset",
            "demo",
            "--every",
            "4",
            "--tube-vertices",
            "9",
            "--counterparts",
            "Pale_Skin",
            "--share",
            "Smiling",
            "--share",
            "Pale_Skin",
        ]
        for method in ("naive", "project", "lassi")
    },
    certify=["--groups", "Pale_Skin"],
    shown=True,
    audited="lassi",
)

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("out/portraits"))
    perform(PLAY, parser.parse_args().out)
