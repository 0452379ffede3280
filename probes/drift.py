"""What changed between two checkpoints of one shape? Trits that flipped, scales that moved, floats that turned.

A *flip* is a ternary weight whose trit is another one in the second checkpoint: it became zero, it left zero, or it
changed its sign. How many flips are many? Two tensors that have nothing to do with each other but the same shares of
trits differ in a share that can be computed, and stands beside every figure as `by chance`. All weights are counted,
none is sampled, so no figure here has an interval. This module knows nothing of texts: it never runs a model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from probes.names import signed, spoken
from probes.weights import walk
from tilelli.base import ByteLM
from tilelli.errors import InputError
from tilelli.ternary import quantize

EXTRA = "abstain."  # a head that tuning may add; all else has to be there in both


@dataclass(frozen=True)
class TensorDrift:
    """One tensor in two checkpoints. What only a tensor that is ternary in both has is None for others.

    Attributes:
        name: as in the checkpoints. shape: its axes.
        parameters: how many numbers it holds.
        flips: share of its trits that are others in the second checkpoint; the sum of the next three.
        became_zero, left_zero, changed_sign: shares of all its trits.
        by_chance: the share that would differ if the two had nothing in common but how many of each trit they hold.
        scale_before, scale_after: what the trits are multiplied with.
        scale_change: the second over the first, less 1; None if the first tensor is all zero, and has no scale.
        cosine: between the two as vectors of floats (latent ones of a ternary tensor), 1 for the same direction;
            None if one of them is all zero.
        relative_change: length of the difference over the length of the first, 0 if they are the same; None if the
            first alone is all zero.
    """

    name: str
    shape: tuple[int, ...]
    parameters: int
    flips: float | None
    became_zero: float | None
    left_zero: float | None
    changed_sign: float | None
    by_chance: float | None
    scale_before: float | None
    scale_after: float | None
    scale_change: float | None
    cosine: float | None
    relative_change: float | None


@dataclass(frozen=True)
class Drift:
    """All tensors that two checkpoints share.

    Attributes:
        tensors: a row each.
        alone: names of those that only one of the two has.
        mixed: names of those that only one of the two rounds to trits.
    """

    tensors: list[TensorDrift]
    alone: list[str]
    mixed: list[str]

    @property
    def ternary(self) -> list[TensorDrift]:
        return [row for row in self.tensors if row.flips is not None]

    @property
    def floats(self) -> list[TensorDrift]:
        """The matrices among the others; a change in a handful of numbers would outshine theirs."""
        return [row for row in self.tensors if row.flips is None and len(row.shape) > 1]

    @property
    def findings(self) -> list[str]:
        """What stands out, in sentences."""
        said = [_said_of_trits(self.ternary)] if self.ternary else ["No tensor is ternary in both: nothing can flip."]
        if moved := [row for row in self.ternary if row.scale_change]:
            row = max(moved, key=lambda row: abs(row.scale_change or 0))
            moves = signed(100 * (row.scale_change or 0), 1)
            said.append(f"The scale that moved most is that of {spoken(row.name)}: {moves} %.")
        if turned := [row for row in self.floats if row.relative_change]:
            row = max(turned, key=lambda row: row.relative_change or 0)
            change = 100 * (row.relative_change or 0)
            cosine = "undefined" if row.cosine is None else f"{row.cosine:.3f}"
            said.append(
                f"The matrix of floats that changed most is {spoken(row.name)}: by {change:.1f} % of its length "
                f"(cosine {cosine})."
            )
        if all(row.relative_change == 0 for row in self.tensors):
            said = ["The two hold the same weights, to the last bit."]
        if self.mixed:
            said.append(f"Only one of the two rounds {', '.join(map(spoken, self.mixed))} to trits.")
        if self.alone:
            said.append(f"Only one of the two has {', '.join(self.alone)}.")
        return said

    def table(self) -> pd.DataFrame:
        """One row a tensor."""
        return pd.DataFrame([vars(row) | {"shape": " × ".join(map(str, row.shape))} for row in self.tensors])


def drift(before: ByteLM, after: ByteLM) -> Drift:
    """What changed from one checkpoint to another.

    Raises:
        InputError: they do not have the same tensors.
    """
    one = {name: (weight, rounding is not None) for name, weight, rounding in walk(before)}
    other = {name: (weight, rounding is not None) for name, weight, rounding in walk(after)}
    shapes = ({name: tuple(weight.shape) for name, (weight, _) in model.items()} for model in (one, other))
    if odd := differing(*shapes):
        raise InputError("The two checkpoints do not have the same tensors", odd, "Choose two of the same shape.")
    rows = [_compare(name, *pair, *other[name]) for name, pair in one.items() if name in other]
    mixed = [row.name for row in rows if one[row.name][1] != other[row.name][1]]
    return Drift(rows, sorted(one.keys() ^ other.keys()), mixed)


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """The first tensor, by name, that two checkpoints have in different shapes or that only one of them has; None if
    they can be compared. An abstain head may be missing."""
    names = {name for name in one.keys() | other.keys() if not name.startswith(EXTRA)}
    return next((name for name in sorted(names) if one.get(name) != other.get(name)), None)


@torch.no_grad()
def _compare(name: str, before: Tensor, ternary: bool, after: Tensor, still: bool) -> TensorDrift:
    a, b = before.double().flatten(), after.double().flatten()
    size, length, change = float(a.norm()), float(b.norm()), float((b - a).norm())
    flips: dict[str, float | None] = _flips(before, after) if ternary and still else dict.fromkeys(FLIPS)
    return TensorDrift(
        name=name,
        shape=tuple(before.shape),
        parameters=before.numel(),
        **flips,
        cosine=min(1.0, max(-1.0, float(a @ b) / (size * length))) if size and length else None,
        relative_change=change / size if size else None if change else 0.0,
    )


FLIPS = (
    "flips",
    "became_zero",
    "left_zero",
    "changed_sign",
    "by_chance",
    "scale_before",
    "scale_after",
    "scale_change",
)


def _flips(before: Tensor, after: Tensor) -> dict[str, float | None]:
    """Shares of flips, and the two scales; named as in `TensorDrift`."""
    (one, first), (other, second) = quantize(before), quantize(after)
    n = one.numel()
    became = int(((one != 0) & (other == 0)).sum()) / n
    left = int(((one == 0) & (other != 0)).sum()) / n
    sign = int((one * other == -1).sum()) / n
    agree = sum(int((one == trit).sum()) / n * (int((other == trit).sum()) / n) for trit in (-1, 0, 1))
    change = float(second) / float(first) - 1 if before.any() else None
    found = (became + left + sign, became, left, sign, 1 - agree, float(first), float(second), change)
    return dict(zip(FLIPS, found, strict=True))


def _said_of_trits(rows: list[TensorDrift]) -> str:
    total = sum(row.parameters for row in rows)
    flipped = sum(round((row.flips or 0) * row.parameters) for row in rows)
    chance = sum((row.by_chance or 0) * row.parameters for row in rows) / total
    most = max(rows, key=lambda row: row.flips or 0)
    ending = f"; relatively most in {spoken(most.name)} ({100 * (most.flips or 0):.1f} %)" if flipped else ""
    return (
        f"{flipped:,} of {total:,} trits flipped ({100 * flipped / total:.1f} %; two unrelated models would differ in "
        f"{100 * chance:.1f} %){ending}."
    )
