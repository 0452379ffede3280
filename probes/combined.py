"""The combined signal: logistic regression on all others, so that no row is judged by what was learned from it.

Where a bank has rows to choose on, it is learned from those alone; else it is cross-fitted: five folds, each judged by
what the other four say. Rows that hang together lie in one fold. It has met questions of the same kinds, which no
single signal has: it is what could be had with labelled questions, not what a model knows of itself.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probes.signals import COMBINED, LENGTH, Floats, columns_of
from tilelli.errors import InputError

FOLDS = 5
FEWEST = 10  # rows of the rarer class to learn from


def combined(
    signals: pd.DataFrame,
    label: NDArray[np.bool_],
    calibration: NDArray[np.bool_],
    seed: int = 0,
    group: NDArray[np.int64] | None = None,
) -> Floats:
    """Probability (n,) that a row is labelled true; NaN for rows it learned from, and everywhere if it cannot learn.

    Args:
        signals: (n, signals); those that are undefined somewhere, and the length of the prompt, are left out.
        label: (n,) what is to be told.
        calibration: (n,) rows to choose on; with none of them it is cross-fitted.
        seed: of the folds.
        group: (n,) rows that hang together.
    """
    x = [values for name, values in columns_of(signals).items() if name not in (LENGTH, COMBINED)]
    scores = np.full(len(label), np.nan)
    learned = calibration if calibration.any() else np.ones(len(label), dtype=bool)
    if not x or min(label[learned].sum(), (~label[learned]).sum()) < FEWEST:
        return scores
    rows = np.stack(x, axis=1)
    if calibration.any():
        scores[~calibration] = _learned(rows[calibration], label[calibration], rows[~calibration])
        return scores
    for known, new in _folds(label, np.arange(len(label)) if group is None else group, seed):
        scores[new] = _learned(rows[known], label[known], rows[new])
    return scores


def _learned(x: Floats, label: NDArray[np.bool_], new: Floats) -> Floats:
    if not len(new):
        return np.zeros(0)
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError:
        remedy = "Install it: pip install scikit-learn."
        raise InputError("The combined signal needs a library", "scikit-learn is not installed", remedy) from None
    fitted = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(x, label)
    return np.asarray(fitted.predict_proba(new)[:, 1], dtype=np.float64)


def _folds(
    label: NDArray[np.bool_], group: NDArray[np.int64], seed: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Folds whose learning rows hold both classes."""
    from sklearn.model_selection import StratifiedGroupKFold

    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed % 2**32).split(label, label, group)
    return [(known, new) for known, new in folds if len(set(label[known].tolist())) == 2]
