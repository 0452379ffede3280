"""python -m probes.banks.make: make the bundled files again, and write into each card what is in it and its hash.

Nothing changes unless `making/` or the tables of the chat corpus have; a test makes them all and compares. A bank whose
rows change is another bank: figures measured before are about the old one, and its hash says so.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from probes.banks import BUNDLED, bank
from probes.banks.bank import Bank, Question, counts
from probes.banks.making import calibration, long, near_miss, regimes
from probes.banks.reading import DATA, card

MADE: dict[str, Callable[[], Sequence[Question]]] = {
    "regimes": regimes.make,
    "near-miss": near_miss.make,
    "calibration": calibration.make,
    "long": long.make,
}  # `languages` is written by hand
ROWS = "Rows:\n"


def pinned(made: Bank) -> str:
    """The end of a card: what is in the bank, and its hash."""
    return f"{ROWS}{counts(made.rows)}\nSHA-256: {made.sha256}"


def main(folder: Path = DATA) -> None:
    """Write the files, then the end of every card."""
    for name, make in MADE.items():
        (folder / f"{name}.jsonl").write_text("".join(f"{row.line()}\n" for row in make()), encoding="utf-8")
    for name in BUNDLED:
        head = re.split(f"^{ROWS}", card(name), flags=re.MULTILINE)[0]
        (folder / f"{name}.md").write_text(f"{head.rstrip()}\n{pinned(bank(name))}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
