"""Bits per byte on held-out documents.

Every byte of every document is scored exactly once, given what precedes it in its own document: the first from the
end-of-document byte alone, later ones from at least half a context. End-of-document bytes themselves are not scored.
Bits per byte is total bits over total bytes; nats per byte times 1.4427.
"""

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
        counted: (B, T), true where a window scores.
        router: (B, T, P) a block, the weights used; empty for vanilla models, and if nobody watched.
    """

    windows: list[Window]
    nats: Tensor
    counted: Tensor
    router: list[Tensor]


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
        surprise = (reading.nats * reading.counted).sum(dim=1).double().cpu().numpy() / math.log(2)
        np.add.at(bits, [window.document for window in reading.windows], surprise)
        done += len(reading.windows)
        if progress:
            progress(done, len(windows))
    return Score(bits, np.array([len(d) for d in documents], dtype=np.int64))


def surprise(
    model: ByteLM,
    document: bytes,
    interventions: Sequence[Change] = (),
    batch_size: int = 32,
    should_stop: Callable[[], bool] | None = None,
) -> NDArray[np.float64]:
    """(T,): bits that each byte of one document costs; their sum is what `evaluate` gives.

    `should_stop` is asked after each forward pass; what was not read by then is NaN.
    """
    bits = np.full(len(document), np.nan)
    for reading in read(model, [document], cut([document], model.config.context), batch_size, interventions):
        for window, nats in zip(reading.windows, reading.nats.double().cpu().numpy(), strict=True):
            own = slice(window.scored - window.start, window.end - window.start)
            bits[window.scored : window.end] = nats[own] / math.log(2)
        if should_stop is not None and should_stop():
            break
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
    device = model.embedding.weight.device
    for done in range(0, len(windows), batch_size):
        chunk = list(windows[done : done + batch_size])
        longest = max(window.end - window.start for window in chunk)
        rows = torch.zeros(len(chunk), longest + 1, dtype=torch.int64)
        counted = torch.zeros(len(chunk), longest, dtype=torch.bool)
        for row, (number, start, scored, end) in enumerate(chunk):
            text = bytes((END_OF_DOCUMENT,)) + documents[number][:end]
            rows[row, : end - start + 1] = torch.frombuffer(bytearray(text[start:]), dtype=torch.uint8)
            counted[row, scored - start : end - start] = True
        rows, counted = rows.to(device), counted.to(device)
        seen = Recorder(attention=False) if watch else None
        with torch.no_grad():
            logits, _ = model(rows[:, :-1], trace=seen, interventions=interventions)
            nats = F.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten(), reduction="none").view(len(chunk), -1)
        yield Reading(chunk, nats, counted, seen.router if seen else [])
