"""python -m probes history: what is stored, and one result of it."""

import argparse
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from probes.commands.shared import add_json, check_out, write_json

if TYPE_CHECKING:
    from probes.result import ProbeResult
    from probes.store.store import Store

TEXT = "what is stored, newest first; or one result, by its number"
EXAMPLE = "--probe abstain"
COLUMNS = ("id", "time", "probe", "checkpoint", "weights", "seed", "code", "verdicts")


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="?", type=int, help="number of a result that is to be shown")
    parser.add_argument("--probe", help="only results of this probe")
    parser.add_argument("--checkpoint", help="only those of this name, or of weights whose hash begins so")
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    from probes.store.store import Store

    check_out(options.json)
    store = Store()
    try:
        _one(options, store) if options.id is not None else _all(options, store)
    finally:
        store.close()


def figures(result: "ProbeResult") -> str:
    """A line a figure, with its interval and how many rows it comes from."""
    import pandas as pd

    from probes.report import number

    lines = [(part, name, number(found), found.n) for (part, name), found in result.figures.items()]
    return pd.DataFrame(lines, columns=["part", "figure", "value", "n"]).to_string(index=False)


def _all(options: argparse.Namespace, store: "Store") -> None:
    """A line each; times are UTC."""
    import pandas as pd

    entries = [asdict(entry) for entry in store.history(options.probe, options.checkpoint)]
    if options.json:
        write_json(options.json, {"history": entries})
    if not entries:
        print("Nothing is stored yet. A probe such as python -m probes run abstain keeps its result.")
        return
    shown = pd.DataFrame(entries)[list(COLUMNS)]
    shown["time"] = shown["time"].str[:19]
    shown["weights"] = shown["weights"].str[:12]
    shown["verdicts"] = [", ".join(f"{n} {word}" for word, n in Counter(said).items()) for said in shown["verdicts"]]
    print(shown.to_string(index=False))


def _one(options: argparse.Namespace, store: "Store") -> None:
    """All figures of a result, and what was needed to get them."""
    from probes.report import number

    found = store.get(options.id)
    if options.json:
        write_json(options.json, found.to_dict())
    print(f"{found.probe} of {found.checkpoint}\n\n{figures(found)}\n")
    for verdict in found.verdicts:
        print(f"{verdict.word}{', narrowly' if verdict.narrow else ''}: {verdict.rule}: {number(verdict.measured)}")
    for note in found.notes:
        print(f"Note: {note}")
    for name, value in found.provenance.items():
        print(f"{name}: {value}")
