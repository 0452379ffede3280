"""python -m probes list: the probes, and the banks with their cards and rules; or one bank, or its rows."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probes.banks import Bank

TEXT = "the probes, and the banks with their cards and rules"
EXAMPLE = "near-miss --rows"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bank", nargs="?", help="only this bank: a bundled name or a JSONL file")
    parser.add_argument("--rows", action="store_true", help="its rows as JSONL, which can be edited and asked again")


def run(options: argparse.Namespace) -> None:
    from probes.banks import BUNDLED, bank
    from tilelli.errors import InputError

    if options.rows and not options.bank:
        raise InputError("There are no rows to show", "no bank is named", f"Name one: {', '.join(BUNDLED)}.")
    if options.rows:
        for row in bank(options.bank).rows:
            print(row.line())
    elif options.bank:
        _show(bank(options.bank))
    else:
        _show_all()


def _show_all() -> None:
    from probes.__main__ import PROBES
    from probes.banks import BUNDLED, bank

    for name, module in PROBES.items():
        print(f"probe {name}: {module.TEXT}")
    for name in BUNDLED:
        print()
        _show(bank(name))


def _show(made: "Bank") -> None:
    print(f"bank {made.name} ({len(made.rows):,} rows, SHA-256 {made.sha256})\n{made.card}")
