"""python -m tilelli eval: bits per byte of a checkpoint on a text."""

import argparse

from tilelli.commands.shared import add_checkpoint, add_data

TEXT = "bits per byte of a checkpoint on a text"
EXAMPLE = "--checkpoint tilelli/mini --data README.md"


def add(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser)
    add_data(parser)


def run(options: argparse.Namespace) -> None:
    import math

    from tqdm import tqdm

    from tilelli.base import ByteLM
    from tilelli.checkpoint import load
    from tilelli.data.corpus import read
    from tilelli.evaluation import evaluate

    model = load(options.checkpoint, ByteLM)
    corpus = read(options.data, options.text_field)
    with tqdm(unit="window", leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        score = evaluate(model, corpus.documents, progress=show)
    bpb = score.bits_per_byte
    where = f"{corpus.bytes:,} bytes in {len(corpus.documents):,} documents"
    print(f"{options.checkpoint}: {bpb:.4f} bits per byte ({bpb * math.log(2):.4f} nats) over {where}.")
