"""What one training step reads: rows of bytes, which of them count, and what the abstain head should say.

A plain text counts every byte; a dialogue counts its reply. Loss is a mean over rows of each row's own mean, so that it
does not depend on how the rows are divided among processes.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Rows of text; B rows of T predicted bytes.

    Attributes:
        ids: (B, T + 1) int64.
        counted: (B, T) bool, true where the byte after is a target.
        abstain: (B, T) float, 1 or 0 at the end of a prompt that should or should not be declined, NaN elsewhere.
    """

    ids: Tensor
    counted: Tensor
    abstain: Tensor

    @classmethod
    def of_text(cls, ids: Tensor) -> "Batch":
        """Rows of which every byte counts."""
        shape = (ids.shape[0], ids.shape[1] - 1)
        return cls(ids, torch.ones(shape, dtype=torch.bool), torch.full(shape, math.nan))

    @property
    def is_text(self) -> bool:
        """Whether nothing here is a dialogue."""
        return not bool(self.abstain.isfinite().any())

    def share(self, rank: int, size: int, device: torch.device) -> "Batch":
        """The rows of one of `size` processes, on its device."""
        return Batch(*(part[rank::size].to(device) for part in (self.ids, self.counted, self.abstain)))

    def chunks(self, count: int) -> list["Batch"]:
        """The same rows in `count` parts."""
        parts = (part.chunk(count) for part in (self.ids, self.counted, self.abstain))
        return [Batch(*three) for three in zip(*parts, strict=True)]

    def nats(self, losses: Tensor) -> Tensor:
        """Mean over the rows of each row's mean of `losses` (B, T) where it counts; a row that counts nothing is 0."""
        return ((losses * self.counted).sum(dim=1) / self.counted.sum(dim=1).clamp(min=1)).mean()
