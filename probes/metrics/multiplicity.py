"""Many tests at once: p-values adjusted for how many there were.

Holm for a rule that was fixed beforehand, Benjamini-Hochberg for exploring.
"""

from collections.abc import Sequence

import numpy as np

from probes.metrics.figure import Floats
from tilelli.errors import InputError


def holm(p: Sequence[float]) -> Floats:
    """(n,): p-values adjusted so that the chance of even one false finding among n stays below 5 % (Holm 1979).

    Raises:
        InputError: a p-value is no probability.
    """
    values = _checked(p)
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def benjamini_hochberg(p: Sequence[float]) -> Floats:
    """(n,): adjusted so that below 5 % of what is found, on average, is false (Benjamini and Hochberg 1995).

    Raises:
        InputError: a p-value is no probability.
    """
    from scipy.stats import false_discovery_control

    values = _checked(p)
    return np.asarray(false_discovery_control(values)) if len(values) else values


def _checked(p: Sequence[float]) -> Floats:
    values = np.asarray(p, dtype=np.float64)
    odd = values[~((values >= 0) & (values <= 1))]
    if len(odd):
        seen = f"{len(odd)} of {len(values)}, the first is {odd[0]:g}"
        raise InputError("A p-value is no probability", seen, "Leave out what could not be tested, and say so.")
    return values
