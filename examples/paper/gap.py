"""How much of a method's poor figure is the certificate: the same encoders and heads, certified in five ways.

    python examples/paper/run.py --table celeba --data celeba:DIR --every 4 --tube-vertices 9 --out out/celeba
    python examples/paper/gap.py --out out/celeba

Reads what `run.py` finished; only the first column, the paper's own certificate with a sampled head, is made anew.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from finished import finished
from parties import Organisation
from tables import FIVE_PASSES

from shared_spec import load_certificate
from shared_spec.terms import Status

COLUMNS = ("as published", "smoothing", "exact, balls", "exact, tubes", "attack")


def main() -> None:
    """Reads the arguments and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    rows: dict[tuple[str, str, str], list[list[float]]] = defaultdict(list)
    for method, attributes, task, folder, result in finished(out):
        if {"smoothing", "exact"} <= result["claims"].keys():
            rows[attributes, task, method].append(certified(folder, task, result))
    print(f"| attributes | task | method | {' | '.join(COLUMNS)} |")
    print("|" + "---|" * (3 + len(COLUMNS)))
    for key in sorted(rows, key=lambda key: (key[0].count("+"), *key)):
        means = [f"{statistics.fmean(values):.1f}" for values in zip(*rows[key], strict=True)]
        print(f"| {' | '.join(key)} | {' | '.join(means)} |".replace("+", " + "))


def certified(folder: Path, task: str, result: Any) -> list[float]:  # noqa: ANN401 - JSON
    """Percent of one encoder's individuals, in the order of the columns."""
    seed = folder.name.removeprefix("seed-")
    certificate, published = folder / f"certificate-{task}", folder / f"published-{task}"
    noise = load_certificate(certificate).document.head.sigma_rs
    if not published.exists():
        party = Organisation(f"{folder.parts[-4]}, seed {seed}", folder)
        party.run("consumer", "certify", "--reps", "reps", "--target", task, *FIVE_PASSES, "--seed", seed,
                  "--noise", f"{noise:g}", "--view", "smoothing", "--radius", "randomized",
                  "--report-radius", "--out", published.name)  # fmt: skip
    claim = load_certificate(published).document.claims["smoothing"]
    exact = load_certificate(certificate).rows_of("exact")
    balls = [
        row.status == Status.CERTIFIED
        and row.d_cs is not None
        and row.d_rs is not None
        and row.d_rs > row.d_cs
        for row in exact
    ]
    shares = (
        claim.certified_fraction,
        result["claims"]["smoothing"]["certified_fraction"],
        statistics.fmean(balls),
        result["claims"]["exact"]["certified_fraction"],
        result["fair"],
    )
    return [100 * share for share in shares]


if __name__ == "__main__":
    main()
