"""python -m probes run effect: what does an intervention do?"""

import argparse

from probes.commands.shared import add_reading, bar, opened, read_text, tell

TEXT = "what does an intervention do to reading, writing and computing?"
EXAMPLE = "--checkpoint tilelli/mini --text README.md --intervene remove:sparse@1 --json effect.json"


def add(parser: argparse.ArgumentParser) -> None:
    add_reading(parser)
    parser.add_argument("--max-new", type=int, default=64, help="bytes that are written after the text (default 64)")
    parser.add_argument("--temperature", type=float, default=0.0, help="0 takes the likeliest byte (default)")
    parser.add_argument("--seed", type=int, default=0, help="of the writing, with and without, and of the resampling")


def run(options: argparse.Namespace) -> None:
    from probes.effects import effect
    from tilelli.generation import Sampling
    from tilelli.interventions import parse

    model, text = opened(options), read_text(options, None)
    changes, sampling = parse(options.intervene), Sampling(options.max_new, options.temperature, seed=options.seed)
    with bar("windows") as progress:
        found = effect(model, text, changes, sampling, options.seed, progress)
    tell(options, "effect", model, text, found.tables, found.findings)
