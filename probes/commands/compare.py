"""python -m probes run compare: which of several models predicts a text better, and how sure is that?"""

import argparse
from typing import TYPE_CHECKING

from probes.commands.shared import add_json, add_text, bar, begin, read_text, tell
from tilelli.commands.shared import add_interventions, add_threads

if TYPE_CHECKING:
    import pandas as pd

    from tilelli.base import ByteLM

TEXT = "which of two to four models predicts a text better, and how sure is that? for twins also what differs inside"
EXAMPLE = "--checkpoint tilelli/mini --checkpoint tilelli/mini-vanilla --text README.md"


def add(parser: argparse.ArgumentParser) -> None:
    what = "bundled name, folder, file, hub name or BASE::PARTS::DONOR; once for each, the first is A"
    parser.add_argument("--checkpoint", required=True, action="append", help=what)
    add_text(parser)
    add_interventions(parser)
    unchanged = "also compare the first checkpoint as it is, without the interventions; it is then B"
    parser.add_argument("--also-unchanged", action="store_true", help=unchanged)
    add_json(parser)
    add_threads(parser)


def run(options: argparse.Namespace) -> None:
    from probes.compare import Reading, check_count, compare, facts, settings
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load
    from tilelli.evaluation import surprise
    from tilelli.header import read_header
    from tilelli.interventions import parse

    begin(options)
    text = read_text(options, None)
    sides = _sides(options.checkpoint, options.intervene, options.also_unchanged)
    check_count(len(sides))  # before any of them reads
    headers = {name: read_header(name) for name, _ in sides}
    models = {name: load(name, ByteLM) for name in headers}
    readings = []
    for name, under in sides:
        with bar(name) as progress:
            readings.append(Reading(name, under, surprise(models[name], text, parse(under), progress=progress)))
    result, found = compare(text, readings), [headers[name] for name, _ in sides]
    tables = {"readings": result.table, "checkpoints": facts([name for name, _ in sides], found)}
    tables |= {"settings": settings(found)}
    findings = list(result.findings)
    for letter, (name, under) in list(zip(result.letters, sides, strict=True))[1:]:
        inside, said = _inside((models[sides[0][0]], models[name]), text, (sides[0][1], under), letter)
        tables |= {f"{table}, A and {letter}": rows for table, rows in inside.items()}
        findings += [f"A and {letter}: {sentence}" for sentence in said]
    tell(
        options,
        "compare",
        [models[name] for name in options.checkpoint],
        text,
        tables,
        findings,
        {"bytes": result.rows},
    )


def _sides(names: list[str], changes: str, unchanged: bool) -> list[tuple[str, str]]:
    """Who reads under what: interventions hold for every routed model; the first may stand there without them, too."""
    from tilelli.header import read_header
    from tilelli.interventions import parse, written

    under = written(parse(changes))
    sides = [(name, under if read_header(name).config.kind == "routed" else "") for name in names]
    return [sides[0], (names[0], ""), *sides[1:]] if unchanged and sides[0][1] else sides


def _inside(
    models: "tuple[ByteLM, ByteLM]", text: bytes, changes: tuple[str, str], letter: str
) -> "tuple[dict[str, pd.DataFrame], tuple[str, ...]]":
    """Tables and sentences on what differs inside twins; a sentence alone for others."""
    from probes.twins import between, unlike

    if odd := unlike(models[0].config, models[1].config):
        return {}, (f"not of one shape ({', '.join(odd)}), so their insides are not compared.",)
    found = between(*models, text, changes, letter)
    tables = {"attention": found.attention, "weights": found.weights.table()}
    if found.routing is not None:
        tables = {"routing": found.routing.shares, "choices": found.routing.choices} | tables
    return tables, found.findings
