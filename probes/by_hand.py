"""Is the automatic judgement right? Replies that a person has read, counted beside what the machine said of them.

A machine looks for an accepted answer and for words that decline; a person reads. Both speak of the words of a reply,
as they are without a gate. What a person chose to label is no fair sample of the rows, unless the rows were drawn: so
`order` draws them. This module knows no database.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from probes.abstain import NOTHING, WORDED
from probes.metrics import Measured, wilson
from probes.store.labels import ABSTAINED, RIGHT, WORDS, WRONG

MEANS = {"right": RIGHT, "wrong": WRONG, "answered": WRONG, NOTHING: WRONG, WORDED: ABSTAINED}
"""What the automatic judgement of a reply's words amounts to; an empty or looping reply is no honest silence."""


@dataclass(frozen=True, eq=False)
class Counted:
    """Labelled rows beside the automatic judgement of the same rows.

    Attributes:
        table: answerable, word, automatic, by hand: how many rows are which.
        agreement: share of labelled rows on which both say the same, with Wilson interval.
        parted: numbers of the rows on which they do not.
    """

    table: pd.DataFrame
    agreement: Measured
    parted: list[int]


def counted(rows: pd.DataFrame, labels: Sequence[str | None]) -> Counted:
    """Count the rows of a result of the abstain probe, one label or None each."""
    hand = pd.Series([*labels], index=rows.index, dtype=object)
    automatic = rows["ungated"].map(MEANS)
    there = hand.notna()
    same = (hand == automatic)[there]
    table = [
        {"answerable": answerable, "word": word}
        | {name: int((own[there & kind] == word).sum()) for name, own in (("automatic", automatic), ("by hand", hand))}
        for answerable, kind in ((True, rows["answerable"]), (False, ~rows["answerable"]))
        for word in WORDS
    ]
    parted = np.flatnonzero((there & (hand != automatic)).to_numpy()).tolist()
    return Counted(pd.DataFrame(table), wilson(int(same.sum()), len(same)), parted)


def order(count: int, seed: int = 0) -> list[int]:
    """Numbers of rows in the order in which they should be read: whatever prefix is labelled is a fair sample."""
    return np.random.default_rng(seed).permutation(count).tolist()  # type: ignore[no-any-return]
