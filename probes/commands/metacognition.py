"""python -m probes run metacognition: does any signal know when the model does not?"""

import argparse

from probes.commands.shared import add_probe, begun, put
from probes.registry import REGISTERED

TEXT = "does any signal tell what the model was not taught, or what it gets wrong? by regime, and the published rule"
EXAMPLE = "--checkpoint tilelli/mini-chat --bank regimes --quick"
PROBE = REGISTERED["metacognition"]


def add(parser: argparse.ArgumentParser) -> None:
    add_probe(parser, PROBE)
    what = "another checkpoint whose disagreement is a signal too; once for each"
    parser.add_argument("--committee", action="append", default=[], metavar="CHECKPOINT", help=what)


def run(options: argparse.Namespace) -> None:
    from probes import metacognition, report
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load, weights_hash

    settings = begun(options, PROBE)
    settings["committee"] = {name: weights_hash(load(name, ByteLM)) for name in options.committee}
    bank, name, seed = PROBE.questions(options.bank, options.quick, options.seed), options.checkpoint, options.seed
    put(
        options,
        metacognition.NAME,
        bank,
        settings,
        lambda model, keeper, progress: metacognition.run(model, name, bank, settings, seed, keeper, progress),
        report.metacognition,
    )
