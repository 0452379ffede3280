"""How much of a passage stands word for word in a text: the longest run of bytes that is in both.

The text is sorted by suffix, so that the best match of anything is next to where it would stand (suffix array, Manber
and Myers 1990; sorted by libdivsufsort). That takes 5 bytes of memory a byte, so a text is taken a shard at a time, and
its length does not matter. A match never runs from one document into the next. This module knows nothing of models.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tilelli.tokenizer import END_OF_DOCUMENT

SHARD = 16_000_000  # bytes sorted at once
BREAK = bytes((END_OF_DOCUMENT,))


@dataclass(frozen=True)
class Overlap:
    """The longest run of a passage that a text holds.

    Attributes:
        length: in bytes; 0 if not one byte is shared.
        start: where it begins in the passage.
    """

    length: int
    start: int = 0


@dataclass(frozen=True, eq=False)
class Index:
    """A text and the places of its suffixes, sorted: `order` (n,)."""

    text: bytes
    order: NDArray[np.int32]


def index(text: bytes) -> Index:
    """Sort the suffixes of a text; some 0.1 seconds a megabyte."""
    if not text:
        return Index(text, np.empty(0, dtype=np.int32))
    from pydivsufsort import divsufsort  # type: ignore[import-untyped]

    return Index(text, divsufsort(text))


def longest(found: Index, passage: bytes, known: Overlap | None = None) -> Overlap:
    """The longest run of `passage` in an indexed text, if it is longer than what is `known` already."""
    best = known or Overlap(0)
    for start in range(len(passage)):
        if len(passage) - start <= best.length:
            break
        length = _matching(found, passage[start:])
        if length > best.length:
            best = Overlap(length, start)
    return best


def overlaps(
    documents: Sequence[bytes],
    passages: Sequence[bytes],
    shard: int = SHARD,
    progress: Callable[[int, int], None] | None = None,
) -> list[Overlap]:
    """The longest run of each passage in any of the documents; `progress` is called with counts of bytes sorted."""
    best, done = [Overlap(0) for _ in passages], 0
    total = sum(map(len, documents)) + len(documents)
    for text in shards(documents, shard, max(map(len, passages), default=0)):
        found = index(text)
        best = [longest(found, passage, known) for passage, known in zip(passages, best, strict=True)]
        done = min(done + len(text) + 1, total)
        if progress:
            progress(done, total)
    return best


def shards(documents: Sequence[bytes], size: int, longest: int) -> Iterator[bytes]:
    """Documents with a break between them, some `size` bytes at a time; pieces of a longer one share `longest`."""
    held, length = list[bytes](), 0
    for document in documents:
        for piece in _pieces(document, size, longest):
            if held and length + len(piece) > size:
                yield BREAK.join(held)
                held, length = [], 0
            held.append(piece)
            length += len(piece) + 1
    if held:
        yield BREAK.join(held)


def _pieces(document: bytes, size: int, longest: int) -> Iterator[bytes]:
    yield document[: size + longest]
    for start in range(size, len(document) - longest, size):
        yield document[start : start + size + longest]


def _matching(found: Index, piece: bytes) -> int:
    """How many bytes `piece` shares with the suffix that begins most like it: one of the two it would stand between."""
    text, n = found.text, len(piece)
    place = bisect_left(found.order, piece, key=lambda start: text[start : start + n])
    beside = (int(start) for start in found.order[max(place - 1, 0) : place + 1])
    return max((_shared(piece, text[start : start + n]) for start in beside), default=0)


def _shared(one: bytes, other: bytes) -> int:
    """Bytes that both begin with; never across the end of a document."""
    pairs = enumerate(zip(one, other, strict=False))
    unlike = (place for place, (a, b) in pairs if a != b or a == END_OF_DOCUMENT)
    return next(unlike, min(len(one), len(other)))
