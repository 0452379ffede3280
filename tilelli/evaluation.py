"""Bits per byte on held-out documents.

Every byte of every document is scored exactly once, given what precedes it in its own document: the first from the
end-of-document byte alone, later ones from at least half a context. End-of-document bytes themselves are not scored.
Bits per byte is total bits over total bytes; nats per byte times 1.4427.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from tilelli.base import ByteLM
from tilelli.interventions import Change
from tilelli.tokenizer import END_OF_DOCUMENT


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
    context, device = model.config.context, model.embedding.weight.device
    stride = max(1, context // 2)
    windows = []  # (document, first byte read, first target scored, end of targets), positions in NUL + document
    for number, document in enumerate(documents):
        start, scored, size = 0, 0, len(document)
        while scored < size:
            end = min(start + context, size)
            windows.append((number, start, scored, end))
            start, scored = start + stride, end
    windows.sort(key=lambda w: w[3] - w[1])  # alike lengths together, so that little is padded
    bits = np.zeros(len(documents))
    for done in range(0, len(windows), batch_size):
        chunk = windows[done : done + batch_size]
        longest = max(end - start for _, start, _, end in chunk)
        rows = torch.zeros(len(chunk), longest + 1, dtype=torch.int64)
        counted = torch.zeros(len(chunk), longest, dtype=torch.bool)
        for row, (number, start, scored, end) in enumerate(chunk):
            text = bytes((END_OF_DOCUMENT,)) + documents[number][:end]
            rows[row, : end - start + 1] = torch.frombuffer(bytearray(text[start:]), dtype=torch.uint8)
            counted[row, scored - start : end - start] = True
        rows, counted = rows.to(device), counted.to(device)
        with torch.no_grad():
            logits, _ = model(rows[:, :-1], interventions=interventions)
            nats = F.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten(), reduction="none").view(len(chunk), -1)
        surprise = (nats * counted).sum(dim=1).double().cpu().numpy() / math.log(2)
        np.add.at(bits, [number for number, *_ in chunk], surprise)
        if progress:
            progress(min(done + batch_size, len(windows)), len(windows))
    return Score(bits, np.array([len(d) for d in documents], dtype=np.int64))
