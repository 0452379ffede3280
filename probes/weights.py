"""What are the weights made of? One row a tensor, and whether "ternary" is true.

A ternary matrix is trained as floats, its *latent* weights, and rounded to a *trit* (-1, 0 or +1) times one scale
whenever it is used. Here both are looked at: the trits that the layer really multiplies with, asked of the layer
itself, and the floats behind them, of which those near a rounding threshold are about to flip. This module knows
nothing of texts: it never runs the model. How the floats are spread stands in `latents.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from probes.names import spoken
from tilelli.base import ByteLM
from tilelli.errors import InputError
from tilelli.ternary import TernaryWeight, quantize

THRESHOLD = 0.5  # of the scale: a latent weight beyond it, to either side, is rounded away from zero
NEAR = 0.05  # of the scale: closer to a threshold than this counts as about to flip
FLOAT_BYTES = 4
STORED_FLOATS = (
    "The file stores something else: the floats behind the trits, from which training goes on. A program that opens "
    "the file shows those floats; the layers round them first, and never multiply with them."
)
STORED_TRITS = "The file stores them rounded already."


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
        near_threshold: share of latent weights within the chosen distance of a rounding threshold.
        entropy: bits a weight that its trits carry: 0 (all alike) to log2 3 = 1.585 (a third each).
        zero_rows, zero_columns: lines of the matrix that are all zero as used; 0 for a tensor with one axis.
        distinct: how many different values the layer multiplies with; 3 at most for a ternary tensor.
        packed_bytes: size at 2 bits a trit and 4 bytes for the scale; 4 bytes a number for floats.
        latent: whether the file stores other numbers than those in use: the floats that are rounded.
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
    latent: bool | None


@dataclass(frozen=True)
class Verdict:
    """Are these weights really ternary?

    Attributes:
        really: None where nothing claims to be.
        sentence: the same in words.
        file: what the file stores, which is easily taken for what the layers multiply with; empty without trits.
    """

    really: bool | None
    sentence: str
    file: str = ""


def tensors(model: ByteLM, near: float = NEAR) -> list[TensorFacts]:
    """Every tensor of a model, in the order in which it is used.

    Args:
        near: closer to a threshold than this, in scales, counts as about to flip.

    Raises:
        InputError: `near` is not between 0 and a half.
    """
    check_near(near)
    return [_facts(name, weight, rounding, near) for name, weight, rounding in walk(model)]


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
            seen = f"its layer multiplies with {row.distinct:,} values"
            return Verdict(False, f"No: {spoken(row.name)} should be ternary, but {seen}.")
    floats = f"the other {total - numbers:,} are ordinary floats" if total > numbers else "there are no others"
    return Verdict(
        True,
        f"Yes: all {numbers:,} weights of the {len(claimed)} ternary tensors are used as exactly −1, 0 or +1 times "
        f"one scale a tensor ({100 * numbers / total:.1f} % of the model); {floats}.",
        STORED_FLOATS if any(row.latent for row in claimed) else STORED_TRITS,
    )


def findings(facts: list[TensorFacts], near: float = NEAR) -> list[str]:
    """What stands out, in sentences: how much is about to flip, and what is always zero."""
    said = []
    if claimed := [row for row in facts if row.near_threshold is not None]:
        count = sum(round((row.near_threshold or 0) * row.parameters) for row in claimed)
        total = sum(row.parameters for row in claimed)
        most = max(claimed, key=lambda row: row.near_threshold or 0)
        said.append(
            f"{count:,} of {total:,} ternary weights ({100 * count / total:.1f} %) lie within {near:g} scales of a "
            f"threshold; relatively most in {spoken(most.name)} ({100 * (most.near_threshold or 0):.1f} %)."
        )
    matrices = [row for row in facts if len(row.shape) > 1]
    dead = [row for row in matrices if row.zero_rows or row.zero_columns]
    for row in dead:
        said.append(f"{spoken(row.name)} has {row.zero_rows} rows and {row.zero_columns} columns of nothing but zeros.")
    return said if dead or not matrices else [*said, "No row or column of any matrix is all zero."]


def check_near(near: float) -> None:
    """Raise InputError unless it is a distance from a threshold that reaches no further than to zero."""
    if not 0 <= near <= THRESHOLD:
        raise InputError("There is no such distance to a threshold", f"{near} scales", f"Use 0 to {THRESHOLD}.")


def close(weight: Tensor, scale: float, near: float) -> Tensor:
    """Which latent weights are at most `near` scales from a rounding threshold; of the shape of `weight`."""
    return (weight.double().abs() / scale - THRESHOLD).abs() <= near


def walk(model: ByteLM) -> Iterator[tuple[str, Tensor, TernaryWeight | None]]:
    """Name, latent weight and, where it is rounded, the module that rounds it."""
    for path, module in model.named_modules():
        for name, weight in module.named_parameters(recurse=False):
            rounding = getattr(module, "rounding", None) if name == "weight" else None
            ternary = isinstance(rounding, TernaryWeight) and rounding.ternary
            yield f"{path}.{name}" if path else name, weight, rounding if ternary else None


@torch.no_grad()
def _facts(name: str, weight: Tensor, rounding: TernaryWeight | None, distance: float) -> TensorFacts:
    used = weight if rounding is None else rounding(weight)  # what the layer multiplies with
    n, shape = weight.numel(), tuple(weight.shape)
    flat = used.ndim < 2
    shares: tuple[float | None, float | None, float | None] = (None, None, None)
    scale = near = entropy = distinct = latent = None
    packed = n * FLOAT_BYTES
    if rounding is not None:
        scale = float(quantize(weight)[1])
        size = used.abs().max()  # asked of the weights in use, not of the rule that should have made them
        counts = [int((used == trit * size).sum()) for trit in (-1, 0, 1)] if size else [0, n, 0]
        near = float(close(weight, scale, distance).double().mean())
        packed = -(-n // 4) + FLOAT_BYTES
        latent = not _rounded(weight)
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
        latent=latent,
    )


def _rounded(weight: Tensor) -> bool:
    """True if the numbers are trits times one scale as they stand."""
    sizes = weight.abs()
    return bool(((sizes == 0) | (sizes == sizes.max())).all())
