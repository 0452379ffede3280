"""The command line: python -m tilelli train | sft | eval | generate | chat | pack | bench | data | splice |
experiment.

What each command does stands in `commands/`. Errors are one to three lines on standard error, and exit code 2.
"""

import argparse
import sys
from collections.abc import Sequence

from tilelli.commands import bench, chat, data, evaluate, experiment, generate, pack, sft, splice, throughput, train
from tilelli.commands.line import exit_code, offer, wait_calmly

COMMANDS = {
    "train": train,
    "sft": sft,
    "eval": evaluate,
    "generate": generate,
    "chat": chat,
    "pack": pack,
    "bench": bench,
    "throughput": throughput,
    "data": data,
    "splice": splice,
    "experiment": experiment,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tilelli", description="Train, measure and run tiny byte-level language models."
    )
    offer(parser, "command", COMMANDS)
    options = parser.parse_args(arguments)
    return exit_code(lambda: COMMANDS[options.command].run(options))


if __name__ == "__main__":
    wait_calmly()
    sys.exit(main())
