"""Two checkpoints on the same questions: by how much do their figures differ, and how sure is that?

Where both answered the same rows, both are read on the same draws of them, so that what they share cancels. That takes
a figure apart into what each row adds to it. How is written down here by name; it is believed only if it gives back
both stored figures, and whatever cannot be taken apart has no difference with an interval. This module opens no
checkpoint.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probes.compare import LETTERS
from probes.metrics import Measured, auroc, auroc_difference, share_difference
from probes.metrics.draws import figure, resampled
from probes.reports.behind import SHARES, behind, of_part
from probes.result import Place, ProbeResult
from probes.signals import SIGNALS, doubt

Floats = NDArray[np.float64]
EXACT = 1e-9  # by which a figure taken apart may differ from the stored one
TEXTS = ("prompt", "text")
OWN = ("abstain", "metacognition")  # whose AUROC is about what a prompt is, and not about replies to it
WITHIN, REFERENCE = "failure: ", "in_domain"
RATIOS = {"bits per byte": ("bits", "bytes"), "bits per character": ("bits", "characters")}


@dataclass(frozen=True, eq=False)
class Ratio:
    """sum(above) / sum(below) over (n,) rows; `share` where it counts rows."""

    above: Floats
    below: Floats
    share: bool = False

    @property
    def value(self) -> float | None:
        return float(self.above.sum() / self.below.sum()) if self.below.sum() else None

    def difference(self, other: "Ratio", mine: Measured, theirs: Measured, seed: int) -> Measured:
        """This less another on the same rows; shares that no draw moves get the interval of two sets of rows."""
        drawn = np.concatenate([_over(count, self) - _over(count, other) for (count,) in resampled([self.n], seed)])
        drawn, fewest = drawn[~np.isnan(drawn)], int(min((self.below > 0).sum(), (other.below > 0).sum()))
        if self.share and (not len(drawn) or np.ptp(drawn) == 0):
            return share_difference(mine, theirs)
        assert mine.value is not None
        assert theirs.value is not None
        return figure(mine.value - theirs.value, drawn, fewest, fewest)

    @property
    def n(self) -> int:
        return len(self.above)


@dataclass(frozen=True, eq=False)
class Ranked:
    """AUROC of scores (n,) for labels (n,) that are the questions' own."""

    score: Floats
    label: NDArray[np.bool_]

    @property
    def value(self) -> float | None:
        return auroc(self.score, self.label).value if np.isfinite(self.score).all() else None

    def difference(self, other: "Ranked", mine: Measured, theirs: Measured, seed: int) -> Measured:
        return auroc_difference(self.score, other.score, self.label, seed)


def unpaired(results: Sequence[ProbeResult]) -> str | None:
    """Why the rows of results are not paired, as a sentence; None where they are."""
    first, *others = results
    if any(other.probe != first.probe for other in others):
        return "They are of different probes, so there is nothing to compare row by row."
    texts = [_texts(result) for result in results]
    if texts[0] is None:
        return "This probe keeps no text with its rows, so it cannot be seen whether they are the same."
    if any(text != texts[0] for text in texts[1:]):
        return "They were not asked the same questions, so their rows are not paired: the intervals are each one's own."
    return None


def differences(first: ProbeResult, other: ProbeResult, seed: int = 0) -> dict[Place, Measured]:
    """What can be said of `other` less `first`, figure by figure; nothing where their rows are not paired."""
    if unpaired((first, other)):
        return {}
    found: dict[Place, Measured] = {}
    for place in first.figures:
        mine, theirs = other.figures.get(place), first.figures[place]
        one, two = (_apart(result, place) for result in (other, first))
        if mine is None or not _gives(one, mine) or not _gives(two, theirs):
            continue
        found[place] = one.difference(two, mine, theirs, seed)  # type: ignore[union-attr, arg-type]
    return found


def table(results: Sequence[ProbeResult]) -> pd.DataFrame:
    """A row a figure and result but the first, `differences` to it: part, figure, difference, value, low, high, n."""
    found = [
        {"part": part, "figure": name, "difference": f"{letter} less {LETTERS[0]}"} | asdict(measured)
        for letter, other in zip(LETTERS[1:], results[1:], strict=False)
        for (part, name), measured in differences(results[0], other, results[0].provenance["seed"]).items()
    ]
    return pd.DataFrame(found)


def _apart(result: ProbeResult, place: Place) -> Ratio | Ranked | None:
    """A figure as what each of its rows adds to it; None where that is not written down."""
    part, name = place
    if name.startswith("AUROC of "):
        return _ranked(result, part, name.removeprefix("AUROC of "))
    if (result.probe, name) in SHARES:
        rows = result.rows[of_part(result.rows, part)]
        below, above = (np.asarray(which(rows), dtype=np.float64) for which in SHARES[result.probe, name])
        return Ratio(above * below, below, share=True)
    rows, columns = result.rows[behind(result, place)], RATIOS.get(name)
    if columns is None or not set(columns) <= set(rows):
        return None
    above, below = (np.asarray(rows[column], dtype=np.float64) for column in columns)
    return Ratio(above, below)


def _ranked(result: ProbeResult, part: str, name: str) -> Ranked | None:
    rows = result.rows
    if result.probe not in OWN or name not in SIGNALS or name not in rows or part.startswith(WITHIN):
        return None
    if result.probe == "abstain":
        rows = rows[rows["part"] == part]
        label = ~rows["answerable"].to_numpy(dtype=bool)
    else:
        read = rows["split"] == "test"
        rows = rows[read if part == REFERENCE else read & rows["part"].isin((REFERENCE, part))]
        label = (rows["part"] != REFERENCE).to_numpy()
    score = pd.to_numeric(rows[name], errors="coerce").to_numpy(dtype=np.float64)
    return Ranked(doubt(name, score), label)


def _over(count: NDArray[np.int64], own: Ratio) -> Floats:
    """The ratio in each draw; NaN where nothing is below."""
    above, below = count @ own.above, count @ own.below
    return np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)  # type: ignore[no-any-return]


def _gives(apart: Ratio | Ranked | None, stored: Measured) -> bool:
    """Whether a figure taken apart is the stored one."""
    value = None if apart is None else apart.value
    return value is not None and stored.value is not None and math.isclose(value, stored.value, abs_tol=EXACT)


def _texts(result: ProbeResult) -> list[str] | None:
    column = next((name for name in TEXTS if name in result.rows), None)
    return None if column is None else result.rows[column].tolist()
