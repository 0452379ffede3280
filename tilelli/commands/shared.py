"""What several commands ask for alike, and how each of them is stopped."""

import argparse
import re
import signal
import sys

from tilelli.engine.choice import ENGINES, Voice, compiled_before, voice

DATA = "text, JSONL or Parquet file, compressed or not, or a folder"


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint", required=True, help="bundled name, folder, file, hub name or BASE::PARTS::DONOR"
    )


def add_interventions(parser: argparse.ArgumentParser) -> None:
    text = "what is done to the routers: words such as remove:sparse@1 or force:local, with spaces in between"
    parser.add_argument("--intervene", default="", metavar="WORDS", help=text)


def add_engine(parser: argparse.ArgumentParser) -> None:
    engine = (
        "what computes; all write the same text. numpy starts at once, numba is machine code and compiles once, torch "
        "takes all interventions, numba only skip, and none in a chat; auto begins with numpy and goes on with numba "
        "where it is installed"
    )
    parser.add_argument("--engine", choices=ENGINES, default="auto", help=engine)
    threads = "processor threads, for numba and torch; torch takes all cores if not given, numba one"
    parser.add_argument("--threads", type=int, help=threads)


def opened(options: argparse.Namespace) -> Voice:
    """The checkpoint that writes with the engine that is asked for."""
    if options.engine == "numba" and not compiled_before():
        print("Compiling, once on this machine: a minute or two.", file=sys.stderr)
    return voice(options.checkpoint, options.engine, options.intervene, options.threads)


def add_data(parser: argparse.ArgumentParser, required: bool = True) -> None:
    parser.add_argument("--data", required=required, help=DATA)
    parser.add_argument("--text-field", default="text", help="column that holds the text")


def add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", help="text to stream: hub:OWNER/NAME[@REVISION][:CONFIG[:SPLIT]], or as --data")
    parser.add_argument("--bytes", help="how much of --source to use, such as 500M or 2G; all of it if not given")


def in_bytes(amount: str | None) -> int | None:
    """The number that `500000`, `500K`, `1.5M` or `2G` stands for, in thousands; None stays None."""
    from tilelli.errors import InputError

    if amount is None:
        return None
    number = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)B?", amount.strip(), re.IGNORECASE)
    value = int(float(number[1]) * 1000 ** " KMGT".index(number[2].upper() or " ")) if number else 0
    if value < 1:
        raise InputError("There is no such amount of bytes", amount, "Write a number such as 500000, 500M or 2G.")
    return value


def one_of(options: argparse.Namespace) -> None:
    """Text is named by --data or by --source.

    Raises:
        InputError: by none or by both, or --bytes stands without --source.
    """
    from tilelli.errors import InputError

    if bool(options.data) == bool(options.source):
        seen = "both --data and --source" if options.data else "neither --data nor --source"
        raise InputError("It is not clear which text is meant", seen, "Give one of the two.")
    if options.bytes is not None and not options.source:
        raise InputError("Only a stream has a limit", "--bytes without --source", "Name the text with --source.")


def add_threads(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", type=int, help="processor threads; all cores if not given")


def use_threads(count: int | None) -> None:
    """Compute with `count` threads; None leaves it to torch."""
    import torch

    from tilelli.errors import InputError

    if count is None:
        return
    if count < 1:
        raise InputError("There is no such number of threads", str(count), "Use --threads 1 or more.")
    torch.set_num_threads(count)


class Stop:
    """Turns the first Ctrl-C or SIGTERM into a wish to stop; the loop saves and ends. A second Ctrl-C interrupts."""

    def __init__(self) -> None:
        self._wanted = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self._wanted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def asked(self) -> bool:
        return self._wanted
