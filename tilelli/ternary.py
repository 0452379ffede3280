"""Ternary weights: every weight of a matrix is -1, 0 or +1 times one scale.

Training keeps an ordinary float matrix, the *latent* weight, and rounds it on the fly in each forward pass; the
gradient passes straight through the rounding, as if it were not there. The rule is that of BitNet b1.58 (Ma et al.
2024, arXiv 2402.17764): scale = mean |W|, trit = clip(round(W / scale), -1, 1).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tilelli.packed import SMALLEST_SCALE


def quantize(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Trits and scale of a latent weight.

    Returns:
        trits: same shape and dtype as `weight`, values in {-1, 0, +1}.
        scale: 0-d tensor, mean of |weight|, never zero.
    """
    scale = weight.abs().mean().clamp(min=SMALLEST_SCALE)
    return (weight / scale).round().clamp(-1, 1), scale


def straight_through(weight: Tensor) -> Tensor:
    """`trits * scale` going forward, the identity going backward."""
    trits, scale = quantize(weight.detach())
    return weight + (trits * scale - weight).detach()


class TernaryWeight(nn.Module):
    """Gives the weight that a layer multiplies with: rounded when `ternary`, the latent one otherwise.

    Outside training the rounded weight is kept until the latent one changes: it is a function of the weights alone,
    so every conversation may share it.
    """

    def __init__(self, ternary: bool) -> None:
        super().__init__()
        self.ternary = ternary
        self._kept: tuple[tuple[int, int], Tensor] | None = None

    def forward(self, latent: Tensor) -> Tensor:
        if not self.ternary:
            return latent
        if torch.is_grad_enabled():
            return straight_through(latent)
        version = (latent.data_ptr(), latent._version)
        kept = self._kept
        if kept is None or kept[0] != version:
            trits, scale = quantize(latent)
            kept = self._kept = (version, trits * scale)
        return kept[1]


class TernaryLinear(nn.Linear):
    """`nn.Linear` without bias whose weight is rounded to trits when `ternary`."""

    def __init__(self, in_features: int, out_features: int, ternary: bool) -> None:
        super().__init__(in_features, out_features, bias=False)
        self.rounding = TernaryWeight(ternary)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.rounding(self.weight))
