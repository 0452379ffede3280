"""Byte windows: what one training step reads.

All documents stand in one long row, a NUL byte before each. A window is `context + 1` bytes of it. Which windows a step
reads is a function of the seed and the step alone, so a resumed run needs no loader state and two models can be shown
exactly the same bytes.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from tilelli.data.batch import Batch
from tilelli.errors import DataError
from tilelli.tokenizer import END_OF_DOCUMENT


class Windows:
    """Shuffled, non-overlapping windows; every epoch starts at another offset and in another order."""

    def __init__(self, documents: list[bytes], context: int, batch_size: int, seed: int) -> None:
        mark = bytes((END_OF_DOCUMENT,))
        self.stream: NDArray[np.uint8] = np.frombuffer(mark + mark.join(documents) + mark, dtype=np.uint8)
        if len(self.stream) < context + 1:
            raise DataError(
                "The training text is shorter than one window",
                f"{len(self.stream)} bytes for windows of {context + 1}",
                "Give more text or a smaller context.",
            )
        self.context, self.batch_size, self.seed = context, batch_size, seed
        self.per_epoch = max(1, (len(self.stream) - 1) // context - 1)
        self._epoch: tuple[int, NDArray[np.int64]] | None = None

    def batch(self, step: int) -> Batch:
        """Windows of this step, counted from 0; every byte of them counts."""
        return Batch.of_text(torch.from_numpy(self.rows(step * self.batch_size, self.batch_size)))

    def rows(self, first: int, count: int) -> NDArray[np.int64]:
        """Windows number `first` and those after it, counted through the epochs, (count, context + 1)."""
        starts = [self._start(*divmod(row, self.per_epoch)) for row in range(first, first + count)]
        return np.stack([self.stream[s : s + self.context + 1] for s in starts]).astype(np.int64)

    def _start(self, epoch: int, place: int) -> int:
        if self._epoch is None or self._epoch[0] != epoch:
            random = np.random.default_rng((self.seed, epoch))
            slack = len(self.stream) - 1 - self.per_epoch * self.context
            offset = random.integers(0, min(self.context, slack + 1))
            self._epoch = (epoch, offset + self.context * random.permutation(self.per_epoch))
        return int(self._epoch[1][place])
