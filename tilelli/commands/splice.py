"""python -m tilelli splice: parts of one checkpoint in another, kept as a checkpoint of its own."""

import argparse
from pathlib import Path

TEXT = "put parts of one checkpoint into another and keep the result, with its ancestry, as a checkpoint of its own"
EXAMPLE = "tilelli/mini::router+dense@1-2::runs/mine --out runs/spliced"


def add(parser: argparse.ArgumentParser) -> None:
    parts = "router, local, sparse, dense, block or abstain, joined by +; dense@1-2 is that of blocks 1 to 2"
    parser.add_argument("name", metavar="BASE::PARTS::DONOR", help=f"two checkpoints and what is taken: {parts}")
    parser.add_argument("--out", required=True, type=Path, help="folder that is made; it must not be there yet")


def run(options: argparse.Namespace) -> None:
    from tilelli.header import read_header
    from tilelli.splice import save_splice

    folder = save_splice(options.name, options.out)
    header = read_header(folder)
    about = header.provenance["splice"]
    print(f"{folder}: {header.num_parameters:,} parameters")
    for role in ("base", "donor"):
        print(f"{role}: {about[role]['name']} (weights {about[role]['weights'][:12]})")
    print(f"parts of the donor: {about['parts']}")
