"""The surface floor: how well the wording alone tells questions without an answer from others.

Two baselines read the same prompts as the model and know nothing: logistic regression over words, one and two in a
row, and over two to four letters. They learn from the training dialogues of the bank's seed; for a bank of one's own
from the other four fifths of it. What a model scores above the better of them is not in the wording.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probes.banks import Bank, Question
from tilelli.data.dialogue import generate
from tilelli.data.dialogues.rows import Dialogue
from tilelli.errors import InputError

TRAINING = 20_000  # dialogues
FOLDS = 5
FEWEST = 25  # rows of each class that a bank of one's own needs
BASELINES = ("words", "letters")


@dataclass(frozen=True)
class Floor:
    """What the wording says.

    Attributes:
        scores: by baseline, (rows of the bank,): probability that a row has no answer. Empty without a floor.
        how: what the baselines learned from, or why there is none.
    """

    scores: dict[str, NDArray[np.float64]]
    how: str


def floor(
    bank: Bank, seed: int = 0, training: int = TRAINING, progress: Callable[[int, int], None] | None = None
) -> Floor:
    """Both baselines on every row of a bank; `training` dialogues are learned, `seed` draws the folds."""
    prompts, labels = _split(bank.rows)
    if bank.seed is not None:
        rows = [row for row in generate(bank.seed, training) if row.split == "train"]
        learned, truth = _split(rows)
        how = f"learned from {len(rows):,} training dialogues"
        return Floor(_each(lambda made: _probability(made.fit(learned, truth), prompts), progress), how)
    fewest = min(sum(labels), len(labels) - sum(labels))
    if fewest < FEWEST:
        return Floor({}, f"no surface floor: a class has {fewest} rows, and {FEWEST} are needed to learn from")
    how = f"learned from the other rows of the bank, {FOLDS} folds"
    return Floor(_each(lambda made: _crossed(made, prompts, labels, seed), progress), how)


def baseline(name: str) -> Any:
    """An untrained scikit-learn pipeline: `words` or `letters`."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
    except ImportError:
        remedy = "Install it: pip install scikit-learn."
        raise InputError("The surface floor needs a library", "scikit-learn is not installed", remedy) from None
    reads: dict[str, dict[str, Any]] = {
        "words": {"token_pattern": r"\b\w+\b", "ngram_range": (1, 2)},
        "letters": {"analyzer": "char", "ngram_range": (2, 4), "min_df": 2},
    }
    return make_pipeline(
        TfidfVectorizer(sublinear_tf=True, **reads[name]), LogisticRegression(C=10, solver="liblinear", random_state=0)
    )


def _each(
    scored: Callable[[Any], NDArray[np.float64]], progress: Callable[[int, int], None] | None
) -> dict[str, NDArray[np.float64]]:
    found = {}
    for name in BASELINES:
        found[name] = scored(baseline(name))
        if progress:
            progress(len(found), len(BASELINES))
    return found


def _crossed(made: Any, prompts: list[str], labels: list[bool], seed: int) -> NDArray[np.float64]:
    """Each row judged by a baseline that has not learned from it."""
    from sklearn.model_selection import StratifiedKFold

    scores = np.zeros(len(prompts))
    for learned, judged in StratifiedKFold(FOLDS, shuffle=True, random_state=seed % 2**32).split(prompts, labels):
        made.fit([prompts[n] for n in learned], [labels[n] for n in learned])
        scores[judged] = _probability(made, [prompts[n] for n in judged])
    return scores


def _probability(fitted: Any, prompts: list[str]) -> NDArray[np.float64]:
    return np.asarray(fitted.predict_proba(prompts)[:, 1], dtype=np.float64)


def _split(rows: Sequence[Question | Dialogue]) -> tuple[list[str], list[bool]]:
    return [row.prompt for row in rows], [not row.answerable for row in rows]
