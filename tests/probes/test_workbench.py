"""A threshold chosen on some rows and read on others: by hand, by trying every one, and with nothing to choose on."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.abstain import NOTHING, WORDED
from probes.metrics import augrc, wilson
from probes.workbench import POLICIES, Cases, Costs, choose, cost, selective, signals, table
from tests.probes.results import abstained
from tilelli.errors import InputError

EVEN = Costs()


def rows(calibration: list[tuple[float, str]], test: list[tuple[float, str]]) -> pd.DataFrame:
    """Rows of a signal and what the words of the reply are; whether there is an answer follows from these."""
    return pd.DataFrame(
        [
            {"part": "p", "split": split, "abstain_p": p, "max_softmax_mean": 1 - p, "ungated": said}
            | {"answerable": said in ("right", "wrong"), "reply": ""}
            for split, own in (("calibration", calibration), ("test", test))
            for p, said in own
        ]
    )


BY_HAND = rows(
    [(0.1, "right"), (0.2, "right"), (0.3, "wrong"), (0.6, "answered"), (0.7, "right"), (0.9, "answered")],
    [(0.2, "right"), (0.65, "right"), (0.8, "answered"), (0.4, "answered")],
)


def test_the_cheapest_threshold_and_what_it_costs_worked_by_hand() -> None:
    """Silent from 0.9 on: one wrong, one invented; from 0.6: one wrong, one needless silence; never: three mistakes."""
    found = choose(BY_HAND, "abstain_p", Costs(invented=2), own_gate=0.3)
    assert found.threshold == 0.6
    cheapest = found.curve[found.curve["threshold"] == 0.6].iloc[0]
    assert (cheapest["cost"], cheapest["silent"]) == (pytest.approx(2 / 6), pytest.approx(3 / 6))
    by = {name: own["cost"].value for name, own in found.policies.items()}
    assert by == pytest.approx({"never silent": 1, "always silent": 2 / 4, "its own gate": 1 / 4, "chosen here": 3 / 4})
    assert found.saved.value == pytest.approx(1 / 4 - 3 / 4)
    assert found.policies["chosen here"]["hallucination"] == wilson(1, 2)
    assert found.policies["chosen here"]["false inability"] == wilson(1, 2)
    assert found.policies["chosen here"]["selective accuracy"] == wilson(1, 2)
    assert found.sentence == "It costs least to keep silent where abstain_p is at least 0.6."


def test_a_signal_of_sureness_keeps_silent_from_above_down() -> None:
    found = choose(BY_HAND, "max_softmax_mean", Costs(invented=2), own_gate=None)
    assert found.threshold == pytest.approx(0.4)
    assert found.sentence == "It costs least to keep silent where max_softmax_mean is at most 0.4."
    assert list(found.policies) == [name for name in POLICIES if name != "its own gate"]


def test_where_silence_is_dear_it_never_keeps_silent() -> None:
    found = choose(BY_HAND, "abstain_p", Costs(wrong=0, invented=0, silent=1), own_gate=None)
    assert (found.threshold, found.sentence) == (None, "It costs least never to keep silent.")
    assert found.policies["chosen here"] == found.policies["never silent"]


def test_what_its_words_decline_stays_declined_and_nothing_said_is_a_mistake() -> None:
    said = Cases(np.zeros(4), *(np.array(flags, dtype=bool) for flags in ([1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0])))
    costs = Costs(wrong=3, invented=5, silent=7)
    assert cost(said, np.zeros(4, dtype=bool), costs).tolist() == [7, 0, 3, 5]
    assert cost(said, np.ones(4, dtype=bool), costs).tolist() == [7, 0, 7, 0]
    odd = rows([(0.1, WORDED), (0.2, NOTHING)], [(0.1, NOTHING)])
    assert choose(odd, "abstain_p", EVEN, None).policies["never silent"]["cost"].value == 1


SAID = st.lists(
    st.tuples(st.sampled_from([0.1, 0.2, 0.4, 0.8]), st.sampled_from(["right", "wrong", "answered", WORDED])),
    min_size=1,
    max_size=12,
)


@given(SAID, st.tuples(*[st.sampled_from([0.0, 0.5, 1.0, 3.0])] * 3).filter(any))
def test_no_threshold_is_cheaper_on_the_rows_it_was_chosen_on(
    said: list[tuple[float, str]], each: tuple[float]
) -> None:
    """The slow way: every threshold is tried, row by row."""
    costs = Costs(*each)
    found = choose(rows(said, said[:1]), "abstain_p", costs, None)

    def one(p: float, word: str, threshold: float) -> float:
        yes = word in ("right", "wrong")
        if p >= threshold or word == WORDED:
            return costs.silent * yes
        return {"right": 0.0, "wrong": costs.wrong, "answered": costs.invented}[word]

    tried = {t: sum(one(p, word, t) for p, word in said) / len(said) for t in (*{p for p, _ in said}, math.inf)}
    chosen = math.inf if found.threshold is None else found.threshold
    assert tried[chosen] == pytest.approx(min(tried.values()))
    assert chosen == max(t for t, c in tried.items() if c <= min(tried.values()) + 1e-9)
    assert dict(zip(found.curve["threshold"], found.curve["cost"], strict=True)) == pytest.approx(tried)


def test_the_counts_at_the_threshold_are_those_of_the_rows() -> None:
    found = choose(abstained(n=60, halves=True).rows, "abstain_p", EVEN, 0.6)
    assert found.outcomes["rows"].sum() == len(found.rows) == 60
    assert set(found.rows["split"]) == {"test"}
    silent = found.outcomes[found.outcomes["outcome"] == "silent"]["rows"].sum()
    assert silent == found.rows["silent"].sum() == (found.rows["abstain_p"] >= (found.threshold or 2)).sum()
    assert len(table(found.policies)) == 4 * 5


def test_areas_are_of_the_replies_that_give_an_answer() -> None:
    own = abstained(n=60, halves=True).rows
    found = selective(own, "abstain_p")
    spoken = own[(own["split"] == "test") & (own["ungated"] != WORDED)]
    expected = augrc(-spoken["abstain_p"].to_numpy(dtype=float), (spoken["ungated"] == "right").to_numpy())
    assert (found.areas["AUGRC"], found.answered, found.rows) == (expected, len(spoken), 60)
    assert found.curve["risk"].iloc[-1] == pytest.approx((spoken["ungated"] != "right").mean())
    assert found.curve["threshold"].is_monotonic_increasing


def test_signals_that_a_model_lacks_are_not_offered() -> None:
    assert signals(abstained().rows)[0] == "abstain_p"
    assert "abstain_p" not in signals(abstained(head=False).rows)
    assert "max_softmax_mean" in signals(abstained(head=False).rows)


def test_without_rows_to_choose_on_nothing_is_chosen() -> None:
    with pytest.raises(InputError, match="There are no calibration rows: a threshold is chosen on"):
        choose(abstained().rows, "abstain_p", EVEN, None)


@pytest.mark.parametrize("costs", [*product([-1.0, math.inf, math.nan], [1.0], [1.0]), (0.0, 0.0, 0.0)])
def test_costs_that_make_no_sense_are_refused(costs: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="A cost is 0 or more, and not all are 0"):
        Costs(*costs)
