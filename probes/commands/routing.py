"""python -m probes run routing: which pathway carries what?"""

import argparse

from probes.commands.shared import add_reading, bar, opened, read_text, tell

TEXT = "which pathway carries what? shares by block, kind of byte, position and kind of question"
EXAMPLE = "--checkpoint tilelli/mini --text README.md --json routing.json"


def add(parser: argparse.ArgumentParser) -> None:
    add_reading(parser)
    parser.add_argument("--bank", help="bank whose kinds of question are read too: a bundled name or a JSONL file")
    parser.add_argument("--each", type=int, default=8, help="prompts read of each kind (default 8)")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn: prompts, and pieces for the intervals")


def run(options: argparse.Namespace) -> None:
    from probes.banks import bank
    from probes.regimes import share_by_regime
    from probes.routing import from_trace, share_by_position
    from tilelli.interventions import parse
    from tilelli.trace import trace

    model = opened(options)
    asked = bank(options.bank) if options.bank else None
    text, changes = read_text(options, model.config.context), parse(options.intervene)
    found = from_trace(trace(model, list(text), changes))
    positions = share_by_position(found, model.config.context, options.seed)
    tables = {"blocks": found.blocks, "classes": found.classes, "positions": positions}
    if asked is not None:
        with bar("prompts") as progress:
            tables["regimes"] = share_by_regime(model, asked, options.each, options.seed, changes, progress)
    tell(options, "routing", model, text, tables, found.findings)
