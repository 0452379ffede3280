"""The command line: python -m tilelli train | sft | eval | generate | chat | data | experiment.

What each command does stands in `commands/`. Errors are one to three lines on standard error, and exit code 2.
"""

import argparse
import sys
from collections.abc import Sequence

from tilelli.commands import chat, data, evaluate, experiment, generate, sft, train
from tilelli.errors import TilelliError

COMMANDS = {
    "train": train,
    "sft": sft,
    "eval": evaluate,
    "generate": generate,
    "chat": chat,
    "data": data,
    "experiment": experiment,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        COMMANDS[options.command].run(options)
    except TilelliError as error:
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tilelli", description="Train, measure and run tiny byte-level language models."
    )
    commands = parser.add_subparsers(required=True, dest="command", metavar=" | ".join(COMMANDS))
    for name, module in COMMANDS.items():
        module.add(
            commands.add_parser(
                name,
                help=module.TEXT,
                description=module.TEXT,
                epilog=f"example: python -m tilelli {name} {module.EXAMPLE}",
                formatter_class=argparse.ArgumentDefaultsHelpFormatter,
            )
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
