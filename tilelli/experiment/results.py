"""What the records say: the numbers of the table and of the figure, and a verdict on each claim.

The test split counts once every run that is reported has been read on it; until then all figures are those of the
validation split, and say so. Nothing here is drawn or written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from tilelli.experiment.interval import Difference, paired_difference
from tilelli.experiment.plan import Arm, Comparison, Plan
from tilelli.experiment.record import Record, Scores, load_all


@dataclass(frozen=True)
class Row:
    """An arm. `bpb` has a place for every seed of the plan, None where there is no run yet.

    `difference` is to the baseline, over the seeds that both have; None if there are none, and for the baseline.
    """

    arm: Arm
    parameters: int | None
    bytes_seen: int | None
    bpb: tuple[float | None, ...]
    core_minutes: float | None
    difference: Difference | None

    @property
    def mean(self) -> float | None:
        known = [bpb for bpb in self.bpb if bpb is not None]
        return fmean(known) if known else None


@dataclass(frozen=True)
class Verdict:
    """What became of a claim, after `pairs` of the plan's seeds."""

    comparison: Comparison
    difference: Difference | None
    pairs: int
    seeds: int

    @property
    def words(self) -> str:
        if self.difference is None or self.pairs < self.seeds:
            return f"not yet: {self.pairs} of {self.seeds} seeds"
        d = self.difference
        return "met" if self.comparison.met(d.mean, d.low, d.high) else "missed"


@dataclass(frozen=True)
class Results:
    """All that a report needs.

    Attributes:
        split: `test` or `validation`, whichever the figures are of.
        documents, bytes: how large it is.
        runs, tested, planned: runs reported, those among them read on the test split, and all of the plan.
        left_out: a sentence for every record that is not used.
    """

    plan: Plan
    split: str
    documents: int
    bytes: int
    runs: int
    tested: int
    planned: int
    rows: tuple[Row, ...]
    verdicts: tuple[Verdict, ...]
    left_out: tuple[str, ...]


def gather(plan: Plan) -> Results:
    """Read the plan's records and compute everything.

    Raises:
        DataError: a record cannot be read, or the records are of different texts.
    """
    records, left_out = load_all(plan)
    tested = sum(record.test is not None for record in records.values())
    split = "test" if records and tested == len(records) else "validation"
    scores = {(r.arm, r.seed): (r.test if split == "test" else r.validation) or r.validation for r in records.values()}
    any_scores = next(iter(scores.values()), None)
    return Results(
        plan=plan,
        split=split,
        documents=len(any_scores.bytes) if any_scores else 0,
        bytes=sum(any_scores.bytes) if any_scores else 0,
        runs=len(records),
        tested=tested,
        planned=len(plan.jobs()),
        rows=tuple(_row(plan, arm, list(records.values()), scores) for arm in plan.arms.values()),
        verdicts=tuple(_verdict(plan, comparison, scores) for comparison in plan.comparisons),
        left_out=tuple(left_out),
    )


def _row(plan: Plan, arm: Arm, records: Sequence[Record], scores: dict[tuple[str, int], Scores]) -> Row:
    own = [record for record in records if record.arm == arm.name]
    bpb = [scores[arm.name, s].bits_per_byte if (arm.name, s) in scores else None for s in plan.seeds]
    return Row(
        arm=arm,
        parameters=own[0].parameters if own else None,
        bytes_seen=own[0].bytes_seen if own else None,
        bpb=tuple(bpb),
        core_minutes=fmean(record.core_minutes for record in own) if own else None,
        difference=None if arm.name == plan.baseline else _difference(plan, arm.name, plan.baseline, scores),
    )


def _verdict(plan: Plan, comparison: Comparison, scores: dict[tuple[str, int], Scores]) -> Verdict:
    difference = _difference(plan, comparison.arm, comparison.against, scores)
    return Verdict(comparison, difference, len(difference.each) if difference else 0, len(plan.seeds))


def _difference(plan: Plan, arm: str, against: str, scores: dict[tuple[str, int], Scores]) -> Difference | None:
    seeds = [seed for seed in plan.seeds if (arm, seed) in scores and (against, seed) in scores]
    if not seeds:
        return None
    first, second = (np.stack([scores[name, seed].array for seed in seeds]) for name in (arm, against))
    return paired_difference(first, second)  # (seeds, documents)
