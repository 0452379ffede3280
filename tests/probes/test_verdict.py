from dataclasses import asdict, replace

import numpy as np
import pytest

from probes.metrics import Measured, Ranking, auroc_difference, aurocs
from probes.verdict import PUBLISHED, Claim, Rule, Sense, Word, compare, differences, judge, settle
from tests.probes.metrics.known import ranked

CASES: list[tuple[Sense, float, Measured, str, bool]] = [
    ("at least", 0.9, Measured(0.95, 0.92, 0.97, 9), "met", False),
    ("at least", 0.9, Measured(0.91, 0.88, 0.94, 9), "met", True),
    ("at least", 0.9, Measured(0.89, 0.86, 0.92, 9), "missed", True),
    ("at most", 0.15, Measured(0.2, 0.18, 0.22, 9), "missed", False),
    ("at most", 0.15, Measured(0.15, None, None, 1), "met", False),
    ("clearly above", 0, Measured(0.1, 0.01, 0.2, 9), "met", False),
    ("clearly above", 0, Measured(0.1, -0.01, 0.2, 9), "missed", False),
    ("clearly above", 0, Measured(0, 0, 0, 9), "missed", False),
    ("at least", 0.9, Measured(None, None, None, 9), "undefined", False),
    ("better by", 0.02, Measured(0.05, 0.01, 0.09, 9), "wins", False),
    ("better by", 0.02, Measured(None, None, None, 9), "undefined", False),
    ("no worse by", 0.02, Measured(-0.05, -0.09, -0.01, 9), "loses", False),
    ("no worse by", 0.02, Measured(0.05, 0.01, 0.09, 9), "tie", False),  # to be better is no merit here
    ("no worse by", 0.02, Measured(0.05, -0.01, 0.11, 9), "tie", False),
    ("no worse by", 0.02, Measured(-0.01, -0.03, 0.01, 9), "under-powered", False),
    ("no worse by", 0.02, Measured(-0.01, -0.015, -0.005, 9), "tie", False),
    ("no worse by", 0.02, Measured(0.05, None, None, 3), "under-powered", False),
    ("no worse by", 0.02, Measured(None, None, None, 9), "undefined", False),
]
COMPARED: list[tuple[float | None, float | None, float | None, Word]] = [
    (0.05, 0.01, 0.09, "wins"),
    (0.02, 0.001, 0.039, "wins"),
    (0.05, 0.0, 0.1, "under-powered"),
    (-0.05, -0.09, -0.01, "loses"),
    (-0.05, -0.11, 0.01, "under-powered"),
    (0.0, -0.01, 0.01, "tie"),
    (0.01, 0.005, 0.015, "tie"),  # surely above zero, but by nothing that one would care for
    (0.01, 0.005, 0.03, "under-powered"),
    (0.0, -0.02, 0.02, "tie"),
    (0.0, -0.03, 0.01, "under-powered"),
    (0.0, -0.3, 0.3, "under-powered"),
    (0.3, None, None, "under-powered"),
    (None, None, None, "undefined"),
]


@pytest.mark.parametrize(("sense", "bound", "measured", "word", "narrow"), CASES)
def test_a_rule_says_what_became_of_it(sense: Sense, bound: float, measured: Measured, word: str, narrow: bool) -> None:
    (verdict,) = judge([Rule("test", "figure", sense, bound)], {("test", "figure"): measured})
    assert (verdict.word, verdict.narrow) == (word, narrow)


@pytest.mark.parametrize("sense", ["at least", "better by"])
def test_what_was_not_measured_is_undefined(sense: Sense) -> None:
    rule = Rule("test", "figure", sense, 0.5)
    (verdict,) = judge([rule], {("other", "figure"): Measured(1, 1, 1, 1)})
    assert (verdict.word, verdict.measured) == ("undefined", None)
    assert str(rule) == f"test: figure {sense} 0.5"


@pytest.mark.parametrize(("value", "low", "high", "word"), COMPARED)
def test_a_difference_wins_loses_is_a_tie_or_leaves_it_open(
    value: float | None, low: float | None, high: float | None, word: Word
) -> None:
    assert compare(Measured(value, low, high, 60), 0.02) == word


def test_thirty_a_class_with_a_true_difference_of_three_hundredths_are_under_powered_and_never_a_tie() -> None:
    words = []
    for seed in range(100):
        (one, label), (other, _) = ranked(seed, 0.80, 30, 30), ranked(seed + 100_000, 0.77, 30, 30)
        difference = auroc_difference(one, other, label)
        words.append(compare(difference, 0.02))
        assert (difference.findable or 0) > 0.03
    assert words.count("tie") == words.count("undefined") == 0
    assert words.count("under-powered") >= 90  # the rest is what chance gives a test at 5 %


