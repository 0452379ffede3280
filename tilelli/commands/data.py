"""python -m tilelli data: what a corpus holds and how it would be split."""

import argparse

from tilelli.commands.shared import add_data

TEXT = "say what a corpus holds and how it would be split"
EXAMPLE = "--data texts/"


def add(parser: argparse.ArgumentParser) -> None:
    add_data(parser)


def run(options: argparse.Namespace) -> None:
    from tilelli.data.corpus import read, split

    corpus = read(options.data, options.text_field)
    kept, held_out = split(corpus)
    print(f"{corpus.source}: {len(corpus.documents):,} documents, {corpus.bytes:,} bytes, {corpus.dropped} dropped.")
    for name, documents in (("train", kept), ("held out", held_out)):
        print(f"{name:>9}: {len(documents):,} documents, {sum(map(len, documents)):,} bytes")
    print(f"   sha256: {corpus.sha256}")
    print(f"   begins: {corpus.documents[0][:100].decode('utf-8', 'replace')!r}")
