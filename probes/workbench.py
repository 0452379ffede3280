"""From when on should it keep silent? A threshold is chosen by what mistakes cost, and then read on other questions.

Three mistakes are possible: a wrong answer, an invented one where it cannot know, and silence where it could. What they
cost is for the user to say. The threshold that costs least on the calibration rows of a bank is read on its test
rows, beside never keeping silent, always, and the gate the checkpoint came with. What the words of a reply decline is
declined whatever the threshold; an empty or looping reply counts as a wrong one. This module opens no checkpoint.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probes.abstain import WORDED
from probes.banks import CALIBRATION, TEST
from probes.metrics import Measured, augrc, aurc, eaurc, risk_coverage, wilson
from probes.metrics.draws import mean
from probes.signals import LENGTH, SIGNALS, Floats, doubt
from tilelli.errors import InputError

POLICIES = ("never silent", "always silent", "its own gate", "chosen here")
SHARES = ("hallucination", "false inability", "coverage", "selective accuracy")
Truth = NDArray[np.bool_]


@dataclass(frozen=True)
class Costs:
    """What a mistake costs; a right answer, and silence where there is no answer, cost nothing."""

    wrong: float = 1.0
    invented: float = 1.0
    silent: float = 1.0

    def __post_init__(self) -> None:
        odd = [f"{name} {cost:g}" for name, cost in asdict(self).items() if not 0 <= cost < math.inf]
        if odd or not sum(asdict(self).values()):
            raise InputError("A cost is 0 or more, and not all are 0", ", ".join(odd) or "all are 0", "Change them.")


class Cases(NamedTuple):
    """Questions (n,): doubt of a signal, whether there is an answer, whether the words of the reply decline, whether it
    is right."""

    doubt: Floats
    answerable: Truth
    declines: Truth
    right: Truth


@dataclass(frozen=True, eq=False)
class Choice:
    """A threshold and what comes of it.

    Attributes:
        signal: that it is on.
        threshold: on the signal's own scale: from there on, or where the signal means sureness down from there, it
            keeps silent. None if it never should.
        curve: what each threshold costs on the calibration rows, a row each: `threshold`, `cost` a question, `silent`
            share of them.
        policies: what each of `POLICIES` does on the test rows: `cost` a question and the shares, each a `Measured`.
        saved: cost of its own gate, or where it has none of never keeping silent, less that of the threshold chosen.
        outcomes: on the test rows at this threshold: part, answerable, outcome, rows.
        rows: the test rows, as they were given, with `silent` and `cost` at this threshold.
    """

    signal: str
    threshold: float | None
    curve: pd.DataFrame
    policies: dict[str, dict[str, Measured]]
    saved: Measured
    outcomes: pd.DataFrame
    rows: pd.DataFrame

    @property
    def sentence(self) -> str:
        """The threshold in words."""
        if self.threshold is None:
            return "It costs least never to keep silent."
        word = "at most" if SIGNALS[self.signal].surer else "at least"
        return f"It costs least to keep silent where {self.signal} is {word} {self.threshold:.4g}."


class Selective(NamedTuple):
    """How replies that give an answer fare on the test rows if the surest are let through first.

    Attributes:
        curve: threshold, coverage, risk, low, high, generalised; one row a different value of the signal.
        areas: AUGRC, AURC and E-AURC, lower is better.
        answered: replies that give an answer, of `rows` in all.
    """

    curve: pd.DataFrame
    areas: dict[str, Measured]
    answered: int
    rows: int


def signals(rows: pd.DataFrame) -> list[str]:
    """Signals of which every row has a value, that of the abstain head first."""
    numbers = {name: pd.to_numeric(rows[name], errors="coerce") for name in SIGNALS if name in rows and name != LENGTH}
    return sorted((name for name, own in numbers.items() if own.notna().all()), key=lambda name: name != "abstain_p")


def choose(rows: pd.DataFrame, signal: str, costs: Costs, own_gate: float | None, seed: int = 0) -> Choice:
    """The threshold that costs least on the calibration rows; of several such the one that keeps silent least.

    Args:
        rows: of a result of the abstain probe.
        signal: one of `signals(rows)`.
        costs: what mistakes cost.
        own_gate: from which `abstain_p` on the checkpoint declines; None if it has no gate.
        seed: of the resampling behind intervals.

    Raises:
        InputError: there are no rows to choose on, or none to read.
    """
    known, new = (_half(rows, split) for split in (CALIBRATION, TEST))
    curve = _curve(_cases(known, signal), costs)
    least = curve["cost"].min()
    best = float(curve[curve["cost"] <= least + 1e-12]["doubt"].iloc[-1])
    cases = _cases(new, signal)
    own = np.zeros(len(new), dtype=bool) if own_gate is None else new["abstain_p"].to_numpy(dtype=float) >= own_gate
    none = np.zeros(len(new), dtype=bool)
    silences = dict(zip(POLICIES, (none, ~none, own, cases.doubt >= best), strict=True))
    if own_gate is None:
        del silences[POLICIES[2]]
    each = {name: cost(cases, silent, costs) for name, silent in silences.items()}
    before, after = each.get(POLICIES[2], each[POLICIES[0]]), each[POLICIES[3]]
    shown = new.assign(silent=silences[POLICIES[3]], cost=after)
    return Choice(
        signal=signal,
        threshold=None if math.isinf(best) else float(_own_scale(signal, best)),
        curve=curve.assign(threshold=_own_scale(signal, curve["doubt"].to_numpy())),
        policies={name: _measured(cases, silent, each[name], seed) for name, silent in silences.items()},
        saved=mean(before - after, seed),
        outcomes=_outcomes(shown),
        rows=shown,
    )


def selective(rows: pd.DataFrame, signal: str, seed: int = 0) -> Selective:
    """Risk and coverage of the replies that give an answer, on the test rows; those that decline in words are left out.

    Raises:
        InputError: there are no test rows.
    """
    new = _half(rows, TEST)
    cases = _cases(new, signal)
    spoken = ~cases.declines
    confidence, right = -cases.doubt[spoken], cases.right[spoken]
    found = risk_coverage(confidence, right)
    curve = pd.DataFrame({name: getattr(found, name) for name in found.__dataclass_fields__})
    curve["threshold"] = _own_scale(signal, -curve["threshold"].to_numpy())
    areas = {"AUGRC": augrc, "AURC": aurc, "E-AURC": eaurc}
    measured = {name: area(confidence, right, seed) for name, area in areas.items()}
    return Selective(curve, measured, int(spoken.sum()), len(new))


def cost(cases: Cases, silent: Truth, costs: Costs) -> Floats:
    """What each question (n,) costs if the gate keeps silent where it is told."""
    kept = silent | cases.declines
    mistake = np.where(cases.answerable, costs.wrong, costs.invented)
    found: Floats = np.where(kept, cases.answerable * costs.silent, np.where(cases.right, 0.0, mistake))
    return found


def table(policies: dict[str, dict[str, Measured]]) -> pd.DataFrame:
    """A row a policy and figure: policy, figure, value, low, high, n."""
    return pd.DataFrame(
        [
            {"policy": policy, "figure": name, **asdict(found)}
            for policy, own in policies.items()
            for name, found in own.items()
        ]
    )


def _half(rows: pd.DataFrame, split: str) -> pd.DataFrame:
    half = rows[rows["split"] == split]
    if half.empty:
        why = "a threshold is chosen on some rows and read on others"
        remedy = "Ask the bank abstain, or one of your own whose rows name their split."
        raise InputError(f"There are no {split} rows", why, remedy)
    return half


def _cases(rows: pd.DataFrame, signal: str) -> Cases:
    values = rows[signal].to_numpy(dtype=np.float64)
    ungated = rows["ungated"]
    flags = (rows["answerable"], ungated == WORDED, ungated == "right")
    return Cases(doubt(signal, values), *(flag.to_numpy(dtype=bool) for flag in flags))


def _curve(cases: Cases, costs: Costs) -> pd.DataFrame:
    """A row a threshold, from the strictest to the one that never keeps silent."""
    order = np.argsort(cases.doubt, kind="stable")
    ranked = cases.doubt[order]
    spoken, kept = (cost(cases, np.full(len(order), silent), costs)[order] for silent in (False, True))
    starts = np.append(np.flatnonzero(np.diff(ranked, prepend=-np.inf)), len(ranked))  # rows before each speak
    total = np.concatenate([[0.0], np.cumsum(spoken)]) + np.concatenate([np.cumsum(kept[::-1])[::-1], [0.0]])
    values = np.append(ranked[starts[:-1]], np.inf)
    n = max(len(ranked), 1)
    return pd.DataFrame({"doubt": values, "cost": total[starts] / n, "silent": 1 - starts / n})


def _measured(cases: Cases, silent: Truth, each: Floats, seed: int) -> dict[str, Measured]:
    kept, yes = silent | cases.declines, cases.answerable
    counts = {
        "hallucination": (~kept & ~yes, ~yes),
        "false inability": (kept & yes, yes),
        "coverage": (~kept, np.ones(len(kept), dtype=bool)),
        "selective accuracy": (~kept & cases.right, ~kept),
    }
    shares = {name: wilson(int(above.sum()), int(below.sum())) for name, (above, below) in counts.items()}
    return {"cost": mean(each, seed), **shares}


def _outcomes(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a part, answerable or not, and outcome."""
    outcome = rows["ungated"].mask(rows["silent"], "silent")
    found = rows.assign(outcome=outcome).groupby(["part", "answerable", "outcome"], sort=False).size()
    return found.reset_index(name="rows")


def _own_scale(signal: str, values: Any) -> Any:
    """Doubt back to the values of the signal."""
    return -values if SIGNALS[signal].surer else values