def test_thousands_of_rows_tell_a_tie_and_a_win() -> None:
    (one, label), (noise, _) = ranked(0, 0.8, 3000, 3000), ranked(1, 0.5, 3000, 3000)
    assert compare(auroc_difference(one, one + 0.05 * noise, label), 0.02) == "tie"
    assert compare(auroc_difference(one, one + noise, label), 0.02) == "wins"
    assert compare(auroc_difference(one + noise, one, label), 0.02) == "loses"


def figures(claim: Claim, words: str) -> dict[tuple[str, str], Measured]:
    """Differences that win, lose, tie, are too few, or undefined: one letter a part."""
    made = {
        "w": Measured(0.1, 0.05, 0.15, 60),
        "l": Measured(-0.1, -0.15, -0.05, 60),
        "t": Measured(0, -0.01, 0.01, 60),
        "p": Measured(0, -0.1, 0.1, 60),
        "u": Measured(None, None, None, 30),
    }
    return {(part, claim.rule(part).figure): made[word] for part, word in zip(claim.parts, words, strict=True)}


@pytest.mark.parametrize(
    ("words", "word", "won"),
    [
        ("wwwwttt", "wins", 4),  # the fourth is factual_misleading
        ("wwwtwtt", "tie", 4),  # four, but none of the hard ones
        ("wwwtwtp", "under-powered", 4),  # gibberish might be
        ("wwwtwtu", "undefined", 4),
        ("lllltww", "loses", 2),
        ("ttttttt", "tie", 0),
        ("ppppttt", "under-powered", 0),
        ("uuuuuuu", "undefined", 0),
        ("wwwuttt", "undefined", 3),
        ("llltttt", "tie", 0),
    ],
)
def test_the_published_rule_takes_four_of_seven_and_a_hard_one(words: str, word: Word, won: int) -> None:
    overall, *each = settle(PUBLISHED, figures(PUBLISHED, words))
    assert (overall.word, overall.measured) == (word, Measured(won, None, None, 7 - words.count("u")))
    short = {"wins": "w", "loses": "l", "tie": "t", "under-powered": "p", "undefined": "u"}
    assert "".join(short[verdict.word] for verdict in each) == words


def test_the_published_rule_is_as_published() -> None:
    assert str(PUBLISHED) == (
        "router_conf better by 0.02 than the best of max_softmax_last, max_softmax_mean, abstain_p in at least "
        "4 of 7 parts, one of them gibberish / factual_misleading / neo_false_inability"
    )
    assert str(PUBLISHED.rule("gibberish")) == "gibberish: router_conf minus the best baseline better by 0.02"
    assert asdict(settle(PUBLISHED, {})[0])["rule"]["margin"] == 0.02


def table(signal: float, seed: int) -> dict[str, Ranking]:
    """A signal and its baselines in every part; the baselines know a little."""
    made = {}
    for number, part in enumerate(PUBLISHED.parts):
        start = 1000 * seed + 10 * number
        scores = {name: ranked(start + n, 0.6, 100, 100)[0] for n, name in enumerate(PUBLISHED.baselines)}
        score, label = ranked(start + 9, signal, 100, 100)
        made[part] = aurocs(scores | {PUBLISHED.signal: score}, label)
    return made


@pytest.mark.parametrize("seed", range(3))
def test_an_oracle_wins_and_what_knows_nothing_is_never_better_than_a_tie(seed: int) -> None:
    oracle, blind = table(0.999, seed), table(0.5, seed)
    assert settle(PUBLISHED, differences(PUBLISHED, oracle))[0].word == "wins"
    assert {verdict.word for verdict in settle(PUBLISHED, differences(PUBLISHED, blind))} <= {
        "loses",
        "tie",
        "under-powered",
    }


def test_the_difference_is_to_the_best_baseline_there_and_never_to_the_signal_itself() -> None:
    label = np.arange(40) < 20
    scores = {"a": np.arange(40.0), "b": -np.arange(40.0), "c": np.where(label, 1.0, np.arange(40) % 2)}
    claim = Claim("a", ("a", "b", "c"), ("one", "two"), (), 0.02, 1)
    assert claim.rivals == ("b", "c")
    found = differences(claim, {"one": aurocs(scores, label)})
    assert list(found) == [("one", "a minus the best baseline")]
    assert next(iter(found.values())).value == 0 - 1  # b is perfect
    assert differences(replace(claim, signal="missing"), {"one": aurocs(scores, label)}) == {}
