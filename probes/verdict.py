"""Decision rules that are written down before anything is measured, and what they say of a measurement.

A rule names a figure of one part of a bank and the bound it must keep. The figure itself decides; its interval is
printed beside it, and a verdict whose interval crosses the bound says so. A difference must be clear: there the lower
end of the interval decides. Whether one thing is *better by* a margin has five answers: it wins, loses or is a tie, or
the rows are too few to say, or there is nothing to say. A claim counts such answers over the parts of a bank. This
module knows nothing of how a figure is measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from probes.metrics import Measured, Ranking

Word = Literal["met", "missed", "wins", "loses", "tie", "under-powered", "undefined"]
Sense = Literal["at least", "at most", "clearly above", "better by", "no worse by"]


@dataclass(frozen=True)
class Rule:
    """`figure` of `part` must be at least, at most, its whole interval above `bound`, or see `compare` and `spare`."""

    part: str
    figure: str
    sense: Sense
    bound: float

    def __str__(self) -> str:
        return f"{self.part}: {self.figure} {self.sense} {self.bound:g}"


@dataclass(frozen=True)
class Claim:
    """A signal is proven if it is better than the best of its baselines in enough parts of a bank, one of them hard.

    Attributes:
        signal: what is claimed to be good.
        baselines: what it has to beat; in each part the best of them there.
        parts: of the bank.
        key: the hard ones.
        margin: by how much AUROC it has to beat them, see `compare`.
        least: in how many parts.
    """

    signal: str
    baselines: tuple[str, ...]
    parts: tuple[str, ...]
    key: tuple[str, ...]
    margin: float
    least: int

    def __str__(self) -> str:
        hard = f", one of them {' / '.join(self.key)}" if self.key else ""
        where = f"in at least {self.least} of {len(self.parts)} parts{hard}"
        return f"{self.signal} better by {self.margin:g} than the best of {', '.join(self.rivals)} {where}"

    @property
    def rivals(self) -> tuple[str, ...]:
        """The baselines, without the signal itself where that is one of them."""
        return tuple(name for name in self.baselines if name != self.signal)

    def rule(self, part: str) -> Rule:
        """What has to hold in one part; its figure is the paired difference to the best baseline."""
        return Rule(part, f"{self.signal} minus the best baseline", "better by", self.margin)


@dataclass(frozen=True)
class Verdict:
    """What a rule says of what was measured; `narrow` where the interval crosses the bound."""

    rule: Rule | Claim
    word: Word
    measured: Measured | None
    narrow: bool = False


PUBLISHED = Claim(
    signal="router_conf",
    baselines=("max_softmax_last", "max_softmax_mean", "abstain_p"),
    parts=(
        "in_domain",
        "ood_topic",
        "ood_style",
        "factual_misleading",
        "long_input",
        "neo_false_inability",
        "gibberish",
    ),
    key=("gibberish", "factual_misleading", "neo_false_inability"),
    margin=0.02,
    least=4,
)
"""The rule of the published study of metacognition, over its seven regimes; `replace` its signal to judge another."""


def judge(rules: Sequence[Rule], figures: Mapping[tuple[str, str], Measured]) -> tuple[Verdict, ...]:
    """A verdict a rule; `figures` are those measured, by part and name."""
    return tuple(_verdict(rule, figures.get((rule.part, rule.figure))) for rule in rules)


def compare(difference: Measured, margin: float) -> Word:
    """What a paired difference says, given the margin from which on one would care.

    Wins or loses: it is at least the margin, and its interval excludes zero. Tie: its interval lies within the margin
    on either side, so that nothing one would care for is left (equivalence, Schuirmann 1987). Under-powered: neither,
    so that more rows are needed; `Measured.findable` says which difference they would have found. Undefined: there is
    no figure.
    """
    value, low, high = difference.value, difference.low, difference.high
    if value is None:
        return "undefined"
    if low is None or high is None:
        return "under-powered"
    if value >= margin and low > 0:
        return "wins"
    if value <= -margin and high < 0:
        return "loses"
    return "tie" if -margin <= low and high <= margin else "under-powered"


def spare(difference: Measured, margin: float) -> Word:
    """What a difference says where being better is no merit: that text without a failure has none is nothing won.

    Loses: it is at most minus the margin, and its interval excludes zero. Tie: its whole interval is above minus the
    margin (non-inferiority). Under-powered: neither. Undefined: there is no figure.
    """
    word = compare(difference, margin)
    clear = difference.low is not None and difference.low > -margin
    return "tie" if clear and word != "loses" else "under-powered" if word == "wins" else word


def differences(claim: Claim, table: Mapping[str, Ranking]) -> dict[tuple[str, str], Measured]:
    """The figures a claim is about, from the AUROCs of all signals in each part; what a part lacks is left out."""
    found: dict[tuple[str, str], Measured] = {}
    for part, ranking in table.items():
        best = ranking.best(claim.rivals)
        if best is not None and claim.signal in ranking.figures:
            found[part, claim.rule(part).figure] = ranking.difference(claim.signal, best)
    return found


def settle(claim: Claim, figures: Mapping[tuple[str, str], Measured]) -> tuple[Verdict, ...]:
    """What a claim comes to, given its `differences`.

    First comes the verdict over all parts, whose figure is the number of parts won, then one a part.

    It wins if it is proven. If it is not, but could be had the undecided parts been won, it is under-powered, or
    undefined where that takes parts that have no figure. Else it loses if it loses in as many parts as it had to win,
    and is a tie if it neither does.
    """
    each = judge([claim.rule(part) for part in claim.parts], figures)
    words = {part: verdict.word for part, verdict in zip(claim.parts, each, strict=True)}
    defined = [word for word in words.values() if word != "undefined"]
    won = Measured(float(defined.count("wins")), None, None, len(defined))
    return (Verdict(claim, _overall(claim, words), won), *each)


def _overall(claim: Claim, words: Mapping[str, Word]) -> Word:
    might: list[Word] = ["wins"]
    for word in ("wins", "under-powered", "undefined"):
        might.append(word)
        if _proven(claim, [part for part in words if words[part] in might]):
            return word
    return "loses" if list(words.values()).count("loses") >= claim.least else "tie"


def _proven(claim: Claim, won: Sequence[str]) -> bool:
    return len(won) >= claim.least and (not claim.key or any(part in won for part in claim.key))


def _verdict(rule: Rule, measured: Measured | None) -> Verdict:
    if rule.sense == "better by":
        return Verdict(rule, "undefined" if measured is None else compare(measured, rule.bound), measured)
    if rule.sense == "no worse by":
        return Verdict(rule, "undefined" if measured is None else spare(measured, rule.bound), measured)
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
