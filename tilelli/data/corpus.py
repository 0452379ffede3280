"""A corpus: all documents of a text at once, and which of them are held out.

Held-out documents are chosen by a hash of their content, so the same document always falls on the same side, whatever
the order of the files. This module knows nothing of windows or models.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tilelli.data.documents import Documents, told
from tilelli.data.source import find
from tilelli.errors import DataError

HELD_OUT_PER_MILLE = 10
ALONE_HELD_OUT = 0.1  # of a corpus that is a single document


@dataclass(frozen=True)
class Corpus:
    """Documents read from `source`, and how many rows were dropped since they held none."""

    source: str
    documents: list[bytes]
    dropped: int

    @property
    def bytes(self) -> int:
        return sum(map(len, self.documents))

    @property
    def sha256(self) -> str:
        """Identity of the content: SHA-256 over length and bytes of each document, in order."""
        digest = hashlib.sha256()
        for document in self.documents:
            digest.update(_identity(document))
        return digest.hexdigest()


@dataclass(frozen=True)
class Summary:
    """What a text holds, counted without having it in memory.

    Attributes:
        train: number and bytes of the documents to train on.
        held_out: of those held out.
        sha256: the same as of the corpus.
        begins: the first bytes.
    """

    train: tuple[int, int]
    held_out: tuple[int, int]
    sha256: str
    begins: bytes


def read(path: str | Path, text_field: str = "text") -> Corpus:
    """Read a text into memory; `path` as `find` takes it.

    Raises:
        DataError: nothing is there, the format is broken, the column is missing, or no document is left.
    """
    stream = Documents(find(str(path), text_field=text_field))
    documents = list(stream)
    if not documents:
        raise _nothing(stream)
    return Corpus(str(path), documents, stream.dropped.total())


def split(corpus: Corpus) -> tuple[list[bytes], list[bytes]]:
    """Training and held-out documents: 1 % by hash, or the last tenth of a corpus that is one document."""
    if len(corpus.documents) == 1:
        only = corpus.documents[0]
        cut = len(only) - max(1, int(len(only) * ALONE_HELD_OUT))
        return [only[:cut]], [only[cut:]]
    held = [d for d in corpus.documents if is_held_out(d)] or corpus.documents[-1:]
    chosen = set(held)
    kept = [d for d in corpus.documents if d not in chosen]
    if not kept:
        raise DataError("No text is left to train on", f"{len(held)} documents, all held out", "Give more documents.")
    return kept, held


def summarize(stream: Documents, on_document: Callable[[], None] | None = None) -> Summary:
    """Read a stream to its end and say what it holds and how it would be split; `on_document` is called after each.

    Raises:
        DataError: as for `read` and `split`.
    """
    digest, held, begins = hashlib.sha256(), [0, 0], b""
    few: list[bytes] = []  # all documents, until the hash has held one of several out
    for document in stream:
        digest.update(_identity(document))
        begins = begins or document[:100]
        if is_held_out(document):
            held = [held[0] + 1, held[1] + len(document)]
        if stream.count - len(few) == 1:
            few.append(document)
        if held[0] and stream.count > 1:
            few = []
        if on_document:
            on_document()
    if not stream.count:
        raise _nothing(stream)
    if few:
        train, held_out = ((len(side), sum(map(len, side))) for side in split(Corpus(stream.source.name, few, 0)))
    else:
        train, held_out = (stream.count - held[0], stream.bytes - held[1]), (held[0], held[1])
    return Summary(train, held_out, digest.hexdigest(), begins)


def first_held_out(stream: Documents, enough: int) -> list[bytes]:
    """The first documents of a stream that are held out, `enough` bytes of them if there are so many.

    Raises:
        DataError: there is none.
    """
    chosen, total = [], 0
    for document in stream:
        if is_held_out(document):
            chosen.append(document)
            total += len(document)
            if total >= enough:
                break
    if not chosen:
        seen = f"none of {stream.count:,} documents of {stream.source.name}"
        raise DataError("No document is held out to judge by", seen, "Give some with --held-out.")
    return chosen


def is_held_out(document: bytes) -> bool:
    """Whether this document is one of the 1 % that are never trained on."""
    return int.from_bytes(hashlib.blake2b(document, digest_size=8).digest(), "little") % 1000 < HELD_OUT_PER_MILLE


def _identity(document: bytes) -> bytes:
    return len(document).to_bytes(8, "little") + document


def _nothing(stream: Documents) -> DataError:
    seen = f"{stream.source.name}, {told(stream.dropped)}"
    return DataError("No text is in it", seen, "Give a file with text in UTF-8.")
