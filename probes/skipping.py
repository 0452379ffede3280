"""What small router weights are worth: below a threshold they are left out, and what that costs in reading is measured.

The same text is read again for each threshold. The cost is the change in bits per byte, with an interval from pieces of
the text drawn again; the saving is the share of the pathways' multiply-adds that a weight of 0 makes needless, as
`probes.effects` counts them. It is a count: no engine leaves them out yet, so nothing is written faster by it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import pandas as pd

from probes.ablation import GUESSING, SMALL
from probes.effects import Counted, check, counted
from probes.metrics import Measured
from probes.names import measured, percent
from probes.resampling import paired, too_few
from tilelli.config import PATHWAYS
from tilelli.errors import InputError
from tilelli.interventions import Change, Intervention

if TYPE_CHECKING:
    from tilelli.base import ByteLM

THRESHOLDS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
COUNTED = "Computations are counted, not timed: no engine leaves them out yet, so the bytes a second stay as they are."


@dataclass(frozen=True)
class Point:
    """One threshold.

    Attributes:
        threshold: weights below this are left out.
        bpb: bits per byte with it.
        change: that, less bits per byte without it.
        low, high: its interval; None on a text too short to tell.
        pieces: of the text, which are resampled.
        skipped: share of the pathways' multiply-adds that need not be done.
        local, sparse, dense: the same of each pathway's own; None for one that the model lacks.
    """

    threshold: float
    bpb: float
    change: float
    low: float | None
    high: float | None
    pieces: int
    skipped: float
    local: float | None
    sparse: float | None
    dense: float | None

    @property
    def cost(self) -> Measured:
        """The change with its interval."""
        return Measured(self.change, self.low, self.high, self.pieces)


def measure(
    model: "ByteLM",
    text: bytes,
    thresholds: Sequence[float] = THRESHOLDS,
    under: Sequence[Change] = (),
    seed: int = 0,
) -> Iterator[Point]:
    """A point for each threshold, as it is measured.

    Args:
        model: it is only read.
        text: at least one byte; longer than the context, it is read in windows.
        thresholds: 0 to 1; they are measured from the lowest to the highest.
        under: interventions that hold throughout, with and without skipping.
        seed: of the resampling.

    Raises:
        InputError: the text is empty, the model has no routers, or there is no such threshold.
    """
    if odd := [threshold for threshold in thresholds if not 0 <= threshold <= 1]:
        raise InputError("There is no such threshold", f"{odd[0]:g}", "Use numbers from 0 to 1.")
    steps = [Intervention("skip", (), (threshold,)) for threshold in sorted(set(thresholds))]
    check(model, text, (*under, *steps))
    before = counted(model, text, under)
    for step in steps:
        (threshold,) = step.numbers
        after = counted(model, text, (*under, step)) if threshold else before
        yield _point(threshold, before, after, seed)


def table(points: Sequence[Point]) -> pd.DataFrame:
    """One row a threshold."""
    return pd.DataFrame([asdict(point) for point in points], columns=[field.name for field in fields(Point)])


def findings(points: Sequence[Point], size: int) -> list[str]:
    """What was found on `size` bytes, in sentences; none if nothing was measured."""
    if not points:
        return []
    if points[0].low is None:
        return [f"The text is too short to tell anything from chance: {too_few(size)}.", COUNTED]
    if points[0].bpb - points[0].change >= GUESSING:
        said = f"The model reads these {size} bytes no better than even guessing does (8 bpb): it has nothing to lose."
        return [said, COUNTED]
    return [_cheapest(points), COUNTED]


def _point(threshold: float, before: Counted, after: Counted, seed: int) -> Point:
    change = paired(before.bits, after.bits, seed).change
    assert change.value is not None, "there is at least one byte"
    own = [_share(after, parts) for parts in (("local",), ("sparse", "remembering"), ("dense",))]
    skipped = _share(after, tuple(after.total))
    assert skipped is not None, "the model has routers"
    assert len(own) == len(PATHWAYS)
    ends = (change.low, change.high, change.n)
    return Point(threshold, float(after.bits.mean()), change.value, *ends, skipped, *own)


def _share(found: Counted, parts: tuple[str, ...]) -> float | None:
    """Of the multiply-adds of some parts, how many need not be done."""
    total, needed = (sum(count[part] for part in parts) for count in (found.total, found.needed))
    return 1 - needed / total if total else None


def _cheapest(points: Sequence[Point]) -> str:
    """Up to which threshold hardly anything is lost."""
    cheap = None
    for point in points:
        if point.high is None or point.high >= SMALL:
            break
        cheap = point
    if cheap is None or not cheap.skipped:
        return f"Whatever saves something may cost {SMALL} bpb or more on this text."
    return (
        f"Up to a threshold of {cheap.threshold:g} the loss stays below {SMALL} bpb: {measured(cheap.cost)}, and "
        f"{percent(cheap.skipped)} of the pathways' multiply-adds need not be done. It was chosen on this text: "
        "confirm it on another."
    )
