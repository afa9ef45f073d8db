"""One table of the paper: every method, several seeds, mean and standard deviation, both views.

    python examples/paper/run.py --table 1 --data portraits --seeds 5 --every 64 --out out/table1
    python examples/paper/run.py --table 4 --data fairface:DIR --seeds 5 --every 32 --out out/table4

A run that was stopped goes on where it was when the same command is given again.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from attack import empirically_fair, exported_ids, latents_of
from finished import alike
from parties import Organisation
from tables import FIVE_PASSES, TABLES, Row

from shared_spec import load_bundle
from shared_spec.terms import Status


def main() -> None:
    """Reads the arguments, runs what is missing and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--table", choices=list(TABLES), required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--preset", choices=["demo", "paper"], default="demo")
    parser.add_argument(
        "--flow",
        help="preset of the flow; unless given the paper's, or one for these data at 32 px",
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--every", type=int, default=64)
    parser.add_argument("--tube-vertices", type=int, default=0)
    parser.add_argument(
        "--everybody",
        action="store_true",
        help="bound and decide all of the test split by the exact view, not every n-th",
    )
    parser.add_argument(
        "--rows", type=int, nargs="*", help="positions of the rows to run, all unless given"
    )
    parser.add_argument("--methods", nargs="*", help="columns to run, all unless given")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    os.environ.setdefault("LASSI_CACHE", str((chosen.out / "cache").resolve()))
    table = TABLES[chosen.table]
    rows = [table.rows[i] for i in chosen.rows] if chosen.rows else table.rows
    scheme, _, place = chosen.data.partition(":")
    photographs = scheme in ("celeba", "fairface", "folder")
    data = f"{scheme}:{Path(place).resolve()}" if place and scheme != "portraits" else chosen.data
    words = [
        "--preset",
        chosen.preset,
        "--every",
        str(chosen.every),
        "--tube-vertices",
        str(chosen.tube_vertices),
    ]
    small = chosen.preset == "demo"
    heads = FIVE_PASSES if small and (table.five_passes or photographs) else []
    # Photographs need the wider flow of the two small ones.
    flow_preset = chosen.flow or ("fairface" if small and photographs else chosen.preset)
    cells = [
        (row, column)
        for row in rows
        for column in row.fit
        if not chosen.methods or column in chosen.methods
    ]
    results: dict[int, list[dict[str, Any]]] = {index: [] for index in range(len(cells))}
    # Seed after seed: a run that is stopped leaves a whole table of fewer seeds.
    for seed in range(chosen.seeds):
        for index, (row, column) in enumerate(cells):
            spec = publish(row, column, data, flow_preset, chosen.out)
            folder = chosen.out / column / row.name
            fit = [*words, *row.fit[column]]
            if table.counterparts:
                known = [name.partition(":")[0] for name in row.attributes]
                fit += [word for name in known for word in ("--counterparts", name)]
            head = [*heads, *table.heads.get(column, [])]
            found = certify(row, spec, data, fit, head, seed, folder)
            if chosen.everybody:
                exact = everybody(row, spec, data, chosen.tube_vertices, seed, folder)
                for task, figures in exact.items():
                    found[task]["claims"]["exact"] |= figures
            results[index].append(found)
            shown = summary(row, column, row.tasks[0], [results[index][-1][row.tasks[0]]])
            print(f"seed {seed}, {index + 1} of {len(cells)}: {shown}", flush=True)
        text = markdown(cells, results)
        (chosen.out / "table.md").write_text(f"# {table.title}, {seed + 1} seeds\n\n{text}\n")
    print(f"\n{text}\n\nwritten to {chosen.out / 'table.md'}")


def markdown(cells: list[tuple[Row, str]], results: dict[int, list[dict[str, Any]]]) -> str:
    """The table of what is done so far."""
    lines = [
        summary(row, column, task, [result[task] for result in results[index]])
        for index, (row, column) in enumerate(cells)
        for task in row.tasks
    ]
    head = [
        "| attributes | task | method | view | accuracy % | balanced % | certified % | attack: fair % "
        "| as counterparts % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *lines])


def publish(row: Row, column: str, data: str, preset: str, out: Path) -> Path:
    """The spec of this row and column, published once; all rows share one flow."""
    regulator = Organisation("regulator", out / "regulator")
    flow = regulator.folder / "flow.safetensors"
    if not flow.exists():
        regulator.run(
            "regulator",
            "train-flow",
            "--data",
            data,
            "--preset",
            preset,
            "--out",
            flow.name,
        )
    further = row.published.get(column, [])
    kind = "".join(f"-{word.strip('-')}" for word in further)
    spec = regulator.folder / f"{row.name}{kind}.safetensors"
    if not spec.exists():
        names = [word for name in row.attributes for word in ("--attribute", name)]
        regulator.run("regulator", "publish-spec", "--data", data, "--flow", flow.name, *names, *row.publish,
                      *further, "--out", spec.name)  # fmt: skip
    return spec.resolve()


def certify(
    row: Row, spec: Path, data: str, fit: list[str], words: list[str], seed: int, folder: Path
) -> dict[str, Any]:
    """Claims per task of one encoder, from the last time or computed now."""
    folder = cell(row, seed, folder)
    done = folder / "claims.json"
    if not done.exists():
        party = Organisation(f"{folder.parts[-4]}, seed {seed}", folder)
        target = ["--target", row.train_on] if row.train_on else []
        party.run("producer", "fit", "--spec", str(spec), "--data", data, *target, *row.shared, *fit,
                  "--seed", str(seed), "--model", "model", "--out", "reps")  # fmt: skip
        claims = {}
        for task in row.tasks:
            result = party.run("consumer", "certify", "--reps", "reps", "--target", task, *words, "--seed", str(seed),
                               "--out", f"certificate-{task}", "--force")  # fmt: skip
            fair = attacked(spec, data, folder, folder / f"certificate-{task}")
            claims[task] = {"claims": result["claims"], "reality": result["reality"], "fair": fair}
        done.write_text(json.dumps(claims))
    found: dict[str, Any] = json.loads(done.read_text())
    return found


def everybody(
    row: Row, spec: Path, data: str, tube_vertices: int, seed: int, folder: Path
) -> dict[str, dict[str, float]]:
    """Per task what one encoder and its heads do for the whole test split, by the exact view."""
    folder = cell(row, seed, folder)
    done = folder / "everybody.json"
    if not done.exists():
        party = Organisation(f"{folder.parts[-4]}, seed {seed}", folder)
        party.run("producer", "export", "--spec", str(spec), "--data", data, "--model", "model",
                  "--view", "exact", "--tube-vertices", str(tube_vertices), *row.shared,
                  "--out", "everybody", "--force")  # fmt: skip
        bundle = load_bundle(folder / "everybody")
        figures = {}
        for task in row.tasks:
            predictions = folder / f"everybody-{task}.csv"
            party.run("consumer", "predict", "--reps", "everybody", "--head", f"certificate-{task}",
                      "--out", predictions.name, "--force")  # fmt: skip
            classes, codes = bundle.manifest.labels[task], bundle.labels("test", task)
            truth = {i: classes[c] for i, c in zip(bundle.sample_ids("test"), codes, strict=True)}
            with predictions.open(newline="") as stream:
                rows = list(csv.DictReader(stream))
            right: dict[str, list[bool]] = {name: [] for name in classes}
            for one in rows:
                real = truth[one["sample_id"]]
                right[real].append(one["prediction"] == real)
            figures[task] = {
                "accuracy": statistics.fmean(chain(*right.values())),
                "balanced_accuracy": statistics.fmean(
                    map(statistics.fmean, filter(None, right.values()))
                ),
                "certified_fraction": statistics.fmean(
                    one["status"] == Status.CERTIFIED for one in rows
                ),
            }
        done.write_text(json.dumps(figures))
    found: dict[str, dict[str, float]] = json.loads(done.read_text())
    return found


def cell(row: Row, seed: int, folder: Path) -> Path:
    """Where one encoder of a row and column is made."""
    return folder / (row.train_on or "no-task") / f"seed-{seed}"


def summary(row: Row, column: str, task: str, results: list[Any]) -> str:
    """Lines of the table: mean and standard deviation over seeds, one line per view."""
    lines = []
    for view in sorted(results[0]["claims"], reverse=True):
        cells = [
            _spread([100 * result["claims"][view][name] for result in results])
            for name in ("accuracy", "balanced_accuracy", "certified_fraction")
        ]
        # The attack and the counterparts are about C∘R∘E, the model of the exact view.
        exact = view == "exact"
        cells.append(_spread([100 * result["fair"] for result in results]) if exact else "")
        shares = [[alike(check) for check in result["reality"]] for result in results]
        cells.append(", ".join(map(_spread, zip(*shares, strict=True))) if exact else "")
        lines.append(f"| {row.shown} | {task} | {column} | {view} | {' | '.join(cells)} |")
    return "\n".join(lines)


def attacked(spec: Path, data: str, folder: Path, certificate: Path) -> float:
    """The share of the certified split that a dense attack along S(x) moves to no other decision."""
    ids = exported_ids(folder / "reps")
    latents = latents_of(spec, data, "test", ids)
    return float(empirically_fair(spec, folder / "model", certificate, latents).mean())


def _spread(values: Sequence[float]) -> str:
    deviation = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.1f}{deviation}"


if __name__ == "__main__":
    main()
