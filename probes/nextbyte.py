"""What a model holds likely of every next byte of a text, in full.

`tilelli.evaluation` keeps only how surprised a model was; here stands the whole distribution, which is 256 times as
much, so that texts are short. Windows are those of an evaluation, so that its bits per byte are the same.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tilelli.base import ByteLM
from tilelli.evaluation import Window, cut
from tilelli.tokenizer import END_OF_DOCUMENT

SIDE_BY_SIDE = 16  # windows
Floats = NDArray[np.float64]


def likely(
    model: ByteLM, documents: Sequence[bytes], progress: Callable[[int, int], None] | None = None
) -> Iterator[tuple[Window, Floats]]:
    """Each window of the documents, and what was held likely at each byte that it scores, (end - scored, 256).

    `progress(done, total)` is called with counts of windows.
    """
    windows = cut(documents, model.config.context)
    for start in range(0, len(windows), SIDE_BY_SIDE):
        chunk = windows[start : start + SIDE_BY_SIDE]
        for window, own in zip(chunk, _read(model, documents, chunk), strict=True):
            yield window, own[window.scored - window.start : window.end - window.start]
        if progress:
            progress(min(start + SIDE_BY_SIDE, len(windows)), len(windows))


def distributions(
    model: ByteLM, documents: Sequence[bytes], progress: Callable[[int, int], None] | None = None
) -> Floats:
    """(T, 256): the same for all bytes of all documents, one after another, T of them."""
    begins = np.cumsum([0, *map(len, documents)])
    found = np.zeros((int(begins[-1]), 256))
    for window, own in likely(model, documents, progress):
        found[begins[window.document] + window.scored : begins[window.document] + window.end] = own
    return found


def bits(p: Floats, text: NDArray[np.integer]) -> Floats:
    """(T,): surprise at each byte of a text (T,), from distributions (T, 256)."""
    here = np.take_along_axis(p, text[:, None].astype(np.int64), axis=1)[:, 0]
    return -np.log2(np.maximum(here, 1e-30))


@torch.no_grad()
def _read(model: ByteLM, documents: Sequence[bytes], chunk: Sequence[Window]) -> Floats:
    """(B, T, 256), shorter windows padded behind their end."""
    rows = torch.zeros(len(chunk), max(window.end - window.start for window in chunk), dtype=torch.int64)
    for row, (number, start, _, end) in enumerate(chunk):
        before = documents[number][start - 1 : start] if start else bytes((END_OF_DOCUMENT,))
        text = bytearray(before + documents[number][start : end - 1])
        rows[row, : len(text)] = torch.frombuffer(text, dtype=torch.uint8)
    logits, _ = model(rows.to(model.device))
    found: Floats = logits.double().softmax(dim=-1).cpu().numpy()
    return found
