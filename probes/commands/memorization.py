"""python -m probes run memorization: what does a model repeat of its training text?"""

import argparse

from probes.commands.shared import add_probe, begun, put
from probes.registry import REGISTERED

TEXT = "what it repeats of its training text, held against text that was held out"
EXAMPLE = "--checkpoint tilelli/mini --train train.jsonl --held-out test.jsonl --quick"
PROBE = REGISTERED["memorization"]


def add(parser: argparse.ArgumentParser) -> None:
    add_probe(parser, PROBE)
    parser.add_argument("--train", required=True, help="text it was trained on: a file, a folder, or hub:NAME")
    parser.add_argument("--held-out", help="text of the same kind that it was not; else what training holds out")


def run(options: argparse.Namespace) -> None:
    from probes import memorization
    from probes.texts import text

    settings = begun(options, PROBE)
    train = text(options.train)
    held_out = None if options.held_out is None else text(options.held_out)
    settings |= {"train": options.train, "train_sha256": train.sha256}
    if held_out is not None:
        settings |= {"held_out": options.held_out, "held_out_sha256": held_out.sha256}
    name, seed, texts = options.checkpoint, options.seed, memorization.apart(train, held_out)
    put(
        options,
        memorization.NAME,
        None,
        settings,
        lambda model, keeper, progress: memorization.run(model, name, texts, settings, seed, keeper, progress),
    )
