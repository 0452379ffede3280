"""The local pathway: a causal convolution over the last few bytes, one filter a channel.

Each channel is a weighted sum of its own last `kernel_size` values, so the pathway can spell, count short runs and
copy the previous byte, but sees nothing further back. Going on takes the last `kernel_size - 1` inputs.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tilelli.ternary import TernaryWeight


class LocalPathway(nn.Module):
    """Depthwise causal convolution with bias; `weight[c, j]` meets the input `kernel_size - 1 - j` bytes back."""

    def __init__(self, d_model: int, kernel_size: int, ternary: bool) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.weight = nn.Parameter(torch.empty(d_model, kernel_size))
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.rounding = TernaryWeight(ternary)

    def forward(self, h: Tensor, past: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Convolve, and remember what the next call needs.

        Args:
            h: (B, T, d_model).
            past: (B, kernel_size - 1, d_model), the inputs just before `h`; None at the start, which means zeros.

        Returns:
            The result (B, T, d_model), and the `past` of the next call.
        """
        reach, T = self.kernel_size - 1, h.shape[1]
        seen = F.pad(h, (0, 0, reach, 0)) if past is None else torch.cat((past, h), dim=1)  # (B, reach + T, d_model)
        weight = self.rounding(self.weight)
        # A sum of shifted products: at these sizes faster than conv1d, which would transpose twice.
        out = self.bias + sum(seen[:, j : j + T] * weight[:, j] for j in range(self.kernel_size))
        return out, seen[:, T:]
