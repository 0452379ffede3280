"""python -m probes label: what a person says of a reply, kept and counted beside the automatic judgement."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probes.result import ProbeResult

TEXT = "label replies by hand, and see how often the automatic judgement agrees"
EXAMPLE = "3 --row 17 --as right"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=int, help="number of a result of the abstain probe, see python -m probes history")
    parser.add_argument("--row", type=int, help="number of a row, counted from 0")
    parser.add_argument("--as", dest="label", help="right, wrong or abstained; none takes a label away")


def run(options: argparse.Namespace) -> None:
    from probes.by_hand import counted
    from probes.report import number
    from probes.store import labels
    from probes.store.store import Store

    store = Store()
    try:
        result = _result(store.get(options.id), options.row)
        rows, replies = result.rows, list(zip(result.rows["prompt"], result.rows["reply"], strict=True))
        if options.row is not None:
            if options.label is not None:
                labels.put(store, replies[options.row], None if options.label == "none" else options.label)
            _show(rows.iloc[options.row].to_dict(), labels.read(store, [replies[options.row]])[0])
        found = counted(rows, labels.read(store, replies))
    finally:
        store.close()
    print(found.table.to_string(index=False))
    print(f"Both say the same of {number(found.agreement)} of {found.agreement.n} labelled rows.")


def _result(result: "ProbeResult", row: int | None) -> "ProbeResult":
    """The result, if it can be labelled and has that row."""
    from tilelli.errors import InputError

    if result.probe != "abstain":
        raise InputError("Only replies of the abstain probe are labelled", result.probe, "Name one of its results.")
    if row is not None and not 0 <= row < len(result.rows):
        raise InputError("There is no such row", str(row), f"It has rows 0 to {len(result.rows) - 1}.")
    return result


def _show(row: dict[str, object], label: str | None) -> None:
    from probes.reports.escape import visible

    for name in ("prompt", "answerable", "reply", "ungated"):
        print(f"{name}: {visible(row[name])}")
    print(f"by hand: {label or 'not labelled'}\n")
