"""python -m tilelli data: what a text holds and how it would be split, or a sample of it on this disk."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tilelli.commands.shared import Stop, add_data, add_source, in_bytes, one_of

if TYPE_CHECKING:
    from tilelli.data.documents import Documents

TEXT = "say what a text holds and how it would be split, or fetch a sample of it"
EXAMPLE = "--source hub:HuggingFaceFW/fineweb-edu --config sample-10BT --bytes 2G --out fineweb.jsonl.gz"


def add(parser: argparse.ArgumentParser) -> None:
    add_data(parser, required=False)
    add_source(parser)
    parser.add_argument("--config", help="config of a set on the hub, if it has several")
    parser.add_argument("--split", help="split of a set on the hub; train if not given")
    parser.add_argument("--out", help="file to write: .jsonl, .jsonl.gz, .jsonl.xz or .jsonl.bz2")
    parser.add_argument(
        "--resume", action="store_true", help="go on with --out where it was left, also to more --bytes"
    )


def run(options: argparse.Namespace) -> None:
    from tilelli.data.documents import Documents, told
    from tilelli.data.sample import fetch
    from tilelli.data.source import find

    one_of(options)
    limit = in_bytes(options.bytes)
    text = find(options.source or options.data, options.config, options.split, options.text_field)
    documents = Documents(text, limit)
    if options.out:
        stop = Stop()
        with _progress(documents) as show:
            done = fetch(documents, Path(options.out), options.resume, show, stop.asked)
        state = "done" if done else "stopped; go on with --resume"
        what = f"{documents.count:,} documents, {documents.bytes:,} bytes of {text.name}, {told(documents.dropped)}"
        print(f"{options.out}: {state}. {what}.")
        if not done:
            return
        documents = Documents(find(options.out))
    _describe(documents)


def _describe(documents: "Documents") -> None:
    from tilelli.data.corpus import summarize
    from tilelli.data.documents import told

    with _progress(documents) as show:
        found = summarize(documents, show)
    counts = f"{documents.count:,} documents, {documents.bytes:,} bytes, {told(documents.dropped)}"
    print(f"{documents.source.name}: {counts}.")
    for name, (count, size) in (("train", found.train), ("held out", found.held_out)):
        print(f"{name:>9}: {count:,} documents, {size:,} bytes")
    print(f"   sha256: {found.sha256}")
    print(f"   begins: {found.begins.decode('utf-8', 'replace')!r}")


@contextmanager
def _progress(documents: "Documents") -> Iterator[Callable[[], None]]:
    """A bar on standard error, brought up to date by each call of what it gives."""
    from tqdm import tqdm

    with tqdm(total=documents.limit, unit="B", unit_scale=True, mininterval=0.5, disable=None) as bar:

        def show() -> None:
            if bar.n == 0:
                bar.initial = bar.n = documents.bytes  # a sample that is gone on with has a speed of its own
            bar.set_postfix_str(f"{documents.count:,} documents", refresh=False)
            bar.update(documents.bytes - bar.n)

        yield show
