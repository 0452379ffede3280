"""The dense pathway: a two-layer feed-forward network applied to each byte alone.

It has no memory, so whole-sequence and one-step are the same call. It holds two thirds of a block's weights, which is
why it is the first to be made ternary.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from tilelli.ternary import TernaryLinear


class DensePathway(nn.Module):
    """`down(gelu(up(h)))` with `up: d_model -> hidden` and `down: hidden -> d_model`."""

    def __init__(self, d_model: int, hidden: int, ternary: bool, activation_bits: int = 0) -> None:
        super().__init__()
        self.up = TernaryLinear(d_model, hidden, ternary, activation_bits)
        self.down = TernaryLinear(hidden, d_model, ternary, activation_bits)

    def forward(self, h: Tensor) -> Tensor:
        """`h` and the result are (B, T, d_model)."""
        return self.down(F.gelu(self.up(h), approximate="tanh"))  # type: ignore[no-any-return]
