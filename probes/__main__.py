"""The command line: python -m probes run PROBE | list.

What each probe asks and needs stands in `commands/`. Errors are one to three lines on standard error, exit code 2.
"""

import argparse
import sys
from collections.abc import Sequence

from probes.commands import abstain
from tilelli.errors import TilelliError

PROBES = {"abstain": abstain}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "list":
            _list()
        else:
            PROBES[options.probe].run(options)
    except TilelliError as error:
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    return 0


def _list() -> None:
    """The probes, and the cards of the bundled banks."""
    from probes.banks import BUNDLED, bank

    for name, module in PROBES.items():
        print(f"probe {name}: {module.TEXT}")
    for name in BUNDLED:
        made = bank(name)
        print(f"\nbank {name} ({len(made.rows):,} rows, SHA-256 {made.sha256})\n{made.card}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m probes", description="Put questions to a model and measure.")
    commands = parser.add_subparsers(required=True, dest="command", metavar="run | list")
    commands.add_parser("list", help="the probes, and the banks with their cards and rules")
    probes = commands.add_parser("run", help="run a probe").add_subparsers(
        required=True, dest="probe", metavar=" | ".join(PROBES)
    )
    for name, module in PROBES.items():
        module.add(
            probes.add_parser(
                name,
                help=module.TEXT,
                description=module.TEXT,
                epilog=f"example: python -m probes run {name} {module.EXAMPLE}",
                formatter_class=argparse.ArgumentDefaultsHelpFormatter,
            )
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
