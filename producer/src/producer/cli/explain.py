"""`producer explain`."""

from __future__ import annotations

from pathlib import Path

import click

import producer
from producer.cli.options import model_option
from producer.settings import ExplainSettings
from shared_spec.cli.trust import trust_option
from shared_spec.console import data_option, emit, facts, path_option
from shared_spec.options import Command, command_settings

__all__ = ["explain"]


@click.command(cls=Command)
@click.option("--individual", required=True, metavar="ID", help="A sample id of the data.")
@path_option("--spec", "The regulator's spec.safetensors.", required=True)
@model_option(None)
@data_option
@path_option("--head", "The consumer's certificate, whose head decides.", required=True)
@path_option("--out", "PNG to write.", required=True)
@trust_option
@click.option("--force", is_flag=True, help="Replace the picture at --out.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@command_settings(settings=ExplainSettings)
def explain(
    individual: str, spec: Path, model: Path, data: str, head: Path, out: Path, trust: Path | None, force: bool,
    as_json: bool, settings: ExplainSettings,
) -> None:  # fmt: skip
    """Draw one person beside the people who count as similar, with the consumer's decision on each.

    For somebody who asks why the certificate is not about them. Every change of the decision along a row is found, not
    only those between two pictures. The pictures are of one person: show them to nobody
    who may not see that person's image.

    \b
    Example:
      producer explain --individual test-000007 --spec spec.safetensors --model model/ --data portraits \\
        --head certificate/ --out why.png
    """
    from producer.explaining.verb import PRIVACY
    from shared_spec.trust.verification import origin_words

    found = producer.explain(
        individual, spec, model, data, head, out, settings=settings, trust=trust, force=force
    )
    origins = {name: origin_words(origin) for name, origin in found.origins.items()}
    result = {
        "picture": str(out),
        "individual": individual,
        "decision": found.decision,
        "strips": [
            {
                "attributes": list(decided.strip.attributes),
                "t": decided.strip.t.tolist(),
                "decisions": [found.classes[code] for code in decided.at_pictures],
                "changes": [decided.t_at(place) for place in decided.flips],
            }
            for decided in found.strips
        ],
        "certificate": found.said,
        "contradiction": found.contradiction,
        "origin": origins,
    }
    lines = [["individual", individual], ["decided", found.decision]]
    for decided in found.strips:
        places = ", ".join(decided.strip.place(decided.t_at(place)) for place in decided.flips)
        changes = f"changes at {places}" if places else "changes nowhere along it"
        lines.append([decided.strip.title, changes])
    lines += [[f"{view} view", words] for view, words in found.said.items()]
    if found.contradiction is not None:
        lines.append(["contradiction", found.contradiction])
    lines += [[f"origin of the {name}", words] for name, words in origins.items()]
    emit(result, as_json, facts(f"explained: {out}", lines), PRIVACY)
