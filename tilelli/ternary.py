"""Ternary weights: every weight of a matrix is -1, 0 or +1 times one scale.

Training keeps an ordinary float matrix, the *latent* weight, and rounds it on the fly in each forward pass; the
gradient passes straight through the rounding, as if it were not there. The rule is that of BitNet b1.58 (Ma et al.
2024, arXiv 2402.17764): scale = mean |W|, trit = clip(round(W / scale), -1, 1).

What such a matrix is multiplied with may be rounded in the same way, as BitNet does: each vector to whole steps of
-127 to 127, the largest of which is its largest number. Then the product is a sum of whole numbers, times two sizes.
An engine that adds bytes computes this very sum, and so does float32: it holds every whole number up to 2^24, and 127
times the widest input there can be, 65 536, is half of that. So no order of adding makes a difference. In attention
each query, key and value is rounded so as well: 127 * 127 times the widest head, 512, is half of it too.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tilelli.packed import SMALLEST_SCALE, STEPS


def quantize(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Trits and scale of a latent weight.

    Returns:
        trits: same shape and dtype as `weight`, values in {-1, 0, +1}.
        scale: 0-d tensor, mean of |weight|, never zero; added up in double precision, as in `tilelli.packed.quantize`:
            training leaves weights so near to where a trit flips that the last digit decides.
    """
    scale = weight.abs().mean(dtype=torch.float64).to(weight.dtype).clamp(min=SMALLEST_SCALE)
    return (weight / scale).round().clamp(-1, 1), scale


def in_steps(x: Tensor) -> tuple[Tensor, Tensor]:
    """Vectors (..., K) in whole steps of their own.

    Returns:
        steps: (..., K), whole numbers of -127 to 127, as floats; going backward `x / size`, less one part in 16,000.
        size: (..., 1), of one step, never zero; for gradients a constant.
    """
    x = x.to(torch.promote_types(x.dtype, torch.float32))  # under autocast it may come in less
    largest = x.detach().abs().amax(dim=-1, keepdim=True).clamp(min=SMALLEST_SCALE)
    # To the last digit as NumPy and machine code do it. A number divided by a tensor would be rounded twice.
    return _passed(x * (torch.full_like(largest, float(STEPS)) / largest), torch.round), largest * (1 / 127)


def rounded(x: Tensor) -> Tensor:
    """Vectors (..., K) in whole steps times the size of these; going backward as if nothing had happened."""
    steps, size = in_steps(x)
    return steps * size


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
        self._kept: dict[bool, tuple[tuple[int, int], tuple[Tensor, Tensor]]] = {}

    def forward(self, latent: Tensor) -> Tensor:
        if not self.ternary:
            return latent
        if torch.is_grad_enabled():
            return straight_through(latent)
        return self._rounded(latent, product=True)[0]

    def parts(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Trits of a ternary weight, which going backward are `latent / scale`, and scale, for gradients a constant."""
        if torch.is_grad_enabled():
            _, scale = quantize(latent.detach())
            return _passed(latent / scale, lambda ratio: ratio.round().clamp(-1, 1)), scale
        return self._rounded(latent, product=False)

    def _rounded(self, latent: Tensor, product: bool) -> tuple[Tensor, Tensor]:
        """Trits and scale; `product`: of the two, instead of the trits."""
        version = (latent.data_ptr(), latent._version)
        kept = self._kept.get(product)
        if kept is None or kept[0] != version:
            trits, scale = quantize(latent)
            kept = self._kept[product] = (version, (trits * scale if product else trits, scale))
        return kept[1]


class TernaryLinear(nn.Linear):
    """`nn.Linear` without bias whose weight is rounded to trits when `ternary`; then `activation_bits` of 8 rounds its
    input too, 0 does not."""

    def __init__(self, in_features: int, out_features: int, ternary: bool, activation_bits: int = 0) -> None:
        super().__init__(in_features, out_features, bias=False)
        self.rounding = TernaryWeight(ternary)
        self.in_steps = ternary and activation_bits > 0

    def forward(self, x: Tensor) -> Tensor:
        if not self.in_steps:
            return F.linear(x, self.rounding(self.weight))
        steps, size = in_steps(x)
        trits, scale = self.rounding.parts(self.weight)
        return F.linear(steps, trits) * (size * scale)


def _passed(exact: Tensor, rounded: Callable[[Tensor], Tensor]) -> Tensor:
    """`rounded(exact)` going forward, `exact` going backward. Adding the difference to a number gives just the rounded
    one: the difference is exact, since the two are near each other (Sterbenz) or the rounded one is 1 of the larger."""
    return exact + (rounded(exact) - exact).detach()
