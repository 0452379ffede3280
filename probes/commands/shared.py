"""What several probes ask for and write alike: a checkpoint, a text, and one JSON file with all that was found.

That file has one shape: `probe`, its name; `provenance`, what has to be known to get the same again; `tables`, each a
list of rows; `findings`, sentences.
"""

import argparse
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tilelli.commands.shared import add_checkpoint, add_interventions, add_threads, use_threads

if TYPE_CHECKING:
    import pandas as pd

    from tilelli.base import ByteLM


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Options of a probe that looks at one model reading one text, as a page of the dashboard does."""
    add_checkpoint(parser)
    add_text(parser)
    add_interventions(parser)
    add_json(parser)
    add_threads(parser)


def add_text(parser: argparse.ArgumentParser, otherwise: str = "") -> None:
    """The file to read; it may be left out where something is read `otherwise`."""
    what = "file whose bytes are read, as they are"
    parser.add_argument(
        "--text", required=not otherwise, type=Path, help=f"{what}{otherwise and f'; else {otherwise}'}"
    )
    parser.add_argument("--from", type=int, default=0, dest="first", help="number of the first byte, counted from 0")


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, metavar="OUT", help="file for figures and provenance")


def add_store(parser: argparse.ArgumentParser) -> None:
    text = "keep answers and results, see python -m probes history, and use the answers that are kept"
    parser.add_argument("--store", action=argparse.BooleanOptionalAction, default=True, help=text)


def begin(options: argparse.Namespace) -> None:
    """Set the threads, and refuse a place where no result can be written, before minutes are spent on one."""
    use_threads(options.threads)
    check_out(options.json)


def opened(options: argparse.Namespace) -> "ByteLM":
    """The checkpoint that is asked about, after `begin`."""
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load

    begin(options)
    return load(options.checkpoint, ByteLM)


def read_text(options: argparse.Namespace, most: int | None) -> bytes:
    """The bytes from `--from` on, at most `most` of them.

    Raises:
        InputError: the file cannot be read, or has no byte there.
    """
    from tilelli.errors import InputError

    try:
        raw: bytes = options.text.read_bytes()
    except OSError as error:
        raise InputError("The text cannot be read", f"{options.text} ({error.strerror})", "Name a file.") from None
    if not raw:
        raise InputError("There is nothing to read", f"{options.text} is empty", "Name a file with text in it.")
    if not 0 <= options.first < len(raw):
        raise InputError("There is no such byte", f"{options.first} of {len(raw)}", "Use --from with a smaller number.")
    return raw[options.first :][:most]


def check_out(out: Path | None) -> None:
    """Refuse a place where no result can be written.

    Raises:
        InputError: it is a folder, or in none that can be written to.
    """
    from tilelli.errors import InputError

    if out is not None:
        folder = out.absolute().parent
        if out.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
            raise InputError("The result cannot be written", str(out), "Name a file in a folder that exists.")


def tell(
    options: argparse.Namespace,
    probe: str,
    models: "ByteLM | Sequence[ByteLM]",
    text: bytes | None,
    tables: Mapping[str, "pd.DataFrame"],
    findings: Sequence[str] = (),
    more: Mapping[str, "pd.DataFrame"] | None = None,
) -> None:
    """Print tables and findings, and write all of it to `--json` with what is needed to get it again.

    `models` are those of `--checkpoint`, a list where it may be given several times; `text` is what they read. Tables
    in `more` are too long to be read on a terminal, and only written.
    """
    for name, table in tables.items():
        print(f"{name}\n{table.round(4).to_string(index=False)}\n")
    for finding in findings:
        print(finding)
    if options.json:
        found: dict[str, Any] = {"probe": probe, "provenance": provenance(options, models, text)}
        written = {**tables, **(more or {})}
        found["tables"] = {name: json.loads(table.to_json(orient="records")) for name, table in written.items()}
        found["findings"] = list(findings)
        write_json(options.json, found)


def provenance(options: argparse.Namespace, models: "ByteLM | Sequence[ByteLM]", text: bytes | None) -> dict[str, Any]:
    """What has to be known to get the same figures again."""
    import tilelli
    from tilelli.checkpoint import weights_hash
    from tilelli.machine import described

    settings = {key: value for key, value in vars(options).items() if key not in ("json", "checkpoint")}
    found = {
        "checkpoint": options.checkpoint,
        "weights": [*map(weights_hash, models)] if isinstance(models, Sequence) else weights_hash(models),
        "settings": {key: str(value) if isinstance(value, Path) else value for key, value in settings.items()},
        "code": tilelli.__version__,
        "machine": described(),
    }
    return found if text is None else found | {"bytes": len(text), "text": hashlib.sha256(text).hexdigest()}


def write_json(out: Path, content: dict[str, Any]) -> None:
    from tilelli.checkpoint import write

    write(out, json.dumps(content, indent=1, allow_nan=False).encode() + b"\n")


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A count on standard error while something takes its time."""
    from tqdm import tqdm

    with tqdm(desc=what, leave=False, mininterval=0.5) as shown:

        def show(done: int, total: int) -> None:
            shown.total = total
            shown.update(done - shown.n)

        yield show


def counting(progress: Callable[[int, int], None], total: int = 0) -> Callable[[int], None]:
    """Adds up rows as a keeper tells of them; `total` is 0 where it is not known."""
    done = 0

    def told(new: int) -> None:
        nonlocal done
        done += new
        progress(done, total)

    return told
