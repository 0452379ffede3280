"""python -m probes run calibration: when it says 80 %, is it right 80 % of the time?"""

import argparse

from probes.commands.shared import add_probe, begun, put
from probes.registry import REGISTERED

TEXT = "when it says 80 %, is it right 80 % of the time? of replies, forced choices and the next byte of a text"
EXAMPLE = "--checkpoint tilelli/mini-chat --text README.md --quick"
PROBE = REGISTERED["calibration"]


def add(parser: argparse.ArgumentParser) -> None:
    add_probe(parser, PROBE)
    parser.add_argument(
        "--text", help="text whose next bytes are predicted: text, JSONL or Parquet, a file or a folder"
    )


def run(options: argparse.Namespace) -> None:
    from probes import calibration, report
    from probes.texts import named

    settings = begun(options, PROBE)
    corpus, told = named(options.text)
    settings |= told
    bank, name, seed = PROBE.questions(options.bank, options.quick, options.seed), options.checkpoint, options.seed
    put(
        options,
        calibration.NAME,
        bank,
        settings,
        lambda model, keeper, progress: calibration.run(model, name, bank, corpus, settings, seed, keeper, progress),
        report.calibration,
    )
