"""The router: for every byte, how much of each pathway.

One small linear layer a block and a softmax: three positive weights that add up to one, chosen anew for every byte.
A balance loss keeps a pathway from being starved before it has learned anything; a compute loss, if wanted, makes it
leave out what a byte can do without.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tilelli.pathways import PATHWAYS

HALF = 0.1  # the weight at which a pathway counts by half


class Router(nn.Module):
    """Soft weights over the pathways that a block has; one that it lacks weighs exactly zero."""

    def __init__(self, d_model: int, present: Sequence[str] = PATHWAYS) -> None:
        super().__init__()
        self.present = [number for number, name in enumerate(PATHWAYS) if name in present]
        self.score = nn.Linear(d_model, len(self.present))

    def forward(self, h: Tensor) -> Tensor:
        """(B, T, d_model) -> (B, T, P), each row a distribution over the pathways."""
        weights: Tensor = self.score(h).softmax(dim=-1)
        if len(self.present) == len(PATHWAYS):
            return weights
        chosen = iter(weights.unbind(dim=-1))
        columns = [next(chosen) if p in self.present else h.new_zeros(h.shape[:2]) for p in range(len(PATHWAYS))]
        return torch.stack(columns, dim=-1)


def balance_loss(weights: Tensor) -> Tensor:
    """How unevenly the pathways are used in a text: 0 when all alike, P - 1 when one has everything.

    `weights` is (B, T, P). The soft form of the load-balancing loss of Fedus et al. 2021 (Switch Transformer, eq. 4),
    less its minimum: P * sum_p mean(weights_p)^2 - 1, the mean taken over the bytes of each text. It leaves each single
    byte free to choose sharply; and being a mean over texts, it is the same however a batch is divided.
    """
    share = weights.mean(dim=-2)  # (B, P)
    return (share.shape[-1] * share.square().sum(dim=-1) - 1).mean()


def compute_loss(weights: Tensor, shares: Sequence[float]) -> Tensor:
    """How much of a block's computing the weights (B, T, P) ask for, 0 to 1, where `shares` (P,) of it fall to each
    pathway (`tilelli.costs`): sum_p shares_p * 1.1 * w_p / (w_p + 0.1), the mean over all bytes.

    A pathway counts by half at a weight of about 0.1, and nearly as a whole from 0.5 on: so it pays to have few that
    weigh much, and those that weigh little weigh less still. Then an engine can skip them.
    """
    counted = (1 + HALF) * weights / (weights + HALF)
    return (counted * weights.new_tensor(shares)).sum(dim=-1).mean()
