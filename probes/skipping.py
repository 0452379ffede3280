"""What small router weights are worth: below a threshold they are left out, and what that costs in reading is measured.

The same text is read again for each threshold. The cost is the change in bits per byte, with an interval from pieces of
the text drawn again; the saving is the share of the pathways' multiply-adds that a weight of 0 makes needless, as
`probes.effects` counts them; the compiled engine does leave them out, and how fast it then writes is timed beside it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from probes.ablation import GUESSING, SMALL
from probes.effects import Counted, check, counted
from probes.metrics import Measured
from probes.names import measured, percent
from probes.resampling import paired, too_few
from tilelli.errors import InputError
from tilelli.interventions import Change, Intervention

if TYPE_CHECKING:
    from tilelli.base import ByteLM

THRESHOLDS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
PROMPT = 64  # bytes of the text that are read before the engine is timed
COUNTED = "Computations are counted; what they save in time is timed only where the compiled engine can run the model."


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
        speed: bytes a second that the compiled engine writes with it; None if not timed. With the lowest threshold it
            is the median of the rounds, with the others that times `faster`: a machine is never quiet.
        faster: how many times as fast as with the lowest threshold, round by round, the median.
        quarter, three_quarters: of the rounds in which it is less than that.
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
    speed: int | None = None
    faster: float | None = None
    quarter: float | None = None
    three_quarters: float | None = None

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
    timed: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[Point]:
    """A point for each threshold, as it is measured.

    Args:
        model: it is only read.
        text: at least one byte; longer than the context, it is read in windows.
        thresholds: 0 to 1; they are measured from the lowest to the highest.
        under: interventions that hold throughout, with and without skipping.
        seed: of the resampling.
        timed: whether the compiled engine is timed as well, which waits for its machine code; it cannot do what is
            `under`, and then is not.
        should_stop: asked while it is timed.

    Raises:
        InputError: the text is empty, the model has no routers, or there is no such threshold.
    """
    if odd := [threshold for threshold in thresholds if not 0 <= threshold <= 1]:
        raise InputError("There is no such threshold", f"{odd[0]:g}", "Use numbers from 0 to 1.")
    steps = [Intervention("skip", (), (threshold,)) for threshold in sorted(set(thresholds))]
    check(model, text, (*under, *steps))
    before = counted(model, text, under)
    speeds = _timed(model, text, [step.numbers[0] for step in steps], should_stop) if timed and not under else {}
    for step in steps:
        (threshold,) = step.numbers
        after = counted(model, text, (*under, step)) if threshold else before
        found = _point(threshold, before, after, seed)
        if threshold in speeds:
            speed, (quarter, faster, three_quarters) = speeds[threshold]
            found = replace(found, speed=speed, faster=faster, quarter=quarter, three_quarters=three_quarters)
        yield found


def table(points: Sequence[Point]) -> pd.DataFrame:
    """One row a threshold."""
    return pd.DataFrame([asdict(point) for point in points], columns=[field.name for field in fields(Point)])


def findings(points: Sequence[Point], size: int) -> list[str]:
    """What was found on `size` bytes, in sentences; none if nothing was measured."""
    if not points:
        return []
    if points[0].low is None:
        return [f"The text is too short to tell anything from chance: {too_few(size)}.", _told(points)]
    if points[0].bpb - points[0].change >= GUESSING:
        said = f"The model reads these {size} bytes no better than even guessing does (8 bpb): it has nothing to lose."
        return [said, _told(points)]
    return [_cheapest(points), _told(points)]


def _told(points: Sequence[Point]) -> str:
    """What leaving out is worth in time."""
    fastest = max(points, key=lambda point: point.quarter or 0)
    if fastest.faster is None or fastest.quarter is None:
        return COUNTED
    if fastest.quarter <= 1:
        return "The compiled engine writes no faster with any threshold: not in three of four rounds."
    return (
        f"The compiled engine writes {fastest.faster:.2f} times as fast at a threshold of {fastest.threshold:g} as at "
        f"{points[0].threshold:g} (in the middle half of the rounds {fastest.quarter:.2f} to "
        f"{fastest.three_quarters:.2f}). Reading a text at once saves less than writing."
    )


def _timed(
    model: "ByteLM", text: bytes, thresholds: Sequence[float], should_stop: Callable[[], bool]
) -> dict[float, tuple[int, list[float]]]:
    """Speed, and how many times it is the first: the quartiles over the rounds. For each threshold; none where there is
    no machine code, or it was stopped."""
    from tilelli.engine.loaded import compiled
    from tilelli.engine.pace import paces

    try:
        told = np.array(paces(compiled(model), thresholds, text[:PROMPT], should_stop=should_stop))
    except InputError:
        return {}
    if not told.size:  # (thresholds, rounds)
        return {}
    quartiles = np.quantile(told / told[0], (0.25, 0.5, 0.75), axis=1).T.tolist()
    usual = float(np.median(told[0]))
    return {threshold: (round(usual * own[1]), own) for threshold, own in zip(thresholds, quartiles, strict=True)}


def _point(threshold: float, before: Counted, after: Counted, seed: int) -> Point:
    change = paired(before.bits, after.bits, seed).change
    assert change.value is not None, "there is at least one byte"
    local, sparse, dense = (_share(after, parts) for parts in (("local",), ("sparse", "remembering"), ("dense",)))
    skipped = _share(after, tuple(after.total))
    assert skipped is not None, "the model has routers"
    ends = (change.low, change.high, change.n)
    return Point(threshold, float(after.bits.mean()), change.value, *ends, skipped, local, sparse, dense)


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
