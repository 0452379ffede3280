"""python -m probes run attention: which earlier bytes does each byte look at, and what is each head for?"""

import argparse
from typing import TYPE_CHECKING

from probes.commands.shared import add_reading, opened, read_text, tell

if TYPE_CHECKING:
    from tilelli.config import ModelConfig

TEXT = "what does each head look at? bytes in use, what top-k loses, simple rules, heads that do the same"
EXAMPLE = "--checkpoint tilelli/mini --text README.md --block 2 --head 1 --json attention.json"
PRINTED = 16  # kept bytes; a vanilla head keeps them all


def add(parser: argparse.ArgumentParser) -> None:
    add_reading(parser)
    parser.add_argument("--block", type=int, default=1, help="block of the head that is shown closely, from 1")
    parser.add_argument("--head", type=int, default=1, help="its number, from 1")
    parser.add_argument(
        "--byte", type=int, help="byte whose kept bytes are listed, from 0; the last that is read if not given"
    )


def check_head(options: argparse.Namespace, config: "ModelConfig") -> None:
    """Raise InputError if the model has no such block or head; they count from 1."""
    from tilelli.errors import InputError

    for what, most in (("block", config.n_blocks), ("head", config.n_heads)):
        if not 1 <= (number := getattr(options, what)) <= most:
            raise InputError(f"There is no such {what}", str(number), f"Use 1 to {most}.")


def run(options: argparse.Namespace) -> None:
    from probes.attention import grid, kept_set, reach
    from probes.survey import longest, survey
    from tilelli.interventions import parse
    from tilelli.trace import trace

    model = opened(options)
    check_head(options, model.config)
    text = read_text(options, longest(model.config))
    seen = trace(model, list(text), parse(options.intervene))
    found = survey(seen, model.config.top_k)
    byte = len(text) - 1 if options.byte is None else options.byte
    place = (options.block - 1, options.head - 1)
    kept = kept_set(seen, *place, byte).table()
    tables = {
        "heads": found.heads.table(),
        "closest": found.alike.pairs,
        "reach": reach(seen, *place).table(),
        "kept": kept.head(PRINTED),
    }
    more = {
        "roles": found.roles.table(),
        "alike": found.alike.table(),
        "kept": kept,
        "square": grid(seen, *place, byte).table(),
    }
    tell(options, "attention", model, text, tables, found.findings, more)
