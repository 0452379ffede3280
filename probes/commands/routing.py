"""python -m probes run routing: which pathway carries what?"""

import argparse

from probes.commands.shared import add_reading, check_out, read_text, tell
from tilelli.commands.shared import use_threads

TEXT = "which pathway carries what? shares by block and by kind of byte, over one text"
EXAMPLE = "--checkpoint tilelli/mini --text README.md --json routing.json"


def add(parser: argparse.ArgumentParser) -> None:
    add_reading(parser)


def run(options: argparse.Namespace) -> None:
    from probes.routing import from_trace
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load
    from tilelli.interventions import parse
    from tilelli.trace import trace

    use_threads(options.threads)
    check_out(options.json)
    model = load(options.checkpoint, ByteLM)
    text = read_text(options, model.config.context)
    found = from_trace(trace(model, list(text), parse(options.intervene)))
    tell(options, "routing", model, text, {"blocks": found.blocks, "classes": found.classes}, found.findings)
