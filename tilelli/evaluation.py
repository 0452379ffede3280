"""Bits per byte on held-out documents.

Every byte of every document is scored exactly once, given what precedes it in its own document: the first from the
end-of-document byte alone, later ones from at least half a context. End-of-document bytes themselves are not scored.
Bits per byte is total bits over total bytes; nats per byte times 1.4427.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from tilelli.base import ByteLM
from tilelli.interventions import Change
from tilelli.tokenizer import END_OF_DOCUMENT
from tilelli.trace import Recorder


class Window(NamedTuple):
    """A part of a document that is read at once; byte `i` of the document is predicted at place `i - start`.

    Attributes:
        document: its number.
        start: byte predicted at the first place; what is read there is the byte before it.
        scored: first byte that this window scores; those before it are read for what follows.
        end: after the last byte it scores.
    """

    document: int
    start: int
    scored: int
    end: int


class Reading(NamedTuple):
    """One forward pass. B windows, T places in the longest.

    Attributes:
        windows: B of them.
        nats: (B, T), surprise at the byte after each place.
        router: (B, T, P) a block, the weights used; empty for vanilla models, and if nobody watched.
    """

    windows: list[Window]
    nats: Tensor
    router: list[Tensor]

    def scored(self) -> Iterator[tuple[Window, NDArray[np.float64]]]:
        """Each window, and the bits of the bytes it scores, (end - scored,)."""
        for window, nats in zip(self.windows, self.nats.double().cpu().numpy(), strict=True):
            yield window, nats[window.scored - window.start : window.end - window.start] / math.log(2)


@dataclass(frozen=True)
class Score:
    """Total surprise `bits` and length `bytes` of each document, one entry a document."""

    bits: NDArray[np.float64]
    bytes: NDArray[np.int64]

    @property
    def bits_per_byte(self) -> float:
        return float(self.bits.sum() / self.bytes.sum())


def evaluate(
    model: ByteLM,
    documents: Sequence[bytes],
    batch_size: int = 32,
    progress: Callable[[int, int], None] | None = None,
    interventions: Sequence[Change] = (),
) -> Score:
    """Score `documents`, under `interventions`; `progress(done, total)` is called with counts of windows."""
    windows = cut(documents, model.config.context)
    bits, done = np.zeros(len(documents)), 0
    for reading in read(model, documents, windows, batch_size, interventions):
        for window, own in reading.scored():
            bits[window.document] += own.sum()
        done += len(reading.windows)
        if progress:
            progress(done, len(windows))
    return Score(bits, np.array([len(d) for d in documents], dtype=np.int64))


def surprise(
    model: ByteLM,
    document: bytes,
    interventions: Sequence[Change] = (),
    batch_size: int = 32,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float64]:
    """(T,): bits that each byte of one document costs; their sum is what `evaluate` gives. `progress` as there."""
    bits, windows, done = np.zeros(len(document)), cut([document], model.config.context), 0
    for reading in read(model, [document], windows, batch_size, interventions):
        for window, own in reading.scored():
            bits[window.scored : window.end] = own
        done += len(reading.windows)
        if progress:
            progress(done, len(windows))
    return bits


@torch.no_grad()
def surprises(
    model: ByteLM,
    document: bytes,
    block: int,
    changes: Sequence[Sequence[Change]],
    interventions: Sequence[Change] = (),
    batch_size: int = 32,
    should_stop: Callable[[], bool] | None = None,
) -> NDArray[np.float64] | None:
    """(len(changes), T): the `surprise` under `interventions` and each of `changes`, none of which changes anything
    before block number `block`; what comes before is computed once for all of them.

    `should_stop` is asked after each forward pass; None if it said so.

    Raises:
        InputError: an intervention or a change finds nothing to change.
    """
    for change in (*interventions, *itertools.chain.from_iterable(changes)):
        change.check(model.config)
    bits, L = np.zeros((len(changes), len(document))), model.config.n_blocks
    for chunk in _chunks(cut([document], model.config.context), batch_size):
        rows = _rows([document], chunk, model.device)
        shared = model.through(model.embed(rows[:, :-1]), 0, block, interventions)
        for own, more in zip(bits, changes, strict=True):
            h = model.norm(model.through(shared, block, L, (*interventions, *more)))
            for window, found in Reading(chunk, _nats(model.read_out(h).float(), rows), []).scored():
                own[window.scored : window.end] = found
            if should_stop is not None and should_stop():
                return None
    return bits


def cut(documents: Sequence[bytes], context: int) -> list[Window]:
    """Windows that score every byte once, alike lengths together, so that little is padded."""
    stride, windows = max(1, context // 2), []
    for number, document in enumerate(documents):
        start, scored, size = 0, 0, len(document)
        while scored < size:
            end = min(start + context, size)
            windows.append(Window(number, start, scored, end))
            start, scored = start + stride, end
    return sorted(windows, key=lambda window: window.end - window.start)


def read(
    model: ByteLM,
    documents: Sequence[bytes],
    windows: Sequence[Window],
    batch_size: int = 32,
    interventions: Sequence[Change] = (),
    watch: bool = False,
) -> Iterator[Reading]:
    """Forward passes over `windows`, `batch_size` at a time; `watch` tells whether router weights are wanted."""
    for chunk in _chunks(windows, batch_size):
        rows = _rows(documents, chunk, model.device)
        seen = Recorder(attention=False) if watch else None
        with torch.no_grad():
            logits, _ = model(rows[:, :-1], trace=seen, interventions=interventions)
            nats = _nats(logits, rows)
        yield Reading(chunk, nats, seen.router if seen else [])


def _chunks(windows: Sequence[Window], batch_size: int) -> Iterator[list[Window]]:
    for done in range(0, len(windows), batch_size):
        yield list(windows[done : done + batch_size])


def _rows(documents: Sequence[bytes], chunk: list[Window], device: torch.device) -> Tensor:
    """(B, T + 1): what the windows read, and the last byte they predict; zeros behind the end of the shorter ones."""
    longest = max(window.end - window.start for window in chunk)
    rows = torch.zeros(len(chunk), longest + 1, dtype=torch.int64)
    for row, (number, start, _, end) in enumerate(chunk):
        before = documents[number][start - 1 : start] if start else bytes((END_OF_DOCUMENT,))
        text = bytearray(before + documents[number][start:end])
        rows[row, : len(text)] = torch.frombuffer(text, dtype=torch.uint8)
    return rows.to(device)


def _nats(logits: Tensor, rows: Tensor) -> Tensor:
    """(B, T): surprise at each byte of rows (B, T + 1) but the first, from logits (B, T, 256)."""
    return F.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten(), reduction="none").view(len(rows), -1)
