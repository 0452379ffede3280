"""python -m probes run committee: are several checkpoints better together?"""

import argparse

from probes.commands.shared import add_json, add_store, bar, begin, write_json
from tilelli.commands.shared import add_threads

TEXT = "are several checkpoints better together, at what cost, and does their disagreement tell where they fail?"
EXAMPLE = "--checkpoint runs/a --checkpoint runs/b --text README.md"
BYTES, QUICK = 20_000, 5_000


def add(parser: argparse.ArgumentParser) -> None:
    what = "bundled name, folder, file or hub name; once for each member"
    parser.add_argument("--checkpoint", required=True, action="append", help=what)
    parser.add_argument("--text", required=True, help="text, JSONL or Parquet, a file or a folder")
    parser.add_argument("--bytes", type=int, default=BYTES, help=f"how much of it is read (default {BYTES:,})")
    parser.add_argument("--quick", action="store_true", help=f"a quick look: {QUICK:,} bytes at most")
    parser.add_argument("--seed", type=int, default=0, help="of the resampling")
    add_json(parser)
    add_store(parser)
    add_threads(parser)


def run(options: argparse.Namespace) -> None:
    from probes import committee, report
    from probes.store.keeper import keeping
    from probes.store.key import Key
    from probes.texts import text
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load, weights_hash
    from tilelli.errors import InputError

    begin(options)
    if options.bytes < 1:
        raise InputError("There is nothing to read", f"{options.bytes} bytes", "Use --bytes with 1 or more.")
    corpus = text(options.text)
    members = [(name, load(name, ByteLM)) for name in options.checkpoint]
    settings = {
        "members": {name: weights_hash(model) for name, model in members},
        "text": options.text,
        "text_sha256": corpus.sha256,
        "bytes": min(options.bytes, QUICK) if options.quick else options.bytes,
    }
    with bar("members") as progress:
        result = committee.run(members, corpus, settings, options.seed, progress)
    print(f"{report.probe(result)}\n\nFrom one member to all:")
    print(result.tables["sizes"].round(3).to_string(index=False))
    with keeping(options.store) as keeper:
        keeper.put(Key.of(committee.NAME, members[0][1], None, settings, options.seed), result)
        if options.json:
            write_json(options.json, {"probe": committee.NAME, "quick": options.quick, "results": [result.to_dict()]})
