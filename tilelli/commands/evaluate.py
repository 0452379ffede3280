"""python -m tilelli eval: bits per byte of a checkpoint on a text."""

import argparse

from tilelli.commands.shared import add_checkpoint, add_data, add_interventions

TEXT = "bits per byte of a checkpoint on a text"
EXAMPLE = "--checkpoint tilelli/mini --data README.md"


def add(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser)
    add_data(parser)
    add_interventions(parser)


def run(options: argparse.Namespace) -> None:
    import math

    from tqdm import tqdm

    from tilelli.base import ByteLM
    from tilelli.checkpoint import load
    from tilelli.data.corpus import read
    from tilelli.evaluation import evaluate
    from tilelli.interventions import parse

    model, changes = load(options.checkpoint, ByteLM), parse(options.intervene)
    corpus = read(options.data, options.text_field)
    with tqdm(unit="window", leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        score = evaluate(model, corpus.documents, progress=show, interventions=changes)
    bpb = score.bits_per_byte
    where = f"{corpus.bytes:,} bytes in {len(corpus.documents):,} documents"
    under = f" under {options.intervene}" if changes else ""
    print(f"{options.checkpoint}{under}: {bpb:.4f} bits per byte ({bpb * math.log(2):.4f} nats) over {where}.")
