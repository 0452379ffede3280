"""python -m probes run xray: why did one byte get the probability it got?"""

import argparse
from pathlib import Path

from probes.commands.shared import add_json, check_out, read_text, tell
from tilelli.commands.shared import add_checkpoint, add_interventions, add_threads, use_threads

TEXT = "why one byte got its probability: guesses, pathways, kept bytes, block by block, and without each pathway"
EXAMPLE = "--checkpoint tilelli/mini --text README.md --byte 100 --json xray.json"


def add(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser)
    parser.add_argument("--text", required=True, type=Path, help="file whose bytes are read, as they are")
    parser.add_argument("--byte", required=True, type=int, metavar="N", help="number of the byte in it, from 0")
    add_interventions(parser)
    add_json(parser)
    add_threads(parser)
    parser.set_defaults(first=0)


def run(options: argparse.Namespace) -> None:
    from probes.xray import xray
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load
    from tilelli.interventions import parse

    use_threads(options.threads)
    check_out(options.json)
    model = load(options.checkpoint, ByteLM)
    text = read_text(options, None)
    found = xray(model, list(text), options.byte, parse(options.intervene))
    tell(options, "xray", model, text, found.tables(), found.findings)
