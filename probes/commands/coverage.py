"""python -m probes run coverage: which scripts, letters and bytes was a model taught?"""

import argparse

from probes.commands.shared import add_probe, begun, put
from probes.registry import REGISTERED

TEXT = "which bytes, scripts and languages was it taught, does it know capitals, does it write UTF-8?"
EXAMPLE = "--checkpoint tilelli/mini --quick"
PROBE = REGISTERED["coverage"]


def add(parser: argparse.ArgumentParser) -> None:
    add_probe(parser, PROBE)
    parser.add_argument("--text", help="plain text to try capitals and classes of bytes on; else the bank")


def run(options: argparse.Namespace) -> None:
    from probes import coverage
    from probes.texts import named

    settings = begun(options, PROBE)
    bank = PROBE.questions(options.bank, options.quick, options.seed)
    assert bank is not None
    corpus, told = named(options.text)
    settings |= told
    name, seed = options.checkpoint, options.seed
    put(
        options,
        coverage.NAME,
        bank,
        settings,
        lambda model, keeper, progress: coverage.run(model, name, bank, corpus, settings, seed, keeper, progress),
    )
