"""The command line itself: which commands there are, what they say of themselves, and what becomes of an error.

A command is a module with `TEXT` and `EXAMPLE` for the help, `add(parser)` for its options and `run(options)`. Errors
are one to three lines on standard error, and exit code 2.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tilelli.errors import TilelliError


class Command(Protocol):
    TEXT: str
    EXAMPLE: str

    def add(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, options: argparse.Namespace) -> None: ...


def offer(parser: argparse.ArgumentParser, dest: str, commands: Mapping[str, Any]) -> None:
    """Make `commands`, each a `Command`, the choices of `parser`; which one was chosen stands in `dest`."""
    choices = parser.add_subparsers(required=True, dest=dest, metavar=" | ".join(commands))
    for name, command in commands.items():
        command.add(
            choices.add_parser(
                name,
                help=command.TEXT,
                description=command.TEXT,
                epilog=f"example: {parser.prog} {name} {command.EXAMPLE}",
                formatter_class=argparse.ArgumentDefaultsHelpFormatter,
            )
        )


def wait_calmly() -> None:
    """Before torch is loaded: its threads otherwise wait for work so busily that those beside them stand still."""
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")


def exit_code(work: Callable[[], None]) -> int:
    """Do the work; an error of ours is a sentence and 2, an interrupt 130, a reader that went away 141."""
    try:
        work()
    except TilelliError as error:
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    return 0
