"""python -m probes run skipping: what do small router weights cost and save?"""

import argparse
import sys

from probes.commands.shared import add_reading, bar, opened, read_text, tell

TEXT = "what do small router weights save when they are left out, in time too, and cost in reading?"
EXAMPLE = "--checkpoint tilelli/mini --text README.md --thresholds 0,0.05,0.1,0.2"


def add(parser: argparse.ArgumentParser) -> None:
    add_reading(parser)
    parser.add_argument("--thresholds", metavar="NUMBERS", help="0 to 1, by comma; ten from 0 to 0.5 if not given")
    parser.add_argument("--seed", type=int, default=0, help="of the resampling")


def run(options: argparse.Namespace) -> None:
    from importlib.util import find_spec

    from probes.skipping import THRESHOLDS, findings, measure, table
    from tilelli.engine.choice import compiled_before
    from tilelli.interventions import parse

    thresholds = THRESHOLDS if options.thresholds is None else numbers(options.thresholds)
    model, text, found = opened(options), read_text(options, None), []
    timed = find_spec("numba") is not None
    if timed and not compiled_before():
        print("Compiling, once on this machine: about two minutes.", file=sys.stderr)
    with bar("thresholds") as progress:
        for point in measure(model, text, thresholds, parse(options.intervene), options.seed, timed):
            found.append(point)
            progress(len(found), len(thresholds))
    tell(options, "skipping", model, text, {"thresholds": table(found)}, findings(found, len(text)))


def numbers(words: str) -> tuple[float, ...]:
    """`0,0.05` as numbers.

    Raises:
        InputError: one of them is no number, or there is none.
    """
    from tilelli.errors import InputError

    try:
        return tuple(float(word) for word in words.split(","))
    except ValueError:
        raise InputError("These are no thresholds", words[:60], "Write for example 0,0.05,0.1.") from None
