"""python -m probes list: the probes, and the banks with their cards and rules."""

import argparse

TEXT = "the probes, and the banks with their cards and rules"
EXAMPLE = ""


def add(parser: argparse.ArgumentParser) -> None:
    """It has no options."""


def run(options: argparse.Namespace) -> None:
    from probes.__main__ import PROBES
    from probes.banks import BUNDLED, bank

    for name, module in PROBES.items():
        print(f"probe {name}: {module.TEXT}")
    for name in BUNDLED:
        made = bank(name)
        print(f"\nbank {name} ({len(made.rows):,} rows, SHA-256 {made.sha256})\n{made.card}")
