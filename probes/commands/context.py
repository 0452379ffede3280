"""python -m probes run context: what does a model make of the bytes before?"""

import argparse

from probes.commands.shared import add_probe, begun, put
from probes.registry import REGISTERED

TEXT = "what it makes of the bytes before: position, distance, and what happens past the context"
EXAMPLE = "--checkpoint tilelli/mini --text FILE --quick"
PROBE = REGISTERED["context"]


def add(parser: argparse.ArgumentParser) -> None:
    add_probe(parser, PROBE)
    parser.add_argument("--text", help="plain text that is read; else the prompts of the bank")


def run(options: argparse.Namespace) -> None:
    from probes import context
    from probes.texts import named

    settings = begun(options, PROBE)
    bank = PROBE.questions(options.bank, options.quick, options.seed)
    assert bank is not None
    corpus, told = named(options.text)
    settings |= told
    name, seed = options.checkpoint, options.seed
    put(
        options,
        context.NAME,
        bank,
        settings,
        lambda model, keeper, progress: context.run(model, name, bank, corpus, settings, seed, keeper, progress),
    )
