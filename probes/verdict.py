"""Decision rules that are written down before anything is measured, and what they say of a measurement.

A rule names a figure of one part of a bank and the bound it must keep. The figure itself decides; its interval is
printed beside it, and a verdict whose interval crosses the bound says so. A difference must be clear: there the lower
end of the interval decides. This module knows nothing of how a figure is measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from probes.metrics import Measured

Word = Literal["met", "missed", "undefined"]
Sense = Literal["at least", "at most", "clearly above"]


@dataclass(frozen=True)
class Rule:
    """`figure` of `part` must be at least, at most, or with its whole interval above `bound`."""

    part: str
    figure: str
    sense: Sense
    bound: float

    def __str__(self) -> str:
        return f"{self.part}: {self.figure} {self.sense} {self.bound:g}"


@dataclass(frozen=True)
class Verdict:
    """What a rule says of what was measured; `narrow` where the interval crosses the bound."""

    rule: Rule
    word: Word
    measured: Measured | None
    narrow: bool = False


def judge(rules: Sequence[Rule], figures: Mapping[tuple[str, str], Measured]) -> tuple[Verdict, ...]:
    """A verdict a rule; `figures` are those measured, by part and name."""
    return tuple(_verdict(rule, figures.get((rule.part, rule.figure))) for rule in rules)


def _verdict(rule: Rule, measured: Measured | None) -> Verdict:
    clear = rule.sense == "clearly above"
    decisive = None if measured is None else measured.low if clear else measured.value
    if measured is None or decisive is None:
        return Verdict(rule, "undefined", measured)
    word: Word = "met" if _keeps(rule, decisive) else "missed"
    ends = [end for end in (measured.low, measured.high) if end is not None]
    return Verdict(rule, word, measured, not clear and any(_keeps(rule, end) != (word == "met") for end in ends))


def _keeps(rule: Rule, value: float) -> bool:
    if rule.sense == "clearly above":
        return value > rule.bound
    return value >= rule.bound if rule.sense == "at least" else value <= rule.bound
