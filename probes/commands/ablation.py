"""python -m probes run ablation: what hangs on each pathway?"""

import argparse

from probes.commands.shared import add_reading, bar, opened, read_text, tell

TEXT = "what hangs on each pathway? each taken out of each block, and what that costs in bits per byte"
EXAMPLE = "--checkpoint tilelli/mini --text README.md --json ablation.json"
KINDS = ("remove", "force")


def add(parser: argparse.ArgumentParser) -> None:
    add_reading(parser)
    text = "remove: each pathway is taken out (default); force: each is the only one left"
    parser.add_argument("--kind", choices=KINDS, default="remove", help=text)


def run(options: argparse.Namespace) -> None:
    from probes.ablation import ablation_map
    from tilelli.interventions import parse

    model, text, changes = opened(options), read_text(options, None), parse(options.intervene)
    with bar("cells") as progress:
        found = ablation_map(model, text, options.kind, changes, progress)
    tell(options, "ablation", model, text, {"cells": found.cells}, found.findings)
