"""A sample on disk: documents of a source in a JSONL file, fetched bit by bit.

Beside FILE stands FILE.state. Every few megabytes FILE is closed, and its length is written down together with the
stream's place; a sample that is taken up again is first cut to that length, so that what a kill left half written is
written anew and no document is lost or doubled. A compressed sample is a row of whole members, which every reader of
its format takes for one file.
"""

import bz2
import gzip
import json
import lzma
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tilelli.checkpoint import write
from tilelli.data.documents import Documents
from tilelli.errors import DataError, InputError

SAVE_EVERY = 1 << 24  # bytes of documents
OPENERS: dict[str, Callable[..., Any]] = {
    ".jsonl": open,
    ".jsonl.gz": gzip.open,
    ".jsonl.xz": lzma.open,
    ".jsonl.bz2": bz2.open,
}


def fetch(
    documents: Documents,
    path: Path,
    resume: bool = False,
    on_document: Callable[[], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> bool:
    """Write the documents of a stream to `path`; returns whether it came to its end.

    Args:
        documents: the stream, at its beginning.
        path: file to write; its suffix tells how it is compressed.
        resume: go on with what is there, if anything is.
        on_document: called after each document.
        should_stop: asked after each document; true saves and returns.

    Raises:
        InputError: the suffix is unknown.
        DataError: the file is there already, or holds the sample of another text; the source cannot be read.
    """
    opener = next((opener for end, opener in OPENERS.items() if path.name.endswith(end)), None)
    if opener is None:
        raise InputError("A sample cannot be written in that format", path.name, f"End it in {', '.join(OPENERS)}.")
    state = path.with_name(f"{path.name}.state")
    if path.exists() or state.exists():
        _take_up(documents, path, state, resume)
    else:
        _save(documents, path, state)
    flow, stopped = iter(documents), False
    while not stopped and (document := next(flow, None)) is not None:
        began = documents.bytes
        with _told(path), opener(path, "ab") as file:
            while document is not None:
                file.write(json.dumps({"text": document.decode()}, ensure_ascii=False).encode() + b"\n")
                if on_document:
                    on_document()
                stopped = should_stop is not None and should_stop()
                enough = stopped or documents.bytes - began >= SAVE_EVERY
                document = None if enough else next(flow, None)
        _save(documents, path, state)
    return not stopped


def _save(documents: Documents, path: Path, state: Path) -> None:
    """Write down how far the sample has come."""
    length = 0
    with _told(path):
        if path.exists():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                length = file.seek(0, os.SEEK_END)
        path.parent.mkdir(parents=True, exist_ok=True)
        facts = {"source": documents.source.facts(), "documents": documents.state_dict(), "length": length}
        write(state, json.dumps(facts).encode())


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """A full disk and its like, in one line."""
    try:
        yield
    except OSError as error:
        seen, remedy = f"{path} ({error.strerror})", "Make room and go on with --resume, or choose another --out."
        raise DataError("The sample cannot be written", seen, remedy) from error


def _take_up(documents: Documents, path: Path, state: Path, resume: bool) -> None:
    """Bring stream and file to the place of the last save."""
    if not resume:
        raise DataError("The sample is already there", str(path), "Add --resume, or choose another --out.")
    another = "Choose another --out."
    try:
        facts = json.loads(state.read_text(encoding="utf-8"))
        length = path.stat().st_size if path.exists() else 0
        if length < facts["length"]:
            raise ValueError(f"it is {length} bytes long and was {facts['length']}")
        begun_from, now = facts["source"], documents.source.facts()
        if begun_from == now:
            documents.load_state_dict(facts["documents"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError("The sample cannot be gone on with", f"{path} ({error})", another) from None
    if begun_from != now:
        changed = [key for key in sorted(begun_from | now) if begun_from.get(key) != now.get(key)]
        seen = ", ".join(f"{key} was {begun_from.get(key)}, is {now.get(key)}" for key in changed)
        raise DataError("The sample was begun from another text", seen, another)
    if path.exists():
        os.truncate(path, facts["length"])
