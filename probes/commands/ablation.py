"""python -m probes run ablation: what hangs on each pathway?"""

import argparse

from probes.commands.shared import add_reading, bar, check_out, read_text, tell
from tilelli.commands.shared import use_threads

TEXT = "what hangs on each pathway? each taken out of each block, and what that costs in bits per byte"
EXAMPLE = "--checkpoint tilelli/mini --text README.md --json ablation.json"
KINDS = ("remove", "force")


def add(parser: argparse.ArgumentParser) -> None:
    add_reading(parser)
    text = "remove: each pathway is taken out (default); force: each is the only one left"
    parser.add_argument("--kind", choices=KINDS, default="remove", help=text)


def run(options: argparse.Namespace) -> None:
    from probes.ablation import ablation_map
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load
    from tilelli.interventions import parse

    use_threads(options.threads)
    check_out(options.json)
    model = load(options.checkpoint, ByteLM)
    text = read_text(options, None)
    with bar("cells") as progress:
        found = ablation_map(model, text, options.kind, parse(options.intervene), progress)
    tell(options, "ablation", model, text, {"cells": found.cells}, found.findings)
