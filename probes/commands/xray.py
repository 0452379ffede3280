"""python -m probes run xray: why did one byte get the probability it got?"""

import argparse

from probes.commands.shared import add_reading, opened, read_text, tell

TEXT = "why one byte got its probability: guesses, pathways, kept bytes, block by block, and without each pathway"
EXAMPLE = "--checkpoint tilelli/mini --text README.md --byte 100 --json xray.json"


def add(parser: argparse.ArgumentParser) -> None:
    add_reading(parser)
    what = "which byte, counted from 0 at the first that is read"
    parser.add_argument("--byte", required=True, type=int, metavar="N", help=what)


def run(options: argparse.Namespace) -> None:
    from probes.xray import xray
    from tilelli.interventions import parse

    model, text = opened(options), read_text(options, None)
    found = xray(model, list(text), options.byte, parse(options.intervene))
    tell(options, "xray", model, text, found.tables(), found.findings)
