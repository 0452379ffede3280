"""What are the weights made of? One row a tensor, one histogram, and whether "ternary" is true.

A ternary matrix is trained as floats, its *latent* weights, and rounded to a *trit* (-1, 0 or +1) times one scale
whenever it is used. Here both are looked at: the trits that the layer really multiplies with, asked of the layer
itself, and the floats behind them, of which those near a rounding threshold are about to flip. This module knows
nothing of texts: it never runs the model.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilelli.base import ByteLM
from tilelli.errors import InputError
from tilelli.ternary import TernaryWeight, quantize

THRESHOLD = 0.5  # of the scale: a latent weight beyond it, to either side, is rounded away from zero
NEAR = 0.05  # of the scale: closer to a threshold than this counts as about to flip
WIDEST = 4  # of the scale: where the histogram of a ternary tensor ends
BINS = 64
FLOAT_BYTES = 4


@dataclass(frozen=True)
class TensorFacts:
    """One tensor of a model. What only a ternary tensor has is None for a float one.

    Attributes:
        name: as in the checkpoint.
        shape: its axes.
        parameters: how many numbers it holds.
        ternary: whether it is rounded to trits when used.
        minus, zero, plus: shares of the trits -1, 0 and +1; they add up to 1.
        scale: what the trits are multiplied with.
        near_threshold: share of latent weights within 5 % of the scale from a rounding threshold.
        entropy: bits a weight that its trits carry: 0 (all alike) to log2 3 = 1.585 (a third each).
        zero_rows, zero_columns: lines of the matrix that are all zero as used; 0 for a tensor with one axis.
        distinct: how many different values the layer multiplies with; 3 at most for a ternary tensor.
        packed_bytes: size at 2 bits a trit and 4 bytes for the scale; 4 bytes a number for floats.
    """

    name: str
    shape: tuple[int, ...]
    parameters: int
    ternary: bool
    minus: float | None
    zero: float | None
    plus: float | None
    scale: float | None
    near_threshold: float | None
    entropy: float | None
    zero_rows: int
    zero_columns: int
    distinct: int | None
    packed_bytes: int


@dataclass(frozen=True)
class Verdict:
    """Are these weights really ternary? `really` is None where nothing claims to be; `sentence` says it in words."""

    really: bool | None
    sentence: str


@dataclass(frozen=True)
class Latent:
    """The floats behind one tensor, counted.

    Attributes:
        name: of the tensor.
        edges: (n + 1,) ends of the bins; for a ternary tensor two of them are the thresholds.
        counts: (n,) weights a bin; the outermost bins also hold everything beyond them.
        gathered: how many weights lie beyond the edges and were put into the outermost bins.
        scale: that of a ternary tensor, None for a float one.
    """

    name: str
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    gathered: int
    scale: float | None

    @property
    def threshold(self) -> float | None:
        """Where rounding changes from 0 to +1, and below zero from 0 to -1; None for floats."""
        return None if self.scale is None else THRESHOLD * self.scale

    def table(self) -> pd.DataFrame:
        """One row a bin: `from`, `to`, `weights`."""
        return pd.DataFrame({"from": self.edges[:-1], "to": self.edges[1:], "weights": self.counts})


def tensors(model: ByteLM) -> list[TensorFacts]:
    """Every tensor of a model, in the order in which it is used."""
    return [_facts(name, weight, rounding) for name, weight, rounding in _tensors(model)]


def table(facts: list[TensorFacts]) -> pd.DataFrame:
    """One row a tensor."""
    return pd.DataFrame([vars(row) | {"shape": " × ".join(map(str, row.shape))} for row in facts])


def verdict(facts: list[TensorFacts]) -> Verdict:
    """Are the tensors that claim to be ternary really so? One plain sentence, from the values the layers use."""
    claimed = [row for row in facts if row.ternary]
    numbers, total = sum(row.parameters for row in claimed), sum(row.parameters for row in facts)
    if not claimed:
        return Verdict(None, f"Nothing here is ternary: all {total:,} weights are ordinary floats, used as they are.")
    for row in claimed:
        if row.minus is None:
            return Verdict(
                False, f"No: {row.name} should be ternary, but its layer multiplies with {row.distinct:,} values."
            )
    floats = f"the other {total - numbers:,} are ordinary floats" if total > numbers else "there are no others"
    return Verdict(
        True,
        f"Yes: all {numbers:,} weights of the {len(claimed)} ternary tensors are used as exactly −1, 0 or +1 times "
        f"one scale a tensor ({100 * numbers / total:.1f} % of the model); {floats}.",
    )


def latent(model: ByteLM, name: str) -> Latent:
    """The histogram of one tensor's floats, from -4 to +4 scales, or over the middle 99 % of a float tensor.

    Raises:
        InputError: the model has no such tensor.
    """
    for known, weight, rounding in _tensors(model):
        if known == name:
            values = weight.detach().double().flatten().numpy()
            scale = float(quantize(weight.detach())[1]) if rounding else None
            return _histogram(name, values, scale)
    raise InputError("The model has no such tensor", name, "See probes.weights.tensors for their names.")


def _tensors(model: ByteLM) -> Iterator[tuple[str, Tensor, TernaryWeight | None]]:
    """Name, latent weight and, where it is rounded, the module that rounds it."""
    for path, module in model.named_modules():
        for name, weight in module.named_parameters(recurse=False):
            rounding = getattr(module, "rounding", None) if name == "weight" else None
            ternary = isinstance(rounding, TernaryWeight) and rounding.ternary
            yield f"{path}.{name}" if path else name, weight, rounding if ternary else None


@torch.no_grad()
def _facts(name: str, weight: Tensor, rounding: TernaryWeight | None) -> TensorFacts:
    used = weight if rounding is None else rounding(weight)  # what the layer multiplies with
    n, shape = weight.numel(), tuple(weight.shape)
    flat = used.ndim < 2
    shares: tuple[float | None, float | None, float | None] = (None, None, None)
    scale = near = entropy = distinct = None
    packed = n * FLOAT_BYTES
    if rounding is not None:
        scale = float(quantize(weight)[1])
        size = used.abs().max()  # asked of the weights in use, not of the rule that should have made them
        counts = [int((used == trit * size).sum()) for trit in (-1, 0, 1)] if size else [0, n, 0]
        near = float(((weight.abs() / scale - THRESHOLD).abs() <= NEAR).double().mean())
        packed = -(-n // 4) + FLOAT_BYTES
        if sum(counts) == n:
            distinct = sum(count > 0 for count in counts)
            shares = (counts[0] / n, counts[1] / n, counts[2] / n)
            entropy = sum(-count / n * float(np.log2(count / n)) for count in counts if count)
        else:
            distinct = len(used.unique())
    return TensorFacts(
        name=name,
        shape=shape,
        parameters=n,
        ternary=rounding is not None,
        minus=shares[0],
        zero=shares[1],
        plus=shares[2],
        scale=scale,
        near_threshold=near,
        entropy=entropy,
        zero_rows=0 if flat else int((used == 0).all(dim=1).sum()),
        zero_columns=0 if flat else int((used == 0).all(dim=0).sum()),
        distinct=distinct,
        packed_bytes=packed,
    )


def _histogram(name: str, values: NDArray[np.float64], scale: float | None) -> Latent:
    if scale is not None:
        low, high = -WIDEST * scale, WIDEST * scale
    else:
        low, high = (float(end) for end in np.percentile(values, (0.5, 99.5)))
        if low == high:
            low, high = low - 1, high + 1
    counts, edges = np.histogram(values.clip(low, high), bins=BINS, range=(low, high))
    gathered = int(((values < low) | (values > high)).sum())
    return Latent(name, edges, counts.astype(np.int64), gathered, scale)
