"""python -m probes reproduce: measure everything that a report claims again, and say what does not come back."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from probes.commands.shared import bar, counting

if TYPE_CHECKING:
    from probes.reports.again import Check
    from probes.reports.claims import Claims, Pair
    from probes.result import ProbeResult

TEXT = "measure every claim of a report again, with nothing that is stored; exit code 2 if one does not come back"
EXAMPLE = "docs/report.json"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("report", type=Path, help="the JSON file of python -m probes report")
    parser.add_argument("--only", type=int, nargs="+", metavar="N", help="only these of its results, counted from 1")
    elsewhere = "where weights are that no longer lie where the report says; they are known by their hash"
    parser.add_argument("--checkpoint", action="append", default=[], help=elsewhere)
    parser.add_argument("--quiet", action="store_true", help="print only what does not come back")


def run(options: argparse.Namespace) -> None:
    from probes.reports.claims import read
    from probes.store.key import code
    from tilelli.errors import InputError

    sources, pairs = read(options.report)
    chosen, failed, count = _chosen(options.only, len(sources)), list[str](), 0
    for check in _checks(sources, pairs, chosen, options.checkpoint):
        count += 1
        if check.wrong is not None:
            failed.append(str(check))
            print(f"WRONG  {check}: {check.wrong}", flush=True)
        elif not options.quiet:
            print(f"ok     {check}: {check.said}", flush=True)
    if others := {sources[number].code for number in chosen} - {code()}:
        print(f"Claimed by code {', '.join(sorted(others))}; measured again by {code()}.")
    if failed:
        happened = f"{len(failed)} of {count} claims did not come back"
        raise InputError(happened, "; ".join(failed), "What came instead is printed with each.")
    print(f"All {count} claims came back.")


def _chosen(only: Sequence[int] | None, count: int) -> list[int]:
    """Numbers of results from 0.

    Raises:
        InputError: there is no result with one of them, or none at all.
    """
    from tilelli.errors import InputError

    chosen = list(range(1, count + 1)) if only is None else list(dict.fromkeys(only))
    odd = [number for number in chosen if not 1 <= number <= count]
    if odd or not chosen:
        raise InputError("The report has no such result", str((odd or [0])[0]), f"It has results 1 to {count}.")
    return [number - 1 for number in chosen]


def _checks(
    sources: "Sequence[Claims]", pairs: "Sequence[Pair]", chosen: Sequence[int], others: Sequence[str]
) -> "Iterator[Check]":
    """All claims, result by result as they are measured again, then those about differences."""
    from probes.reports.again import check, check_pair, lost, measure
    from tilelli.errors import TilelliError

    results: dict[int, ProbeResult] = {}
    for place, number in enumerate(chosen, start=1):
        source = sources[number]
        try:
            with bar(f"{place} of {len(chosen)}, {source}: rows") as progress:
                results[number] = measure(source, others, counting(progress))
        except TilelliError as error:
            yield lost(source, error)
        else:
            yield from check(source, results[number])
    for pair in pairs:
        if pair.first in results and pair.second in results:
            yield from check_pair(pair, sources, results)
