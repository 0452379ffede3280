"""Windows of a text that is too large for memory: block after block of its documents, each process its own.

A block is a few megabytes of documents that stand in memory as a small corpus; its windows come in an order that the
seed and the block's number decide, as in `windows.py`. So the order is shuffled as far as a block reaches, and a place
is the stream's state before the block and the number of windows taken from it: a buffer of shuffled documents would
have to be saved with every checkpoint. Past the end of the text it begins again. Held-out documents are left out.
"""

import numpy as np
import torch

from tilelli.data.batch import Batch
from tilelli.data.corpus import is_held_out
from tilelli.data.documents import Documents
from tilelli.data.source import State
from tilelli.data.windows import Windows
from tilelli.errors import DataError

BLOCK_BYTES = 1 << 24


class StreamWindows:
    """Shuffled windows, `batch_size` of them a step for this process."""

    def __init__(self, documents: Documents, context: int, batch_size: int, seed: int) -> None:
        self.documents, self.context, self.batch_size, self.seed = documents, context, batch_size, seed
        self.block_bytes = BLOCK_BYTES
        self._windows: Windows | None = None
        self._taken = 0
        self.restore({"block": -1, "taken": 0, "documents": documents.state_dict()})

    def batch(self, step: int) -> Batch:
        """This process's next windows. Steps come one after the other; `state` and `restore` are the way to leap."""
        rows = []
        missing = self.batch_size
        while missing:
            if self._windows is None or self._taken == self._windows.per_epoch:
                self._next_block()
            assert self._windows is not None
            count = min(missing, self._windows.per_epoch - self._taken)
            rows.append(self._windows.rows(self._block * self._windows.per_epoch + self._taken, count))
            self._taken, missing = self._taken + count, missing - count
        return Batch.of_text(torch.from_numpy(np.concatenate(rows)))  # (batch_size, context + 1)

    def state(self) -> State:
        """The place after the last batch, as plain values that JSON can hold."""
        return {"block": self._block, "taken": self._taken, "documents": self._before}

    def restore(self, state: State) -> None:
        """Go to a place that `state` gave; the block it lies in is read again."""
        self._block, self._before = state["block"], state["documents"]
        self._taken, self._windows = 0, None
        self.documents.load_state_dict(self._before)
        self._flow = iter(self.documents)
        if state["block"] >= 0:
            self._block -= 1
            self._next_block()
            self._taken = state["taken"]

    def _next_block(self) -> None:
        """Read documents into memory; a rest that is shorter than a window is passed over."""
        while True:
            first = self.documents.count == 0
            before, block = self.documents.state_dict(), self._read()
            if sum(map(len, block)) + len(block) >= self.context:
                break
            if first:
                raise DataError(
                    "The training text is shorter than one window",
                    f"{self.documents.source.name}, {sum(map(len, block))} bytes for windows of {self.context + 1}",
                    "Give more text or a smaller context.",
                )
            self.documents.rewind()
            self._flow = iter(self.documents)
        self._before, self._block, self._taken = before, self._block + 1, 0
        self._windows = Windows(block, self.context, self.batch_size, self.seed)

    def _read(self) -> list[bytes]:
        block, total = [], 0
        for document in self._flow:
            if not is_held_out(document):
                block.append(document)
                total += len(document)
                if total >= self.block_bytes:
                    break
        return block
