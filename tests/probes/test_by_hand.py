"""Labels beside the automatic judgement, counted by hand; rows to label come in an order that favours none."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from probes.abstain import NOTHING, OUTCOMES, WORDED
from probes.by_hand import MEANS, counted, order
from probes.metrics import wilson

ROWS = pd.DataFrame(
    {
        "answerable": [True, True, True, False, False, False],
        "ungated": ["right", "wrong", WORDED, "answered", WORDED, NOTHING],
    },
    index=[4, 5, 6, 7, 8, 9],
)


def test_both_judgements_worked_by_hand() -> None:
    found = counted(ROWS, ["right", "right", None, "wrong", "abstained", "wrong"])
    said = {(row.answerable, row.word): (row.automatic, row[4]) for row in found.table.itertuples()}  # type: ignore[index]
    assert said == {
        (True, "right"): (1, 2),
        (True, "wrong"): (1, 0),
        (True, "abstained"): (0, 0),
        (False, "right"): (0, 0),
        (False, "wrong"): (2, 2),
        (False, "abstained"): (1, 1),
    }
    assert (found.agreement, found.parted) == (wilson(4, 5), [1])


def test_without_labels_there_is_nothing_to_say() -> None:
    found = counted(ROWS, [None] * 6)
    assert (found.agreement.value, found.agreement.n, found.parted) == (None, 0, [])
    assert not found.table[["automatic", "by hand"]].to_numpy().any()


def test_every_outcome_of_words_means_something() -> None:
    words = {outcome for own in OUTCOMES.values() for outcome in own if outcome != "abstained by the gate"}
    assert set(MEANS) == words


@given(st.integers(0, 60), st.integers(0, 5))
def test_every_row_comes_once_and_the_same_seed_gives_the_same_order(n: int, seed: int) -> None:
    assert sorted(order(n, seed)) == list(range(n))
    assert order(n, seed) == order(n, seed)
