"""What several commands ask for alike, and how each of them is stopped."""

import argparse
import signal

DATA = "text, JSONL or Parquet file, compressed or not, or a folder"


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", required=True, help="bundled name, folder, file or hub name")


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", required=True, help=DATA)
    parser.add_argument("--text-field", default="text", help="column that holds the text")


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
